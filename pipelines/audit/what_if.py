"""What a revocation would turn: the engine decides again as if it had come, and records nothing.

In: what would be covered, and a request. Out: for each source its parts with the verdict that they
have and the one that they would have. Nothing is written: the ends exist in the question alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from catalog import parts, rights
from catalog.closing import ENDS, bars_of
from catalog.layers import FactEnd
from licensing.checklist import question_layer
from licensing.decide import decide
from licensing.facts import Layer, read_layers
from licensing.rulebook import load_rulebook
from pipelines.clear.claims import UNMAPPED
from pipelines.clear.deciding import layers_named

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.coverage import Cover
    from licensing.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Parts of a source under one key: the verdict now, and the one that would be."""

    source_id: str
    before: str
    after: str
    reasons: tuple[str, ...]  # of the one that would be


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A revocation that is only thought of: what it would cover, why, and from which day on."""

    cover: Cover
    reason: str
    at: date
    now: datetime

    def ends(self) -> tuple[FactEnd, ...]:
        """The ends of facts that it would record."""
        kind = ENDS[self.reason]
        return tuple(
            FactEnd(
                fact_id=one, kind=kind, ends_at=self.at, reason=self.reason, recorded_at=self.now
            )
            for one in self.cover.facts
        )


def turns(
    session: Session, loss: Loss, request: Request, *, sources: Sequence[str]
) -> tuple[Turn, ...]:
    """Decide what these sources hold on the day of a loss, without it and with it.

    What a loss closes whatever ground there is, a file or what an order is about, is denied.
    """
    ends = loss.ends()
    barred = {one.source_id for one in bars_of(loss.cover, loss.reason)}
    dated = replace(request, at=loss.at)
    return tuple(
        turn
        for source_id in sources
        for turn in _of_source(session, source_id, dated, ends=ends, barred=source_id in barred)
    )


def _of_source(
    session: Session, source_id: str, request: Request, *, ends: Sequence[FactEnd], barred: bool
) -> Iterator[Turn]:
    keying = parts.keying(session, source_id)
    named = parts.layers_under(session, keying.keys if keying else ())
    if not named:
        own = read_layers(rights.asked_of(session, source_id, known=None))
        named = {"": tuple(str(one.layer_id) for one in own)}
    ids = {one for each in named.values() for one in each}
    holders = sorted({source_id, *rights.sources_of(session, ids)})
    was = _layers(session, holders, ids, ends=())
    would = _layers(session, holders, ids, ends=ends)
    for under in named.values():
        before = _decided(under, was, request)
        after = _decided(under, would, request)
        if barred and after[0] == "permit":
            after = ("deny", ("EXPIRED",))
        yield Turn(source_id=source_id, before=before[0], after=after[0], reasons=after[1])


def _layers(
    session: Session, holders: Iterable[str], ids: Iterable[str], *, ends: Sequence[FactEnd]
) -> dict[str, Layer]:
    found = [one for one in map(question_layer, ids) if one is not None]
    for source_id in holders:
        found += read_layers(rights.asked_of(session, source_id, known=None, also=ends))
    return {str(one.layer_id): one for one in found}


def _decided(
    ids: Iterable[str], by_id: dict[str, Layer], request: Request
) -> tuple[str, tuple[str, ...]]:
    there = (one for one in ids if one in by_id or one.startswith(UNMAPPED))
    made = decide(layers_named(there, by_id), request, load_rulebook())
    return made.verdict.word, tuple(made.reasons)
