"""What a revocation or a grant would turn: the engine decides again as if it had come.

In: what would be covered, or the ground that would stand, and a request. Out: for each source its
parts with the verdict that they have and the one that they would have. Nothing is written: the ends
and the ground exist in the question alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from catalog import parts, rights
from catalog.closing import ENDS, bars_of
from catalog.layers import FactEnd
from licensing.checklist import is_question, question_layer
from licensing.decide import decide
from licensing.explain import unlock_sets
from licensing.facts import Basis, Layer, read_layers
from licensing.rulebook import load_rulebook
from pipelines.clear.claims import UNMAPPED
from pipelines.clear.clearance import HOUR_NS
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A ground that is only thought of: on which layers of which sources, decided for which day.

    `makes` is the kind of the layer that it brings to a source that has none of `kinds`.
    """

    basis: Basis
    kinds: frozenset[str]
    sources: frozenset[str]
    at: date
    makes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gained:
    """Parts of a source under one key: the verdict now, the one that would be, and on what."""

    source_id: str
    hours: float
    before: str
    after: str
    reasons: tuple[str, ...]  # of the one that would be
    layers: tuple[Layer, ...]
    request: Request

    def missing(self) -> tuple[tuple[str, ...], ...]:
        """The smallest sets of further grants or answers that would permit it."""
        if self.after == "permit":
            return ()
        return unlock_sets(self.layers, self.request, load_rulebook())


def gains(session: Session, gain: Gain, request: Request) -> tuple[Gained, ...]:
    """Decide what the sources of a grant hold on its day, without it and with it."""
    dated = replace(request, at=gain.at)
    return tuple(
        one for source_id in sorted(gain.sources)
        for one in _gained(session, source_id, dated, gain=gain)
    )  # fmt: skip


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
    named, _ = _named(session, source_id)
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


def _gained(session: Session, source_id: str, request: Request, *, gain: Gain) -> Iterator[Gained]:
    named, hours = _named(session, source_id)
    ids = {one for each in named.values() for one in each}
    was: dict[str, Layer] = {str(one.layer_id): one for one in map(question_layer, ids) if one}
    would = dict(was)
    for holder in {source_id, *rights.sources_of(session, ids)}:
        own = read_layers(rights.asked_of(session, holder, known=None))
        was |= {str(one.layer_id): one for one in own}
        would |= {str(one.layer_id): _granted(one, gain) if holder in gain.sources else one
                  for one in own}  # fmt: skip
    there = {would[one].layer for one in ids if one in would and not is_question(would[one])}
    new = () if there & gain.kinds or not gain.makes else (
        Layer(layer=gain.makes, basis=(gain.basis,)),
    )  # fmt: skip
    for key, under in named.items():
        before, layers = _decided(under, was, request), (*_there(under, would), *new)
        made = decide(layers, request, load_rulebook())
        yield Gained(
            source_id=source_id, hours=hours.get(key, 0.0), before=before[0],
            after=made.verdict.word, reasons=tuple(made.reasons), layers=layers, request=request,
        )  # fmt: skip


def _granted(layer: Layer, gain: Gain) -> Layer:
    if layer.layer not in gain.kinds or is_question(layer):
        return layer
    return replace(layer, basis=(*layer.basis, gain.basis))


def _named(
    session: Session, source_id: str
) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, float]]:
    """The layers under each key of a source, and its hours; without parts, all that is said."""
    keying = parts.keying(session, source_id)
    named = parts.layers_under(session, keying.keys if keying else ())
    if not named or keying is None:
        own = read_layers(rights.asked_of(session, source_id, known=None))
        return {"": tuple(str(one.layer_id) for one in own)}, {}
    hours = {
        key: sum(one.span_ns for one in keying.parts if key in one.keys) / HOUR_NS for key in named
    }
    return named, hours


def _layers(
    session: Session, holders: Iterable[str], ids: Iterable[str], *, ends: Sequence[FactEnd]
) -> dict[str, Layer]:
    found = [one for one in map(question_layer, ids) if one is not None]
    for source_id in holders:
        found += read_layers(rights.asked_of(session, source_id, known=None, also=ends))
    return {str(one.layer_id): one for one in found}


def _decided(
    ids: Iterable[str], by_id: Mapping[str, Layer], request: Request
) -> tuple[str, tuple[str, ...]]:
    made = decide(_there(ids, by_id), request, load_rulebook())
    return made.verdict.word, tuple(made.reasons)


def _there(ids: Iterable[str], by_id: Mapping[str, Layer]) -> tuple[Layer, ...]:
    return layers_named((one for one in ids if one in by_id or one.startswith(UNMAPPED)), by_id)
