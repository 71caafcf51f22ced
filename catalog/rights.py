"""Rights facts of a source: instruments, evidence, layers, bases, signals, and their ends.

A fact is what somebody said on a day about a time; its id is the digest of what it says. It never
changes: an end, a withdrawal or a voidness is a further dated row, and `layers_of` folds both into
the layers of RIGHTS section 11 as they were known at a given instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, mentions, records, schema, sources, subjects
from catalog.errors import Contradiction
from catalog.facts import bare_layers, for_rules, has_erased, heard, layer_id_of, record_facts
from catalog.layers import Fact, FactEnd, ends_by_fact, fold
from catalog.records import Change
from licensing.checklist import open_layers
from licensing.facts import layer_doc, read_layers

KINDS = ("instrument", "evidence", "layer", "basis", "signal", "captured", "settled", "obligation",
         "derivation")  # fmt: skip
ENDS = ("ended", "withdrawn", "breach", "taken_down", "void")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A recorded act that ends rights: its number in the table is its place in the list."""

    revocation_id: str
    subject_kind: str
    subject_id: str
    reason: str
    at: date
    recorded_at: datetime
    covers: tuple[Mapping[str, Any], ...] = ()  # what it covered when it was recorded: Pieces


def attach(  # noqa: PLR0917 - the fact in the order it is spoken
    session: Session,
    source_id: str,
    kind: str,
    doc: Mapping[str, Any],
    *,
    valid: tuple[date | str | None, date | str | None] = (None, None),
    now: datetime,
) -> Change:
    """Record a fact about a source; the same again changes nothing."""
    if kind not in KINDS:
        raise Contradiction(
            f"fact of kind {kind!r}, expected one of {', '.join(KINDS)}", code="FACT_UNKNOWN",
            subject=source_id, way_out="use one of the known kinds",
        )  # fmt: skip
    start, end = (None if day is None else str(day) for day in valid)
    if start is not None and end is not None and end <= start:
        raise Contradiction(
            f"fact of {source_id} ends {end}, not after its start {start}", code="VALID_RANGE",
            subject=source_id, way_out="give the first day and the first day after the end",
        )  # fmt: skip
    said = [(kind, dict(doc))]
    new = record_facts(session, source_id, said, valid=(start, end), now=now)
    return Change.ADDED if new else Change.UNCHANGED


def attach_layer(
    session: Session, source_id: str, doc: Mapping[str, Any], *, now: datetime
) -> Change:
    """Record a layer with its bases and signals, as RIGHTS section 11 writes them.

    A layer that is on record already gets the bases and signals that it lacks.
    """
    bare = bare_layers(session, source_id, doc)
    layer_id = _layer_on_record(session, source_id, bare)
    changes = []
    if layer_id is None:
        layer_id = layer_id_of(session, source_id, bare[0])
        changes.append(attach(session, source_id, "layer", bare[0], now=now))
    for basis in doc.get("basis", []):
        start, end = (*(basis.get("valid") or ()), None, None)[:2]
        said = {"layer_id": layer_id, **basis}
        changes.append(attach(session, source_id, "basis", said, valid=(start, end), now=now))
    for signal in doc.get("signals") or []:
        said = {"layer_id": layer_id, **signal}
        changes.append(attach(session, source_id, "signal", said, now=now))
    if all(one is Change.UNCHANGED for one in changes):
        return Change.UNCHANGED
    return Change.ADDED if changes[0] is Change.ADDED and len(changes) > 0 else Change.CHANGED


def end_fact(
    session: Session, fact_id: str, *, at: date, kind: str, reason: str, now: datetime
) -> None:
    """Record that a fact ends on the day `at`; `void` means that it never held."""
    if kind not in ENDS:
        raise Contradiction(
            f"end of kind {kind!r}, expected one of {', '.join(ENDS)}", code="END_UNKNOWN",
            subject=fact_id, way_out="use one of the known kinds",
        )  # fmt: skip
    fact = records.one_by_id(session, schema.facts, column="fact_id", wanted=fact_id).doc
    said = {"kind": kind, "ends_at": at.isoformat()}
    for end in records.stored(session, schema.fact_ends, fact_id=fact["fact_id"]):
        if {name: end.doc[name] for name in said} == said:
            return
    doc = {"fact_id": fact["fact_id"], "source_id": fact["source_id"], **said, "reason": reason}
    log.record(session, schema.fact_ends, doc, key=fact["fact_id"], now=now)


def facts_of(
    session: Session,
    source_id: str,
    *,
    valid: date | None = None,
    known: datetime | None = None,
) -> tuple[Fact, ...]:
    """Return the facts about a source that were recorded at `known`, oldest first.

    With `valid`, only those that hold on that day: begun, not at their end, never voided.
    """
    found = heard(session, _rows(session, source_id, known=known))
    if valid is None:
        return found
    day = valid.isoformat()
    over = {
        end.fact_id
        for end in ends_of(session, (one.fact_id for one in found), known=known)
        if end.kind == "void" or end.ends_at <= valid
    }
    return tuple(
        one
        for one in found
        if one.fact_id not in over
        and (one.valid_from or day) <= day
        and (one.valid_to is None or day < one.valid_to)
    )


def ends_of(
    session: Session, fact_ids: Iterable[str], *, known: datetime | None = None
) -> tuple[FactEnd, ...]:
    """Return the recorded ends of these facts, oldest first."""
    rows = records.stored_any(session, schema.fact_ends, "fact_id", wanted=fact_ids, known=known)
    return tuple(map(_end, rows))


def ends_at(session: Session, instant: datetime) -> tuple[FactEnd, ...]:
    """Return the ends that were recorded at this instant: those of one transaction."""
    rows = records.stored(session, schema.fact_ends, recorded_at=log.stamp(instant))
    return tuple(map(_end, rows))


def layers_of(session: Session, source_id: str, *, known: datetime | None) -> list[dict[str, Any]]:
    """Return the layers of a source in the form that `licensing` reads, as known at `known`."""
    facts = for_rules(session, _rows(session, source_id, known=known))
    ends = ends_of(session, (one.fact_id for one in facts), known=known)
    return fold(facts, ends_by_fact(facts, ends))


def asked_of(
    session: Session, source_id: str, *, known: datetime | None, also: Sequence[FactEnd] = ()
) -> list[dict[str, Any]]:
    """Return the layers of a source and, once it has any, an unknown one for each question.

    The questions are those of its modality's checklist that nobody has answered. With `also`, as if
    these ends had come, too.
    """
    facts = for_rules(session, _rows(session, source_id, known=known))
    if not facts:  # perhaps it was not even registered then
        return []
    ends = (*ends_of(session, (one.fact_id for one in facts), known=known), *also)
    modality = sources.source(session, source_id, known=known).modality
    return _with_questions(facts, fold(facts, ends_by_fact(facts, ends)), modality)


def asked_by_source(session: Session, *, known: datetime | None) -> dict[str, list[dict[str, Any]]]:
    """Return what `asked_of` returns for each source that has facts, in a few queries."""
    facts: dict[str, list[Fact]] = {}
    for one in for_rules(session, records.stored(session, schema.facts, known=known)):
        facts.setdefault(one.source_id, []).append(one)
    ends: dict[str, list[FactEnd]] = {}
    for row in records.stored(session, schema.fact_ends, known=known):
        ends.setdefault(row.doc["source_id"], []).append(_end(row))
    modality = {one.source_id: one.modality for one in sources.sources(session, known=known)}
    return {
        source_id: _with_questions(
            own, fold(own, ends_by_fact(own, ends.get(source_id, ()))), modality[source_id]
        )
        for source_id, own in facts.items()
        if source_id in modality
    }


def is_unsure(session: Session, source_id: str, *, known: datetime | None) -> bool:
    """Did an erasure take the name of a file that a signal was about, where layers name files?"""
    return has_erased(session, _rows(session, source_id, known=known))


def facts_about(session: Session, source_ids: Iterable[str], *, kind: str) -> tuple[Fact, ...]:
    """Return the facts of one kind about these sources, oldest first."""
    rows = records.stored_any(session, schema.facts, "source_id", wanted=source_ids, kind=kind)
    return heard(session, rows)


def facts_by_id(session: Session, fact_ids: Iterable[str]) -> tuple[Fact, ...]:
    """Return these facts, oldest first; an id that is no fact's is left out."""
    rows = records.stored_any(session, schema.facts, "fact_id", wanted=fact_ids)
    return heard(session, rows)


def sources_of(session: Session, fact_ids: Iterable[str]) -> set[str]:
    """Return the sources that these facts are about; an id that is no fact's is left out."""
    return {one.source_id for one in facts_by_id(session, fact_ids)}


def record_revocation(session: Session, revocation: Revocation, *, now: datetime) -> int:
    """Record a revocation; return its number, counted from 1."""
    before = [one.revocation_id for one in revocations(session)]
    if revocation.revocation_id in before:
        return before.index(revocation.revocation_id) + 1
    subject = subjects.on_record(session, revocation.subject_kind, revocation.subject_id)
    doc = {**asdict(revocation), "subject_id": subject, "recorded_at": log.stamp(now)}
    log.record(session, schema.revocations, doc, key=revocation.revocation_id, now=now)
    mentions.note(session, mentions.of_revocation(doc))
    return len(before) + 1


def revocations(session: Session, *, known: datetime | None = None) -> tuple[Revocation, ...]:
    """Return every revocation that was on record at `known`, oldest first."""
    rows = records.stored(session, schema.revocations, known=known)
    return _spoken(session, rows)


def revocations_with(session: Session, ids: Iterable[str]) -> tuple[Revocation, ...]:
    """Return these revocations, oldest first; an id that is no revocation's is left out."""
    rows = records.stored_any(session, schema.revocations, "revocation_id", wanted=ids)
    return _spoken(session, rows)


def revocations_of(session: Session, kind: str, subject_id: str) -> tuple[Revocation, ...]:
    """Return the revocations of one subject, oldest first."""
    rows = records.stored_any(
        session, schema.revocations, "subject_id", subject_kind=kind,
        wanted=subjects.known_as(session, kind, subject_id),
    )  # fmt: skip
    return _spoken(session, rows)


def _with_questions(
    facts: Sequence[Fact], layers: list[dict[str, Any]], modality: str
) -> list[dict[str, Any]]:
    """The layers and the open questions; of a source without layers, nothing is asked yet."""
    if not layers:
        return layers
    settled = [heading for one in facts if one.kind == "settled" for heading in one.doc]
    asked = open_layers(modality, read_layers(layers), settled)
    return [*layers, *(layer_doc(one) for one in asked)]


def _rows(session: Session, source_id: str, *, known: datetime | None) -> list[records.Stored]:
    return records.stored(session, schema.facts, known=known, source_id=source_id)


def _spoken(session: Session, rows: list[records.Stored]) -> tuple[Revocation, ...]:
    return tuple(map(_revocation, subjects.heard(session, rows)))


def _end(row: records.Stored) -> FactEnd:
    return FactEnd(
        fact_id=row.doc["fact_id"], kind=row.doc["kind"],
        ends_at=date.fromisoformat(row.doc["ends_at"]), reason=row.doc["reason"],
        recorded_at=row.recorded_at,
    )  # fmt: skip


def _revocation(row: records.Stored) -> Revocation:
    return Revocation(**{
        **row.doc, "covers": tuple(row.doc.get("covers", ())),
        "at": date.fromisoformat(row.doc["at"]), "recorded_at": row.recorded_at,
    })  # fmt: skip


def _layer_on_record(
    session: Session, source_id: str, bare: Iterable[Mapping[str, Any]]
) -> str | None:
    said = {log.document({**one, "signals_captured": None}) for one in bare}
    layers = (one for one in facts_of(session, source_id) if one.kind == "layer")
    same = (one for one in layers if log.document({**one.doc, "signals_captured": None}) in said)
    return next((one.fact_id for one in same), None)
