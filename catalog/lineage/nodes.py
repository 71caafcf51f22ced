"""Name what a walk has reached: one node each, or one with a count for many alike.

Files, episodes, streams, clips and decisions are counted by source, shards by set and source, once
there are more than SHOWN of them, or FEW; the sources of a wide walk are one. Only what is shown
is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import decisions, files, records, rights, schema, sources
from catalog.clips import ClipRow
from catalog.decisions import DecisionRow
from catalog.engine import among
from catalog.lineage.alike import FEW, few_or_many
from catalog.lineage.finding import paper_id, papers
from catalog.lineage.graph import CLEARED, REFUSED, REVOKED, Node
from catalog.lineage.lost import Lost
from catalog.lineage.reached import File, Reached, Shard, Stream
from catalog.releases import ReleaseRow
from catalog.runs import CheckpointRow, RunRow
from catalog.sources import Source
from catalog.training_sets import TrainingSetRow

NS: Final = 1_000_000_000


def source_nodes(session: Session, found: Reached, gone: Lost) -> dict[str, Node]:
    """Name the sources; those of a wide walk are one."""

    def name(few: list[str]) -> dict[str, Node]:
        return {
            one.source_id: _node(
                "source", one.source_id, _named(one), lost=gone.source(one.source_id)
            )
            for one in sources.sources_with(session, few)
        }

    if not found.is_wide:
        return name(sorted(found.sources))
    raws = dict.fromkeys(sorted(found.sources), "this lineage")
    lost = {one for one in raws if gone.source(one)}
    return few_or_many("source", raws, name, state=lambda _: "", lost=lost)


def instrument_nodes(session: Session, found: Reached) -> dict[str, Node]:
    """Name the papers, each by its own id; one that ended says when."""
    facts = papers(session, found.instruments)
    ends = {one.fact_id: one for one in rights.ends_of(session, (one.fact_id for one in facts))}
    nodes = {}
    for fact in facts:
        name, end = paper_id(fact), ends.get(fact.fact_id)
        over = "" if end is None else f"ended from {end.ends_at} on ({end.kind})"
        nodes[name] = _node("instrument", name, _instrument(fact.doc), lost=over)
    return nodes


def file_nodes(session: Session, found: Reached, gone: Lost) -> dict[File, Node]:
    """Name the files, by their last path."""

    def name(few: list[File]) -> dict[File, Node]:
        paths: dict[File, list[str]] = {}
        for one in files.held_with(session, (sha256 for _, sha256 in few)):
            paths.setdefault((one.source_id, one.sha256), []).append(one.path)
        return {
            each: _node(
                "file", each[1], f"{', '.join(paths.get(each, ['file']))} sha256 {each[1][:16]}",
                source_id=each[0], lost="revoked" if gone.source(each[0]) else "",
            )
            for each in few
        }  # fmt: skip

    raws = {each: each[0] for each in found.files}
    return few_or_many("file", raws, name, state=_of_source(gone))


def episode_nodes(found: Reached, gone: Lost) -> dict[str, Node]:
    """Name the episodes."""

    def name(few: list[str]) -> dict[str, Node]:
        rows = (found.rows[one] for one in few)
        return {
            row.episode_id: _node(
                "episode", row.episode_id, f"{row.episode_id}, read by {row.reader}",
                source_id=row.source_id, lost=gone.episode(row.source_id, row.episode_id),
            )
            for row in rows
        }  # fmt: skip

    raws = {one: found.rows[one].source_id for one in found.episodes}
    return few_or_many("episode", raws, name, state=_of_source(gone))


def stream_nodes(found: Reached, gone: Lost) -> dict[Stream, Node]:
    """Name the streams."""

    def name(few: list[Stream]) -> dict[Stream, Node]:
        return {
            (episode_id, stream): _node(
                "stream", f"{episode_id}/{stream}", f"{stream} of {episode_id}",
                source_id=found.rows[episode_id].source_id,
                lost=gone.episode(found.rows[episode_id].source_id, episode_id),
            )
            for episode_id, stream in few
        }  # fmt: skip

    raws = {one: found.rows[one[0]].source_id for one in found.streams}
    return few_or_many("stream", raws, name, state=_of_source(gone))


def clip_nodes(
    session: Session, found: Reached, gone: Lost
) -> tuple[dict[str, Node], dict[str, ClipRow]]:
    """Name the clips of sources with few, by clip; of one with many, the node is under its name."""
    nodes, rows, counts = dict[str, Node](), dict[str, ClipRow](), _counted(session, found)
    for source_id, count in counts.items():
        if sum(count.values()) > FEW:
            told = ", ".join(f"{number} {status}" for status, number in sorted(count.items()))
            nodes[source_id] = Node(
                kind="clips", node_id=source_id, label=f"clips of {source_id}: {told}",
                state=_of_source(gone)(source_id), count=sum(count.values()),
            )  # fmt: skip
    few = {source_id for source_id in counts if source_id not in nodes}
    for row in _clips(session, found, few):
        rows[row.clip_id] = row
        span = f"[{row.start_ns / NS:.3f} s, {row.end_ns / NS:.3f} s)"
        said = f"{row.clip_id} {span}, {row.status}{f' ({row.reason})' if row.reason else ''}"
        nodes[row.clip_id] = _node(
            "clip", row.clip_id, said, source_id=row.source_id, lost=gone.clip(row)
        )
    return nodes, rows


def decision_nodes(session: Session, found: Reached) -> dict[str, Node]:
    """Name the decisions: verdict, reasons and what was asked."""

    def name(few: list[str]) -> dict[str, Node]:
        rows = {one.decision_id: one for one in decisions.decisions_with(session, few)}
        absent = {one: _node("decision", one, f"{one}, not on record") for one in few}
        return absent | {one: _decision(row) for one, row in rows.items()}

    return few_or_many("decision", found.decisions, name, state=lambda _: "")


def shard_nodes(session: Session, found: Reached, gone: Lost) -> dict[Shard, Node]:
    """Name the shards; each holds clips of one source, and those of a wide walk are one a set."""
    table = schema.shards

    def name(few: list[Shard]) -> dict[Shard, Node]:
        counts = {}
        for some in records.chunks(set_id for set_id, _ in few):
            query = select(table.c.set_id, table.c.shard, table.c.num_clips)
            for set_id, shard, count in session.execute(query.where(table.c.set_id.in_(some))):
                counts[set_id, shard] = count
        return {
            each: Node(
                kind="shard", node_id=f"{each[0]}/{each[1]}", source_id=found.shards[each],
                label=f"shard {each[1]}, {counts[each]} clips",
                state=REVOKED if gone.shard(each) else CLEARED,
            )
            for each in few
        }  # fmt: skip

    raws = {
        each: each[0] if found.is_wide else f"{each[0]}/{source_id}"
        for each, source_id in found.shards.items()
    }
    lost = {each for each in raws if gone.shard(each)}
    return few_or_many("shard", raws, name, state=lambda _: CLEARED, lost=lost)


def set_node(row: TrainingSetRow, gone: Lost) -> Node:
    """Name a training set."""
    label = f"{row.set_id}, {row.num_clips} clips, manifest {row.manifest_digest[:16]}"
    return _made("training set", row.set_id, label, is_lost=row.set_id in gone.radius.training_sets)


def run_node(row: RunRow, gone: Lost) -> Node:
    """Name a run."""
    label = f"{row.run_id}, seed {row.seed}, {row.status}"
    node = _made("run", row.run_id, label, is_lost=row.run_id in gone.radius.runs)
    return replace(node, status=row.status)


def checkpoint_node(row: CheckpointRow, gone: Lost) -> Node:
    """Name a checkpoint."""
    label = f"{row.checkpoint_id[:16]} at step {row.step}"
    is_lost = row.run_id in gone.radius.runs
    return _made("checkpoint", row.checkpoint_id, label, is_lost=is_lost)


def release_node(row: ReleaseRow, gone: Lost) -> Node:
    """Name a release: how it is given away, and when it was published."""
    day = f", published {row.published}" if row.published else ""
    label = f"{row.release_id}, {row.release} under {row.out_licence}{day}"
    return _made("release", row.release_id, label, is_lost=row.run_id in gone.radius.runs)


def _made(kind: str, node_id: str, label: str, *, is_lost: bool) -> Node:
    note, state = ("reached by a revocation", REVOKED) if is_lost else ("", CLEARED)
    return Node(kind=kind, node_id=node_id, label=label, note=note, state=state)


def _node(kind: str, node_id: str, label: str, *, lost: str = "", **more: Any) -> Node:  # noqa: ANN401 - fields of Node
    state = REVOKED if lost else ""
    return Node(kind=kind, node_id=node_id, label=label, note=lost, state=state, **more)


def _of_source(gone: Lost) -> Callable[[str], str]:
    return lambda source_id: REVOKED if gone.source(source_id) else ""


def _counted(session: Session, found: Reached) -> dict[str, dict[str, int]]:
    """How many clips of each source were judged how, last; by the database."""
    table, counts = schema.clips, dict[str, dict[str, int]]()
    newer = table.alias()
    is_last = ~(
        select(newer.c.leaf)
        .where(newer.c.clip_id == table.c.clip_id, newer.c.leaf > table.c.leaf)
        .correlate(table).exists()
    )  # fmt: skip
    query = select(table.c.source_id, table.c.status, func.count()).where(is_last)
    query = query.group_by(table.c.source_id, table.c.status)
    for condition in found.clips.conditions(session):
        for source_id, status, number in session.execute(query.where(condition)):
            own = counts.setdefault(source_id, {})
            own[status] = own.get(status, 0) + number
    return counts


def _clips(session: Session, found: Reached, source_ids: Iterable[str]) -> list[ClipRow]:
    table, rows, wanted = schema.clips, dict[str, ClipRow](), sorted(source_ids)
    for condition in found.clips.conditions(session) if wanted else ():
        query = select(table).where(condition, among(session, table.c.source_id, wanted))
        for row in session.execute(query.order_by(table.c.leaf)).mappings():
            fields = {name: row[name] for name in ClipRow.__dataclass_fields__}
            rows[row["clip_id"]] = ClipRow(**fields)
    return list(rows.values())


def _instrument(doc: Mapping[str, Any]) -> str:
    said = [str(doc[name]) for name in ("licence", "number", "signed") if doc.get(name)]
    digest = doc.get("text_sha256") or doc.get("evidence_sha256")
    return ", ".join([*said, *([f"text {digest[:16]}"] if digest else [])]) or str(doc.get("id"))


def _named(source: Source) -> str:
    title = source.title + (" (fictional)" if source.fictional else "")
    return f"{source.source_id}: {title}" if title else source.source_id


def _decision(row: DecisionRow) -> Node:
    asked = row.request_name or row.request_digest[:12]
    label = f"{row.verdict} {', '.join(row.reasons)} for {asked}"
    state = CLEARED if row.verdict == "permit" else REFUSED
    return Node(
        kind="decision", node_id=row.decision_id, label=label, source_id=row.source_id, state=state
    )
