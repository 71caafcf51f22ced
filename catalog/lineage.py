"""Lineage: from any id up to its sources and licences, or down to what came of it.

Trees are nested dicts {"kind", "id", "label", "children"}; what would be thousands of nodes (clips)
is one node with a count. `down(source)` names every checkpoint whose `up` names the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import clips, decisions, files, rights, runs, schema, sources, training_sets
from catalog.clips import ClipRow
from catalog.decisions import DecisionRow
from catalog.errors import NotFound
from catalog.runs import CheckpointRow, RunRow
from catalog.sources import Source
from catalog.training_sets import TrainingSetRow

NS = 1_000_000_000
SHOWN = 20  # files that a tree names one by one
Tree = dict[str, Any]


def up(session: Session, wanted: str) -> Tree:
    """Trace a thing back to its sources and their licences.

    Raises:
        NotFound: UNKNOWN_ID when nothing on record has this id.
    """
    kind, row = _find(session, wanted)
    return _UP[kind](session, row)


def down(session: Session, wanted: str) -> Tree:
    """Trace a thing down to the training sets, runs and checkpoints that came of it.

    Raises:
        NotFound: UNKNOWN_ID when nothing on record has this id.
    """
    kind, row = _find(session, wanted)
    return _DOWN[kind](session, row)


def _find(session: Session, wanted: str) -> tuple[str, Any]:
    lookups = (
        ("source", sources.source), ("training set", training_sets.training_set),
        ("checkpoint", runs.checkpoint), ("run", runs.run), ("decision", decisions.decision),
    )  # fmt: skip
    for kind, look in lookups:
        try:
            return kind, look(session, wanted)
        except NotFound as error:
            if error.code == "AMBIGUOUS_ID":
                raise
    clip = clips.clip(session, wanted)
    if clip is not None:
        return "clip", clip
    for entry in files.files_by_sha256(session, wanted):
        return "source", sources.source(session, entry.source_id)
    raise NotFound(
        f"nothing on record has the id {wanted!r}",
        code="UNKNOWN_ID", subject=wanted, way_out="`clearway audit list` shows what is on record",
    )  # fmt: skip


def _checkpoint_up(session: Session, point: CheckpointRow) -> Tree:
    run = runs.run(session, point.run_id)
    return _node("checkpoint", point.checkpoint_id, _stepped(point), _run_up(session, run))


def _run_up(session: Session, run: RunRow) -> Tree:
    one = training_sets.training_set(session, run.set_id)
    label = f"{run.run_id}, seed {run.seed}, {run.status}"
    return _node("run", run.run_id, label, _set_up(session, one))


def _set_up(session: Session, one: TrainingSetRow) -> Tree:
    table = schema.shards
    query = select(table).where(table.c.set_id == one.set_id).order_by(table.c.shard)
    decided: dict[str, list[DecisionRow]] = {}
    for decision_id in one.decisions:
        row = decisions.decision(session, decision_id)
        decided.setdefault(row.source_id, []).append(row)
    children = [
        _node(
            "shard", f"{one.set_id}/{shard['shard']}",
            f"shard {shard['shard']}, {shard['num_clips']} clips",
            _source_up(
                session, sources.source(session, shard["source_id"]),
                *(_decision(row) for row in decided.get(shard["source_id"], ())),
            ),
        )
        for shard in session.execute(query).mappings()
    ]  # fmt: skip
    label = f"{one.set_id}, {one.num_clips} clips, manifest {one.manifest_digest[:16]}"
    return _node("training set", one.set_id, label, *children)


def _clip_up(session: Session, row: ClipRow) -> Tree:
    episode = clips.episode(session, row.episode_id)
    source = _source_up(session, sources.source(session, row.source_id))
    span = f"{row.clip_id} [{row.start_ns / NS:.3f} s, {row.end_ns / NS:.3f} s), {row.status}"
    read = f"{episode.episode_id}, read by {episode.reader}"
    above = _node("episode", episode.episode_id, read, source)
    return _node("clip", row.clip_id, span, above)


def _decision_up(session: Session, row: DecisionRow) -> Tree:
    source = sources.source(session, row.source_id)
    return _decision(row, _source_up(session, source))


def _source_up(session: Session, source: Source, *first: Tree) -> Tree:
    facts = rights.facts_of(session, source.source_id)
    instruments = [
        _node("instrument", str(fact.doc.get("id", fact.fact_id)), _instrument(fact.doc))
        for fact in facts if fact.kind == "instrument"
    ]  # fmt: skip
    found = [
        _node("file", one.sha256, f"{one.path} sha256 {one.sha256[:16]}")
        for one in files.held(session, source.source_id) if one.status == "ingested"
    ]  # fmt: skip
    if len(found) > SHOWN:
        rest = len(found) - SHOWN
        found = [*found[:SHOWN], _node("files", source.source_id, f"and {rest} more")]
    return _node("source", source.source_id, _named(source), *first, *instruments, *found)


def _source_down(session: Session, source: Source) -> Tree:
    own = clips.clips_of(session, source.source_id)
    kept = sum(one.status == "kept" for one in own)
    below = [_set_down(session, one) for one in _sets_with(session, source.source_id)]
    label = f"{kept} kept, {len(own) - kept} filtered"
    made = _node("clips", source.source_id, label, *below)
    return _node("source", source.source_id, _named(source), made)


def _clip_down(session: Session, row: ClipRow) -> Tree:
    table = schema.shard_clips
    query = select(table.c.set_id).where(table.c.clip_id == row.clip_id).distinct()
    here = sorted(session.execute(query).scalars())
    below = [_set_down(session, training_sets.training_set(session, one)) for one in here]
    return _node("clip", row.clip_id, row.clip_id, *below)


def _decision_down(session: Session, row: DecisionRow) -> Tree:
    everything = training_sets.training_sets(session)
    below = [_set_down(session, one) for one in everything if row.decision_id in one.decisions]
    return _decision(row, *below)


def _set_down(session: Session, one: TrainingSetRow) -> Tree:
    below = [_run_down(session, run) for run in runs.runs(session) if run.set_id == one.set_id]
    return _node("training set", one.set_id, f"{one.set_id}, {one.num_clips} clips", *below)


def _run_down(session: Session, run: RunRow) -> Tree:
    below = [
        _checkpoint_down(session, point)
        for point in runs.checkpoints(session) if point.run_id == run.run_id
    ]  # fmt: skip
    return _node("run", run.run_id, f"{run.run_id}, {run.status}", *below)


def _checkpoint_down(_session: Session, point: CheckpointRow) -> Tree:
    return _node("checkpoint", point.checkpoint_id, _stepped(point))


def _sets_with(session: Session, source_id: str) -> list[TrainingSetRow]:
    return [one for one in training_sets.training_sets(session) if source_id in one.sources]


def _instrument(doc: Mapping[str, Any]) -> str:
    said = [str(doc[name]) for name in ("licence", "number", "signed") if doc.get(name)]
    digest = doc.get("text_sha256") or doc.get("evidence_sha256")
    return ", ".join([*said, *([f"text {digest[:16]}"] if digest else [])]) or str(doc.get("id"))


def _named(source: Source) -> str:
    title = source.title + (" (fictional)" if source.fictional else "")
    return f"{source.source_id}: {title}" if title else source.source_id


def _decision(row: DecisionRow, *children: Tree) -> Tree:
    asked = row.request_name or row.request_digest[:12]
    label = f"{row.verdict} {', '.join(row.reasons)} for {asked}"
    return _node("decision", row.decision_id, label, *children)


def _stepped(point: CheckpointRow) -> str:
    return f"{point.checkpoint_id[:16]} at step {point.step}"


def _node(kind: str, name: str, label: str, *children: Tree) -> Tree:
    return {"kind": kind, "id": name, "label": label, "children": list(children)}


_UP: dict[str, Callable[[Session, Any], Tree]] = {
    "source": _source_up, "clip": _clip_up, "decision": _decision_up,
    "training set": _set_up, "run": _run_up, "checkpoint": _checkpoint_up,
}  # fmt: skip
_DOWN: dict[str, Callable[[Session, Any], Tree]] = {
    "source": _source_down, "clip": _clip_down, "decision": _decision_down,
    "training set": _set_down, "run": _run_down, "checkpoint": _checkpoint_down,
}  # fmt: skip
