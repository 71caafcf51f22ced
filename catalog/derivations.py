"""Derivations: which source was made from which others, so that rights and losses follow.

Captions of films, embeddings of pictures, a restyled copy: a source of its own, made by an
operation of RIGHTS section 5. Each is a dated fact about what was made. No operation frees anything
by itself, so every layer of what it was made from lies on all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from catalog import mentions, records, rights, schema, sources
from catalog.errors import Contradiction
from catalog.records import Change, Stored
from licensing.compose.derive import Derivation, derivation_doc, read_derivation

KIND: Final = "derivation"
ADDS_NOTHING: Final = frozenset({"copy", "collection"})  # what others make may be somebody's work
_ASKED: Final = {"layer": "biometric", "part": "extracted", "basis": [{"type": "unknown"}]}


def record_derivation(session: Session, derivation: Derivation, *, now: datetime) -> Change:
    """Record that a source was made from others; the same again changes nothing.

    Facts extracted may identify a person: unless that is answered, a biometric layer of unknown
    ground is recorded with them.

    Raises:
        NotFound: UNKNOWN_ID, a source is not registered.
        Contradiction: DERIVATION_CIRCLE, or DERIVATION_TRAIN: a model is recorded by its run.
    """
    output, *inputs = _named(session, derivation.output, *derivation.inputs)
    for name in inputs:
        if output in {name, *origins(session, [name])}:
            raise Contradiction(
                f"{output} would be made from {name}, which is made from {output}",
                code="DERIVATION_CIRCLE", subject=output,
                way_out="name what was there first, or end the other derivation with --void",
            )  # fmt: skip
    if derivation.op == "train":
        raise Contradiction(
            f"{output}: operation train, expected one that makes data", code="DERIVATION_TRAIN",
            subject=output, way_out="a model is recorded by `clearway train`, with its set",
        )  # fmt: skip
    told = replace(derivation, output=output, inputs=tuple(inputs))
    done = rights.attach(session, output, KIND, derivation_doc(told), now=now)
    if derivation.op == "fact_extraction" and derivation.biometric is not False:
        rights.attach_layer(session, output, _ASKED, now=now)
    return done


def void_derivation(session: Session, output: str, inputs: Iterable[str], *, now: datetime) -> int:
    """Record that `output` was never made from these; return how many facts are void now."""
    name, *named = _named(session, output, *inputs)
    wanted = set(named)
    found = [row for row in _standing(session, [name], None) if wanted & set(_made(row).inputs)]
    for row in found:
        reason = "not made from " + ", ".join(sorted(wanted))
        rights.end_fact(
            session, row.doc["fact_id"], at=now.date(), kind="void", reason=reason, now=now
        )
    return len(found)


def derivations_of(
    session: Session, source_ids: Iterable[str], *, known: datetime | None = None
) -> tuple[Derivation, ...]:
    """Return how sources were made, as known at `known`, oldest first; void ones are left out."""
    return tuple(map(_made, _standing(session, source_ids, known)))


def origins(
    session: Session, source_ids: Iterable[str], *, known: datetime | None = None
) -> tuple[str, ...]:
    """Return all that these sources were made from, directly or through others, by name."""
    found, ahead = set[str](), set(source_ids)
    while ahead:
        made = derivations_of(session, ahead, known=known)
        ahead = {name for one in made for name in one.inputs} - found
        found |= ahead
    return tuple(sorted(found))


def ever_derived(session: Session) -> set[str]:
    """Return every source that was ever said to be made from another."""
    return mentions.holders(session, mentions.ORIGIN)


def derived_from(
    session: Session, source_ids: Iterable[str], *, known: datetime | None = None
) -> set[str]:
    """Return the other sources that were made from one of these, directly or through others."""
    wanted = set(source_ids)
    found, ahead = set[str](), set(wanted)
    while ahead:
        named = {one.source_id for one in mentions.named(session, mentions.ORIGIN, ahead)}
        made = derivations_of(session, named - found, known=known)
        ahead = {one.output for one in made if ahead & set(one.inputs)}
        found |= ahead
    return found - wanted


def _named(session: Session, *names: str) -> list[str]:
    """The ids of sources, each of which may have been named by its start."""
    return [sources.source(session, one).source_id for one in names]


def _standing(session: Session, source_ids: Iterable[str], known: datetime | None) -> list[Stored]:
    rows = records.stored_any(
        session, schema.facts, "source_id", wanted=source_ids, known=known, kind=KIND
    )
    ends = rights.ends_of(session, (row.doc["fact_id"] for row in rows), known=known)
    void = {one.fact_id for one in ends if one.kind == "void"}
    return [row for row in rows if row.doc["fact_id"] not in void]


def _made(row: Stored) -> Derivation:
    return read_derivation(row.doc["said"])
