"""The facts that a decision rests on, and the decision: frozen values, nothing that computes.

`None` means unknown. For the terms of an agreement it means "not limited"; a term that the paper
was not read for stands in `Basis.unread`, one that no field holds in `Basis.unmapped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from typing import Any

from licensing.facts.reading import Interval


class Verdict(IntEnum):
    """Deny < undetermined < permit: a whole is as free as its least free part."""

    DENY = 0
    UNDETERMINED = 1
    PERMIT = 2

    @property
    def word(self) -> str:
        """The verdict as the papers write it."""
        return self.name.lower()

    @classmethod
    def of_word(cls, word: str) -> Verdict:
        """The verdict that `word` names; raises KeyError for any other word."""
        return cls[word.upper()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One machine-readable or written statement about use, as it was captured."""

    scheme: str
    value: Any
    valid: bool | None = None
    same_holder: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What proves a statement: the digest of the kept bytes, the clause in them, where, when."""

    digest: str | None = None
    clause: str | None = None
    url: str | None = None
    observed: date | None = None
    grade: str | None = None
    found: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """A use that an agreement bars; a dimension that is absent is barred for every value."""

    actions: tuple[str, ...] | None = None
    territory: tuple[str, ...] | None = None
    release: tuple[str, ...] | None = None
    model_kind: tuple[str, ...] | None = None
    purpose: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None
    commercial: bool | None = None
    clause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """A duty that an agreement puts on us; a `precedent` one must be met before it grants."""

    duty: str
    state: str | None = None
    trigger: str | None = None
    deadline: date | None = None
    precedent: bool = False
    clause: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """One ground on which a layer may be used, or the knowledge that there is none.

    `chain` holds the agreements above a sublicence, from the holder down to our `licensor`.
    """

    type: str
    id: str | None = None
    instrument_id: str | None = None
    licensor: str | None = None
    licensee: str | None = None
    chain: tuple[Basis, ...] = ()
    grade: str | None = None
    evidence: tuple[Evidence, ...] = ()
    recorded: date | None = None
    void_from: date | None = None
    valid: Interval | None = None
    actions: tuple[str, ...] | None = None
    territory: tuple[str, ...] | None = None
    release: tuple[str, ...] | None = None
    model_kind: tuple[str, ...] | None = None
    purpose: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None
    commercial: bool | None = None
    sublicense: bool | None = None
    survival: tuple[str, ...] | None = None
    on_end: str | None = None
    restrictions: tuple[Restriction, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    scope: tuple[str, ...] | None = None
    capacity: str | None = None
    specific: bool | None = None
    erased: date | None = None
    lawful_access: bool | None = None
    enabled: bool | None = None
    permits: tuple[str, ...] | None = None
    prohibits: tuple[str, ...] | None = None
    payment: str | None = None
    paid: bool | None = None
    class_: str | None = None
    url: str | None = None
    verified: bool | None = None
    unmapped: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One right in one part of a source: who may object, and what speaks for us.

    `span` is `[start, end)` in nanoseconds from the start of the episode; None is all of it.
    """

    layer: str
    basis: tuple[Basis, ...]
    item: str | None = None
    part: str | None = None
    stream: str | None = None
    region: str | None = None
    holder: str | None = None
    span: tuple[int, int] | None = None
    layer_id: str | None = None
    signals: tuple[Signal, ...] | None = None
    substantial: bool | None = None
    covers_output: bool | None = None
    archived_proof: bool | None = None
    minor: bool = False
    taken_down: bool = False
    territory: str | None = None
    withdrawn: date | None = None
    breach: tuple[date, date | None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A verdict with its reasons, its duties and the tree that proves it."""

    verdict: Verdict
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    clearable: tuple[str, ...]
    request_digest: str
    facts_digest: str
    rulebook_digest: str
    profile: str
    proof: Mapping[str, Any] = field(default_factory=dict)
