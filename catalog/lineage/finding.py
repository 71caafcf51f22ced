"""Find what an id names: the id of anything on record, its start, or two parts with a slash.

`SET/NUMBER` is a shard, `EPISODE/NAME` a stream, `SOURCE/PATH` or `SOURCE/SHA256` a file. A whole
id goes before the start of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from catalog import clips, files, mentions, records, releases, rights, runs, schema, training_sets
from catalog.errors import NotFound
from catalog.layers import Fact
from catalog.lineage.reached import Reached, streams_of

_COLUMNS: Final[tuple[tuple[str, Column[str]], ...]] = (
    ("source", schema.sources.c.source_id),
    ("training set", schema.training_sets.c.name),
    ("training set", schema.training_sets.c.set_id),
    ("training set", schema.training_sets.c.manifest_digest),
    ("release", schema.releases.c.name),
    ("release", schema.releases.c.release_id),
    ("checkpoint", schema.checkpoints.c.checkpoint_id),
    ("run", schema.runs.c.run_id),
    ("decision", schema.decisions.c.decision_id),
    ("episode", schema.episodes.c.episode_id),
    ("clip", schema.clips.c.clip_id),
    ("file", schema.files.c.sha256),
)


def find(session: Session, wanted: str) -> Reached:
    """Return what `wanted` names as the beginning of a walk; a sha256 may name several files.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    found = Reached()
    for look in (_whole, _paper, _part, _begun):
        if look(session, wanted, found):
            return found
    raise NotFound(
        f"nothing on record has the id {wanted!r}",
        code="UNKNOWN_ID", subject=wanted, way_out="`clearway audit list` shows what is on record",
    )  # fmt: skip


def papers(session: Session, ids: Iterable[str]) -> tuple[Fact, ...]:
    """The last fact of each of these instruments, however many sources hold it, oldest first."""
    wanted = set(ids)
    table, last = schema.facts, set[str]()
    for some in records.chunks(wanted):
        newest = _naming(some, func.max(table.c.seq)).group_by(schema.ops_mentions.c.name)
        query = select(table.c.fact_id).where(table.c.seq.in_(newest))
        last.update(session.execute(query).scalars())
    facts = rights.facts_by_id(session, wanted | last)
    return tuple(one for one in facts if one.kind == "instrument")


def held_in(session: Session, ids: Iterable[str]) -> set[tuple[str, str]]:
    """Each of these instruments with each source that holds it, without reading what they say."""
    facts, found = schema.facts, set[tuple[str, str]]()
    for some in records.chunks(ids):
        own = select(facts.c.fact_id, facts.c.source_id)
        own = own.where(facts.c.kind == "instrument", facts.c.fact_id.in_(some))
        named = _naming(some, schema.ops_mentions.c.name, facts.c.source_id).distinct()
        for query in (own, named):
            found |= {(one, source_id) for one, source_id in session.execute(query)}
    return found


def paper_id(fact: Fact) -> str:
    """What an instrument is called: its own id, or that of its fact."""
    return str(fact.doc.get("id") or fact.fact_id)


def _naming(ids: Iterable[str], *columns: ColumnElement[Any]) -> Select[Any]:
    """Ask of the facts that say that a source holds an instrument of one of these ids."""
    noted, facts = schema.ops_mentions, schema.facts
    query = select(*columns).join_from(noted, facts, facts.c.fact_id == noted.c.subject)
    return query.where(
        noted.c.role == mentions.INSTRUMENT, noted.c.name.in_(ids), facts.c.kind == "instrument"
    )


def _whole(session: Session, wanted: str, found: Reached) -> bool:
    for kind, column in _COLUMNS:
        query = select(column).where(column == wanted).limit(1)
        if session.execute(query).first() is not None:
            _BEGIN[kind](session, wanted, found)
            return True
    return False


def _begun(session: Session, wanted: str, found: Reached) -> bool:
    for kind, column in _COLUMNS:
        if column.name == "name":  # the latest version has a name, none its start
            continue
        whole = records.begun(session, column, wanted, what=f"ids of {column.table}")
        if whole is not None:
            _BEGIN[kind](session, whole, found)
            return True
    return False


def _paper(session: Session, wanted: str, found: Reached) -> bool:
    facts = (one for one in rights.facts_by_id(session, [wanted]) if one.kind == "instrument")
    found.instruments |= {paper_id(one) for one in facts}
    if not found.instruments and held_in(session, [wanted]):
        found.instruments.add(wanted)
    return bool(found.instruments)


def _part(session: Session, wanted: str, found: Reached) -> bool:
    whole, slash, part = wanted.partition("/")
    if not slash or not part:
        return False
    looks = (_shard, _stream, _path)
    return any(look(session, (whole, part), found) for look in looks)


def _shard(session: Session, place: tuple[str, str], found: Reached) -> bool:
    table = schema.shards
    if not place[1].isdecimal():
        return False
    query = select(table.c.source_id).where(
        table.c.set_id == place[0], table.c.shard == int(place[1])
    )
    source_id = session.execute(query).scalar()
    if source_id is not None:
        found.shards[place[0], int(place[1])] = source_id
    return source_id is not None


def _stream(session: Session, place: tuple[str, str], found: Reached) -> bool:
    for row in clips.episodes_with(session, [place[0]]):
        if place in streams_of(row):
            found.note((row,))
            found.streams.add(place)
    return bool(found.streams)


def _path(session: Session, place: tuple[str, str], found: Reached) -> bool:
    held = files.held(session, place[0])
    found.files |= {(place[0], one.sha256) for one in held if place[1] in {one.path, one.sha256}}
    return bool(found.files)


def _file(session: Session, sha256: str, found: Reached) -> None:
    table = schema.files
    query = select(table.c.source_id).where(table.c.sha256 == sha256).distinct()
    found.files |= {(source_id, sha256) for source_id in session.execute(query).scalars()}


def _set(session: Session, name: str, found: Reached) -> None:
    row = training_sets.training_set(session, name)
    found.sets[row.set_id] = row


def _release(session: Session, wanted: str, found: Reached) -> None:
    row = releases.release(session, wanted)
    found.releases[row.release_id] = row


def _run(session: Session, run_id: str, found: Reached) -> None:
    found.runs[run_id] = runs.run(session, run_id)


def _checkpoint(session: Session, checkpoint_id: str, found: Reached) -> None:
    found.checkpoints[checkpoint_id] = runs.checkpoint(session, checkpoint_id)


def _decision(session: Session, decision_id: str, found: Reached) -> None:
    table = schema.decisions
    query = select(table.c.source_id).where(table.c.decision_id == decision_id).limit(1)
    found.decisions[decision_id] = str(session.execute(query).scalar())


def _episode(session: Session, episode_id: str, found: Reached) -> None:
    found.episodes |= found.note(clips.episodes_with(session, [episode_id]))


def _source(_session: Session, source_id: str, found: Reached) -> None:
    found.sources.add(source_id)


def _clip(_session: Session, clip_id: str, found: Reached) -> None:
    found.clips.ids.add(clip_id)


_BEGIN: Final[dict[str, Callable[[Session, str, Reached], None]]] = {
    "source": _source, "training set": _set, "checkpoint": _checkpoint, "run": _run,
    "release": _release,
    "decision": _decision, "episode": _episode, "clip": _clip, "file": _file,
}  # fmt: skip
