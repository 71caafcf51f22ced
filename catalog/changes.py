"""What was recorded about rights between two instants: facts added, said anew, and ended.

In: two instants of recorded time. Out: one change a fact, in the order of recording. A fact is said
anew when a later one speaks of the same thing: an agreement of that number, the state of that duty,
the answer to that question, that pair of copies, or the description of the source itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import records, rights, schema, subjects
from catalog.duplicates import KIND as DUPLICATE
from catalog.layers import Fact

DESCRIPTION = "source"  # the kind of a change of a source's description


@dataclass(frozen=True, slots=True, kw_only=True)
class FactChange:
    """One fact that was added, superseded or revoked; `by` is the later fact, or the kind of end.

    `ends_at` is the first day on which a revoked fact no longer holds, empty for the others.
    """

    what: str  # added | superseded | revoked
    source_id: str
    kind: str
    fact_id: str
    said: Mapping[str, Any]
    by: str
    ends_at: str
    recorded_at: datetime


def fact_changes(session: Session, since: datetime, until: datetime) -> tuple[FactChange, ...]:
    """Return what was recorded after `since` and up to `until`, in the order of recording."""
    found = [
        *_described(session, since, until),
        *_facts(session, since, until),
        *_ended(session, since, until),
        *_revoked(session, since, until),
    ]
    return tuple(sorted(found, key=lambda one: one.recorded_at))


def _described(session: Session, since: datetime, until: datetime) -> Iterator[FactChange]:
    for row in records.between(session, schema.sources, since=since, until=until):
        name = str(row.doc["source_id"])
        rows = records.stored(session, schema.sources, known=until, source_id=name)
        yield FactChange(
            what="superseded" if rows[0].seq < row.seq else "added",
            source_id=name,
            kind=DESCRIPTION,
            fact_id=name,
            said=row.doc,
            by=name if rows[0].seq < row.seq else "",
            ends_at="",
            recorded_at=row.recorded_at,
        )


def _facts(session: Session, since: datetime, until: datetime) -> Iterator[FactChange]:
    rows = records.between(session, schema.facts, since=since, until=until)
    new = {str(row.doc["fact_id"]) for row in rows}
    for source_id in sorted({str(row.doc["source_id"]) for row in rows}):
        yield from _said(rights.facts_of(session, source_id, known=until), new)


def _said(facts: Iterable[Fact], new: set[str]) -> Iterator[FactChange]:
    """The new ones among the facts of a source, and what each of them says anew."""
    spoken: dict[tuple[str, ...], Fact] = {}
    for fact in facts:
        before = spoken.get(_subject(fact))
        spoken[_subject(fact)] = fact
        if fact.fact_id in new:
            yield _change("added", fact, at=fact.recorded_at)
            if before is not None:
                yield _change("superseded", before, at=fact.recorded_at, by=fact.fact_id)


def _ended(session: Session, since: datetime, until: datetime) -> Iterator[FactChange]:
    rows = records.between(session, schema.fact_ends, since=since, until=until)
    wanted = {str(row.doc["source_id"]) for row in rows}
    facts = {
        one.fact_id: one
        for source_id in sorted(wanted)
        for one in rights.facts_of(session, source_id, known=until)
    }
    for row in rows:
        yield _change(
            "revoked",
            facts[row.doc["fact_id"]],
            at=row.recorded_at,
            by=str(row.doc["kind"]),
            ends_at=str(row.doc["ends_at"]),
        )


def _revoked(session: Session, since: datetime, until: datetime) -> Iterator[FactChange]:
    rows = records.between(session, schema.revocations, since=since, until=until)
    for row in subjects.heard(session, rows):
        yield FactChange(
            what="revoked",
            source_id=str(row.doc["subject_id"]),
            kind=str(row.doc["subject_kind"]),
            fact_id=str(row.doc["revocation_id"]),
            said=row.doc,
            by=str(row.doc["reason"]),
            ends_at=str(row.doc["at"]),
            recorded_at=row.recorded_at,
        )


def _change(what: str, fact: Fact, *, at: datetime, by: str = "", ends_at: str = "") -> FactChange:
    return FactChange(
        what=what,
        source_id=fact.source_id,
        kind=fact.kind,
        fact_id=fact.fact_id,
        said=fact.doc,
        by=by,
        ends_at=ends_at,
        recorded_at=at,
    )


def _subject(fact: Fact) -> tuple[str, ...]:
    """What a fact is about: a later one with the same says it anew. Most stand alone."""
    said = fact.doc
    if fact.kind == "instrument" and said.get("id"):
        return ("instrument", str(said["id"]))
    if fact.kind == "obligation":
        return ("obligation", str(said.get("instrument")), str(said.get("duty")))
    if fact.kind == "settled":
        return ("settled", *sorted(said))
    if fact.kind == DUPLICATE:
        return (DUPLICATE, str(said["episode"]), str(said["of"]["episode"]))
    return (fact.kind, fact.fact_id)
