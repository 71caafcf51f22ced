"""Mentions: what a fact, run or revocation names: parties, papers, checkpoints, sources.

A table beside the records (`ops_mentions`), made from them alone, so that the loss of a party or an
instrument, and what took of a source, is looked up and not searched for. Every agreement of a chain
of sublicences counts: who gave above our licensor, and under which paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Insert, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from catalog import schema

PARTY, INSTRUMENT, OWNER, PARENT, ORIGIN = "party", "instrument", "owner", "parent", "origin"
TAKEN = "taken"
POINT_ID = 32  # hex digits of a checkpoint's digest that are its id


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """A fact, run or revocation, and the source that it is about; a run is about none."""

    subject: str
    source_id: str


def of_fact(doc: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """What a fact mentions: givers and papers of a basis, the holder of a layer, a paper's own.

    A derivation mentions the sources that it was made from.
    """
    said = doc["said"]
    found = set[tuple[str, str]]()
    if doc["kind"] == "basis":
        for link in (said, *(said.get("chain") or ())):
            found.add((PARTY, str(link.get("licensor") or "")))
        found |= {(INSTRUMENT, one) for one in papers_of(said)}
    elif doc["kind"] == "layer":
        found = {(PARTY, str(said.get("holder") or ""))}
    elif doc["kind"] == "instrument":
        found = {(INSTRUMENT, str(said.get("id") or "")), (PARTY, str(said.get("from") or ""))}
    elif doc["kind"] == "derivation":
        found = {(ORIGIN, str(one)) for one in said["inputs"]}
    for role, name in sorted(found):
        if name:
            yield _row(role, name, subject=doc["fact_id"], source_id=doc["source_id"])


def papers_of(basis: Mapping[str, Any]) -> set[str]:
    """The papers that a basis rests on: its own, and those of every agreement above it."""
    found = {str(basis.get("instrument_id") or "")}
    if basis.get("type") == "contract":  # of a public licence, the id is the licence
        found.add(str(basis.get("id") or ""))
    for link in basis.get("chain") or ():
        found |= {str(link.get(name) or "") for name in ("instrument_id", "id")}
    return found - {""}


def of_run(doc: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The checkpoint that a run went on from, if it did."""
    parent = str((doc.get("record") or {}).get("parent") or "")[:POINT_ID]
    if parent:
        yield _row(PARENT, parent, subject=doc["run_id"], source_id="")


def of_source(doc: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The owner of a source; an earlier one stays noted, the source says who it is now."""
    if doc.get("owner"):
        source_id = str(doc["source_id"])
        yield _row(OWNER, str(doc["owner"]), subject=source_id, source_id=source_id)


def of_revocation(doc: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The sources that a revocation took something of; an older record is of a whole source."""
    taken = {str(one["source_id"]) for one in doc.get("covers") or ()}
    if not taken and doc["subject_kind"] == "source":
        taken = {str(doc["subject_id"])}
    for one in sorted(taken):
        yield _row(TAKEN, one, subject=str(doc["revocation_id"]), source_id=one)


def note(session: Session, rows: Iterable[Mapping[str, str]]) -> None:
    """Note mentions; what is noted already stays."""
    values = [dict(one) for one in rows]
    if values:
        session.execute(_unless_noted(session), values)


def named(session: Session, role: str, names: Iterable[str]) -> tuple[Mention, ...]:
    """Return who mentions one of `names` in this role."""
    table, ids, found = schema.ops_mentions, sorted(set(names)), list[Mention]()
    query = select(table.c.subject, table.c.source_id).where(table.c.role == role)
    for start in range(0, len(ids), 500):
        some = query.where(table.c.name.in_(ids[start : start + 500]))
        found += [Mention(subject=one, source_id=source) for one, source in session.execute(some)]
    return tuple(sorted(set(found), key=lambda one: (one.source_id, one.subject)))


def holders(session: Session, role: str) -> set[str]:
    """Return the sources with a mention in this role."""
    table = schema.ops_mentions
    query = select(table.c.source_id).where(table.c.role == role).distinct()
    return set(session.execute(query).scalars())


def _row(role: str, name: str, *, subject: str, source_id: str) -> dict[str, str]:
    return {"role": role, "name": name, "subject": subject, "source_id": source_id}


def _unless_noted(session: Session) -> Insert:
    table = schema.ops_mentions
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return insert(table)
