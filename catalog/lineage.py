"""Lineage: from any id up to its sources and licences, or down to what came of it.

Trees are nested dicts {"kind", "id", "label", "children"}; what would be thousands of nodes (clips)
is one node with a count. `down(source)` names every checkpoint whose `up` names the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import clips, decisions, files, rights, runs, schema, sources, training_sets
from catalog.errors import NotFound
from catalog.runs import CheckpointRow, RunRow
from catalog.sources import Source
from catalog.training_sets import TrainingSetRow

NS = 1_000_000_000
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """Everything downstream of a source; shards are (set id, shard).

    `last_clean_checkpoint` is the latest one whose run saw no row of the source.
    """

    source_id: str
    clips: tuple[str, ...]
    shards: tuple[tuple[str, int], ...]
    training_sets: tuple[str, ...]
    runs: tuple[str, ...]
    checkpoints: tuple[str, ...]
    last_clean_checkpoint: str | None


def up(session: Session, wanted: str) -> Tree:
    """Trace a thing back to its sources and their licences.

    Raises:
        NotFound: UNKNOWN_ID when nothing on record has this id.
    """
    kind, row = _find(session, wanted)
    if kind == "checkpoint":
        return _checkpoint_up(session, row)
    if kind == "run":
        return _run_up(session, row)
    if kind == "training set":
        return _set_up(session, row)
    if kind == "clip":
        label = f"{row.clip_id} [{row.start_ns / NS:.3f} s, {row.end_ns / NS:.3f} s)"
        return _node("clip", row.clip_id, label, [_episode_up(session, row.source_id, row.episode_id)])
    if kind == "decision":
        source = sources.source(session, row.source_id)
        return _node("decision", row.decision_id, _decided(row), [_source_up(session, source)])
    return _source_up(session, row)


def down(session: Session, wanted: str) -> Tree:
    """Trace a thing down to the training sets, runs and checkpoints that came of it."""
    kind, row = _find(session, wanted)
    if kind == "source":
        own = clips.clips_of(session, row.source_id)
        kept = sum(one.status == "kept" for one in own)
        children = [_set_down(session, one) for one in _sets_with(session, row.source_id)]
        made = _node("clips", row.source_id, f"{kept} kept, {len(own) - kept} filtered", children)
        return _node("source", row.source_id, _named(row), [made])
    if kind == "training set":
        return _set_down(session, row)
    if kind == "run":
        return _run_down(session, row)
    if kind == "clip":
        here = {set_id for set_id in _sets_of_clip(session, row.clip_id)}
        sets = [one for one in training_sets.training_sets(session) if one.set_id in here]
        children = [_set_down(session, one) for one in sets]
        return _node("clip", row.clip_id, row.clip_id, children)
    if kind == "decision":
        sets = [one for one in training_sets.training_sets(session)
                if row.decision_id in one.decisions]
        children = [_set_down(session, one) for one in sets]
        return _node("decision", row.decision_id, _decided(row), children)
    return _node("checkpoint", row.checkpoint_id, _stepped(row), [])


def blast_radius(session: Session, source_id: str) -> BlastRadius:
    """Return what a loss of `source_id` would touch."""
    sets = _sets_with(session, source_id)
    own = {one.clip_id for one in clips.clips_of(session, source_id)}
    shards = sorted({
        (one.set_id, shard)
        for one in sets for clip_id, _camera, shard in clips.shards_of(session, one.set_id)
        if clip_id in own
    })  # fmt: skip
    names = {one.set_id for one in sets}
    saw = [one.run_id for one in runs.runs(session) if one.set_id in names]
    points = runs.checkpoints(session)
    clean = [one.checkpoint_id for one in points if one.run_id not in saw]
    return BlastRadius(
        source_id=source_id,
        clips=tuple(sorted(own)),
        shards=tuple(shards),
        training_sets=tuple(one.set_id for one in sets),
        runs=tuple(saw),
        checkpoints=tuple(one.checkpoint_id for one in points if one.run_id in saw),
        last_clean_checkpoint=clean[-1] if clean else None,
    )


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
    return _node("checkpoint", point.checkpoint_id, _stepped(point), [_run_up(session, run)])


def _run_up(session: Session, run: RunRow) -> Tree:
    one = training_sets.training_set(session, run.set_id)
    label = f"{run.run_id}, seed {run.seed}, {run.status}"
    return _node("run", run.run_id, label, [_set_up(session, one)])


def _set_up(session: Session, one: TrainingSetRow) -> Tree:
    places = clips.shards_of(session, one.set_id)
    decided = {}
    for decision_id in one.decisions:
        row = decisions.decision(session, decision_id)
        decided.setdefault(row.source_id, []).append(row)
    children = []
    for source_id in one.sources:
        own = {clip.clip_id for clip in clips.clips_of(session, source_id)}
        count = len({clip_id for clip_id, _camera, _shard in places if clip_id in own})
        source = _source_up(session, sources.source(session, source_id))
        source["children"] = [
            _node("decision", row.decision_id, _decided(row), [])
            for row in decided.get(source_id, [])
        ] + source["children"]
        children.append(_node("shard", f"{one.set_id}/{source_id}", f"{count} clips", [source]))
    label = f"{one.set_id}, {one.num_clips} clips, manifest {one.manifest_digest[:16]}"
    return _node("training set", one.set_id, label, children)


def _episode_up(session: Session, source_id: str, episode_id: str) -> Tree:
    source = _source_up(session, sources.source(session, source_id))
    return _node("episode", episode_id, episode_id, [source])


def _source_up(session: Session, source: Source) -> Tree:
    facts = rights.facts_of(session, source.source_id)
    children = [
        _node("instrument", str(fact.doc.get("id", fact.fact_id)), _instrument(fact.doc), [])
        for fact in facts if fact.kind == "instrument"
    ]  # fmt: skip
    children += [
        _node("file", one.sha256, f"{one.path} sha256 {one.sha256[:16]}", [])
        for one in files.files_of(session, source.source_id) if one.status == "ingested"
    ]  # fmt: skip
    return _node("source", source.source_id, _named(source), children)


def _set_down(session: Session, one: TrainingSetRow) -> Tree:
    children = [_run_down(session, run) for run in runs.runs(session) if run.set_id == one.set_id]
    return _node("training set", one.set_id, f"{one.set_id}, {one.num_clips} clips", children)


def _run_down(session: Session, run: RunRow) -> Tree:
    children = [
        _node("checkpoint", point.checkpoint_id, _stepped(point), [])
        for point in runs.checkpoints(session) if point.run_id == run.run_id
    ]  # fmt: skip
    return _node("run", run.run_id, f"{run.run_id}, {run.status}", children)


def _sets_with(session: Session, source_id: str) -> list[TrainingSetRow]:
    return [one for one in training_sets.training_sets(session) if source_id in one.sources]


def _sets_of_clip(session: Session, clip_id: str) -> list[str]:
    table = schema.shard_clips
    query = select(table.c.set_id).where(table.c.clip_id == clip_id).distinct()
    return list(session.execute(query).scalars())


def _instrument(doc: Mapping[str, Any]) -> str:
    said = [str(doc[name]) for name in ("licence", "number", "signed") if doc.get(name)]
    digest = doc.get("text_sha256") or doc.get("evidence_sha256")
    return ", ".join([*said, *([f"text {digest[:16]}"] if digest else [])]) or str(doc.get("id"))


def _named(source: Source) -> str:
    title = source.title + (" (fictional)" if source.fictional else "")
    return f"{source.source_id}: {title}" if title else source.source_id


def _decided(row: decisions.DecisionRow) -> str:
    return f"{row.verdict} {', '.join(row.reasons)} for {row.request_name or row.request_digest[:12]}"


def _stepped(point: CheckpointRow) -> str:
    return f"{point.checkpoint_id[:16]} at step {point.step}"


def _node(kind: str, name: str, label: str, children: list[Tree]) -> Tree:
    return {"kind": kind, "id": name, "label": label, "children": children}
