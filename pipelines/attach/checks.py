"""Refuse a rights file as a whole: unknown tables, fields and licences, days that run backwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from licensing.errors import BadCase
from licensing.facts import read_layers, reading
from licensing.rulebook import load_rulebook
from pipelines.errors import RegistrationError

LONGEST_REASON = 400  # characters
TABLES = ("instrument", "layer", "consent", "signal", "evidence", "obligation", "settled")


def check_reason(reason: str, *, way_out: str) -> str:
    """Check what a person gives as the reason of an act, and return it without space around it.

    Raises:
        RegistrationError: REASON_MISSING.
    """
    said = reason.strip()
    if not 0 < len(said) <= LONGEST_REASON:
        raise RegistrationError(
            f"a reason of {len(said)} characters, expected 1 to {LONGEST_REASON}",
            code="REASON_MISSING",
            way_out=way_out,
        )
    return said


def check_facts(
    source_id: str,
    doc: Mapping[str, Any],
    layers: list[dict[str, Any]],
    *,
    papers: Mapping[str, Any],
) -> None:
    """Check everything that a rights file says, before anything of it is recorded.

    Raises:
        RegistrationError: FACT_UNKNOWN, VALID_RANGE, LICENCE_UNKNOWN, INSTRUMENT_UNKNOWN, or the
            code of a field that cannot be read.
    """
    unknown = sorted(set(doc) - set(TABLES))
    if unknown:
        raise RegistrationError(
            f"source {source_id}: unknown table {unknown[0]!r} in the rights file",
            code="FACT_UNKNOWN",
            subject=unknown[0],
            way_out=f"known are {', '.join(TABLES)}",
        )
    for layer in layers:
        for basis in layer.get("basis", []):
            _check_basis(source_id, basis)
    signals = [
        {"layer": "copyright", "basis": [], "signals": [dict(s)]} for s in doc.get("signal", [])
    ]
    try:
        read_layers([*layers, *signals])
        for one in doc.get("obligation", []):
            _check_duty(source_id, one, papers)
    except BadCase as error:
        raise unreadable(source_id, error) from error


def unreadable(source_id: str, error: BadCase) -> RegistrationError:
    """The refusal of a rights file that the engine could not read."""
    return RegistrationError(
        f"source {source_id}: {error}",
        code=error.code or "FACT_UNKNOWN",
        subject=source_id,
        way_out=error.way_out or "see the fields of a layer in docs/registering.md",
    )


def _check_duty(source_id: str, duty: Mapping[str, Any], papers: Mapping[str, Any]) -> None:
    stated = {key: value for key, value in duty.items() if key not in {"instrument", "since"}}
    reading.day(duty.get("since"), "since")
    bases = [{"type": "contract", "obligations": [stated]}]
    read_layers([{"layer": "contract", "basis": bases}])
    if duty.get("instrument") not in papers:
        raise RegistrationError(
            f"source {source_id}: the duty {duty['duty']!r} names instrument "
            f"{duty.get('instrument')!r}, which is not on record",
            code="INSTRUMENT_UNKNOWN",
            subject=str(duty.get("instrument")),
            way_out="name an instrument of this source, or add its [[instrument]] table",
        )


def _check_basis(source_id: str, basis: Mapping[str, Any]) -> None:
    start, end = (*(basis.get("valid") or ()), None, None)[:2]
    if start is not None and end is not None and _day(end) <= _day(start):
        raise RegistrationError(
            f"source {source_id}: {basis.get('type')} ends {end}, not after its start {start}",
            code="VALID_RANGE",
            subject=source_id,
            way_out="intervals are half-open: give the first day and the first day after the end",
        )
    if basis.get("type") == "public_licence" and load_rulebook().find(str(basis.get("id"))) is None:
        raise unknown_licence(str(basis.get("id")), "the rulebook does not hold it")


def unknown_licence(text: str, why: str) -> RegistrationError:
    """The refusal of a licence that the rulebook does not hold."""
    return RegistrationError(
        f"licence {text!r}: not known: {why}",
        code="LICENCE_UNKNOWN",
        subject=text,
        way_out="use a name from `clearway licence list`, or attach the text as an agreement",
    )


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise RegistrationError(
            f"{value!r} is not a day, expected 2026-12-31",
            code="VALID_RANGE",
            subject=str(value),
            way_out="write year-month-day",
        ) from error
