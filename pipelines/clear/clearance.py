"""What clearing comes to: a verdict per rights key, a row per source, and the hours behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from licensing.facts import Verdict
from licensing.request import Request, request_digest, request_doc, undated
from licensing.rulebook import load_rulebook

HOUR_NS = 3_600_000_000_000
SHOWN = 8  # reasons in a summary
NO_END = date(9999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The parts of a source under one rights key, and the decision about them.

    `hours` are those of the recordings. `ends` is the first day after today on which a term of
    these layers ends.
    """

    source_id: str
    rights_key: str
    decision_id: str
    decision_digest: str
    verdict: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    num_parts: int
    hours: float
    ends: date
    doc: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTally:
    """Clips over the same parts: how many, how long, and the decision that speaks for them."""

    part: Part
    num_clips: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """The verdict over one source, that of its least free part; clips and hours are the cleared.

    `clips` are all of its kept clips; those over no part are in none of them.
    """

    source: str
    num_clips: int
    hours: float
    parts: tuple[Part, ...]
    clips: tuple[ClipTally, ...] = ()

    @property
    def least(self) -> Part:
        """The part that speaks for the source."""
        return least_free(self.parts)

    @property
    def verdict(self) -> str:
        """The verdict of the least free part."""
        return self.least.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the least free part."""
        return self.least.reasons

    @property
    def obligations(self) -> tuple[str, ...]:
        """The duties of all parts with this verdict."""
        return _union(part.obligations for part in self.parts if part.verdict == self.verdict)

    @property
    def permitted(self) -> dict[str, Part]:
        """The parts that may be used, by their rights key."""
        return {part.rights_key: part for part in self.parts if part.verdict == "permit"}

    @property
    def decision_id(self) -> str:
        """The decision that holds the verdict."""
        return self.least.decision_id

    def line(self) -> dict[str, Any]:
        """The row as `clear --json` prints it."""
        return {
            "source": self.source,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "obligations": list(self.obligations),
            "clips": self.num_clips,
            "hours": round(self.hours, 4),
            "decision": self.decision_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """One request decided over all sources; `recorded` is False for a what-if."""

    rows: tuple[SourceRow, ...]
    request: Mapping[str, Any]
    request_name: str
    request_digest: str
    profile: str
    rulebook_digest: str
    valid: date
    known: datetime
    recorded: bool

    @classmethod
    def of(
        cls,
        request: Request,
        rows: tuple[SourceRow, ...],
        *,
        name: str,
        valid: date,
        known: datetime,
        recorded: bool = False,
    ) -> Clearance:
        """What deciding `request` came to with the rulebook that is installed."""
        return cls(
            rows=rows,
            request=request_doc(undated(request)),
            request_name=name,
            request_digest=request_digest(undated(request)),
            profile=request.profile,
            rulebook_digest=load_rulebook().digest,
            valid=valid,
            known=known,
            recorded=recorded,
        )

    def only(self, decisions: Collection[str]) -> Clearance:
        """What it says by these decisions, and by no others."""
        narrowed = (
            replace(row, parts=tuple(one for one in row.parts if one.decision_id in decisions))
            for row in self.rows
        )
        return replace(self, rows=tuple(one for one in narrowed if one.parts))

    @property
    def parts(self) -> tuple[Part, ...]:
        """Every part, in the order of the sources."""
        return tuple(part for row in self.rows for part in row.parts)

    @property
    def permitted(self) -> tuple[Part, ...]:
        """The parts that may be used, in the order of their sources."""
        return tuple(part for part in self.parts if part.verdict == "permit")

    def counts(self) -> dict[str, int]:
        """How many sources got each verdict."""
        words = [row.verdict for row in self.rows]
        return {one.word: words.count(one.word) for one in reversed(Verdict)}

    def hours(self) -> dict[str, float]:
        """The hours of recordings under each verdict."""
        return {
            one.word: sum(part.hours for part in self.parts if part.verdict == one.word)
            for one in reversed(Verdict)
        }

    def hours_held_back(self) -> dict[str, float]:
        """The hours that each reason holds back, most first; an hour may have several reasons."""
        found: dict[str, float] = {}
        for part in self.parts:
            for reason in part.reasons if part.verdict != "permit" else ():
                found[reason] = found.get(reason, 0.0) + part.hours
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))

    def summary(self) -> str:
        """Say it in a line for the sources, one for the hours, one for what holds them back."""
        said = ", ".join(f"{count} {word}" for word, count in self.counts().items())
        kind = "" if self.recorded else " (what if: not recorded, cannot be exported)"
        asked = self.request_name or self.request_digest[:12]
        lines = [f"request {asked} on {self.valid}: {said}{kind}"]
        lines.append(f"hours of recordings: {_listed(self.hours())}")
        held = self.hours_held_back()
        if held:
            first = dict(list(held.items())[:SHOWN])
            rest = f" and {len(held) - SHOWN} more reasons" if len(held) > SHOWN else ""
            lines.append(f"hours held back by reason: {_listed(first)}{rest}")
        return "\n".join(lines)


def least_free(parts: Iterable[Part]) -> Part:
    """The part that speaks for a whole: a whole is as free as its least free part."""
    return min(parts, key=lambda part: (Verdict.of_word(part.verdict), part.rights_key))


def _union(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for each in lists for one in each))


def _listed(hours: Mapping[str, float]) -> str:
    return ", ".join(f"{each:.3f} {word}" for word, each in hours.items())
