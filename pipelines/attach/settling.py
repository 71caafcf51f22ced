"""The station: a person read a statement that no reader could, and says what it means.

In: an unread signal, the reading, why. Out: the unread mark is void on every file that the
statement speaks of, and the reading stands in its place, with who read it, in one transaction.
A statement that was read as silent leaves nothing in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from catalog import rights
from catalog.acts import record_act
from catalog.errors import NotFound
from pipelines.attach.checks import check_reason
from pipelines.attach.trying import acting
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.layers import Fact
    from pipelines.settings import Settings

READINGS: Final = {
    "reserved": "it reserves mining or training",
    "allowed": "it allows mining and training, which grants nothing",
    "silent": "it says nothing about use by machines",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was settled: the source, the reading, and how many marks are void now."""

    source_id: str
    reading: str
    facts: int
    dry_run: bool = False

    def line(self) -> dict[str, Any]:
        """The outcome as one line of JSON holds it."""
        return {"source": self.source_id, "reading": self.reading, "facts": self.facts,
                "dry_run": self.dry_run}  # fmt: skip

    def summary(self) -> str:
        """Say it in one line."""
        word = "would be void" if self.dry_run else "void"
        return (f"source {self.source_id}: {READINGS[self.reading]}; "
                f"{self.facts} unread mark(s) {word}")  # fmt: skip


def settle(  # noqa: PLR0913 - what is said, by whom, when: none has a default
    settings: Settings, fact_id: str, reading: str, *, reason: str, actor: str, now: datetime,
    dry_run: bool = False,
) -> Settled:  # fmt: skip
    """Record what an unread signal says, as `actor` read it.

    Raises:
        NotFound: UNKNOWN_ID.
        RegistrationError: READING_UNKNOWN, REASON_MISSING, SIGNAL_READ, ALREADY_SETTLED.
    """
    why = _check_words(reading, reason)
    with acting(settings, dry_run=dry_run) as session:
        asked = signal(session, fact_id)
        _check_open(session, asked)
        marks = same_statement(session, asked)
        if not dry_run:
            _read_as(session, marks, reading, why=why, now=now)
            about = {"reading": reading, "reason": why, "source": asked.source_id,
                     "facts": [one.fact_id for one in marks]}  # fmt: skip
            record_act(session, "settle", actor=actor, subject=asked.fact_id, now=now, about=about)
    return Settled(
        source_id=asked.source_id, reading=reading, facts=len(marks), dry_run=dry_run
    )  # fmt: skip


def signal(session: Session, fact_id: str) -> Fact:
    """The signal of this id.

    Raises:
        NotFound: UNKNOWN_ID, also where the fact is no signal.
    """
    found = [one for one in rights.facts_by_id(session, [fact_id]) if one.kind == "signal"]
    if not found:
        raise NotFound(
            f"no signal is on record as {fact_id[:64]!r}", code="UNKNOWN_ID", subject=fact_id[:64],
            way_out="choose one that `clearway rights unread` lists",
        )  # fmt: skip
    return found[0]


def same_statement(session: Session, asked: Fact) -> tuple[Fact, ...]:
    """The marks that stand for the same statement: it may speak of many files of its source."""
    alike = [asked] if "where" not in asked.doc else [
        one for one in rights.facts_of(session, asked.source_id)
        if one.kind == "signal" and _statement(one.doc) == _statement(asked.doc)
    ]  # fmt: skip
    over = {one.fact_id for one in rights.ends_of(session, (each.fact_id for each in alike))}
    return tuple(one for one in alike if one.fact_id not in over)


def _read_as(
    session: Session, marks: Iterable[Fact], reading: str, *, why: str, now: datetime
) -> None:
    """Void the marks, and put the reading in their place."""
    for one in marks:
        rights.end_fact(
            session, one.fact_id, at=now.date(), kind="void", now=now,
            reason=f"{READINGS[reading]}: {why}",
        )  # fmt: skip
        if reading != "silent":
            said = _plain(one.doc) | {"natural_language": reading}
            rights.attach(session, one.source_id, "signal", said, now=now)


def _check_words(reading: str, reason: str) -> str:
    if reading not in READINGS:
        raise RegistrationError(
            f"got {reading[:40]!r}, expected one of {', '.join(READINGS)}", code="READING_UNKNOWN",
            subject=reading[:40], way_out="choose what the statement says",
        )  # fmt: skip
    return check_reason(reason, way_out="say in a sentence where it was read, and by what words")


def _check_open(session: Session, asked: Fact) -> None:
    if "unread" not in asked.doc:
        raise RegistrationError(
            f"signal {asked.fact_id[:12]} of {asked.source_id} was read by a rule, expected one "
            "that is unread",
            code="SIGNAL_READ", subject=asked.fact_id, way_out="nothing is left to settle",
        )  # fmt: skip
    (*_, last) = (None, *rights.ends_of(session, [asked.fact_id]))
    if last is not None:
        raise RegistrationError(
            f"signal {asked.fact_id[:12]} of {asked.source_id} was settled on "
            f"{last.recorded_at:%Y-%m-%d}: {last.reason}",
            code="ALREADY_SETTLED", subject=asked.fact_id, way_out="nothing is left to settle",
        )  # fmt: skip


def _statement(doc: Mapping[str, Any]) -> dict[str, Any]:
    """What a mark says, whichever file it is about."""
    return {name: value for name, value in doc.items() if name != "about"}


def _plain(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in doc.items() if name != "unread"}
