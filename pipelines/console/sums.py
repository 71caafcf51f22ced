"""Hours under each verdict, by modality and by reason: what was decided last, over all sources.

In: a request on record. Out: its sums, made once for a state of what they are made of. They are
those of the recorded decisions and of the keys that recordings have now: a part whose key nobody
has decided yet is told as such, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from catalog import parts, requests, schema
from catalog.pages.decided import DecidedPart, decided, mark
from catalog.pages.nouns import modalities
from licensing.request import read_request, request_digest, undated
from pipelines.clear.clearance import HOUR_NS
from pipelines.console.view import View

if TYPE_CHECKING:
    from catalog.requests import StoredRequest

VERDICTS = ("permit", "undetermined", "deny")
UNDECIDED = "undecided"  # nobody has asked yet
_RANK = {"deny": 0, UNDECIDED: 1, "undetermined": 2, "permit": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What falls under one value and one verdict: sources, and hours of recordings."""

    value: str
    verdict: str
    num_sources: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSource:
    """A source under a request: verdict and decision of its least free part, all decisions, hours.

    `least` is "" where nobody has decided.
    """

    verdict: str
    least: str
    decisions: tuple[str, ...]
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A request over all sources; `day` is when it was decided last, None if it never was.

    `last` is the leaf of the last decision.
    """

    request: str
    day: date | None
    last: int
    by_verdict: tuple[Share, ...]
    by_modality: tuple[Share, ...]
    by_reason: tuple[Share, ...]
    sources: Mapping[str, OfSource]

    def hours(self, verdict: str) -> float:
        """The hours under one verdict."""
        return sum(one.hours for one in self.by_verdict if one.verdict == verdict)

    def under(self, verdict: str) -> set[str]:
        """The sources with one verdict."""
        return {one for one, own in self.sources.items() if own.verdict == verdict}


def digest_of(request: "StoredRequest") -> str:
    """The digest under which decisions about a request are recorded, whatever day it is asked."""
    return request_digest(undated(read_request(request.doc)))


def named_request(view: View, wanted: str) -> "StoredRequest | None":
    """The request of this name, or with "" the first on record; None if there is none."""
    if wanted:
        return requests.request(view.session, wanted)
    return next(iter(requests.requests(view.session)), None)


def sums_of(view: View, request: "StoredRequest") -> Sums:
    """Return the sums of a request; they are kept until sources, keys or decisions are recorded."""
    digest = digest_of(request)
    state = mark(view.session, schema.sources, schema.keyings, schema.decisions)
    return view.memory.of(
        ("sums", digest), state, lambda: _summed(view, request.name, digest)
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """The parts of a source under one decision, or under none."""

    source_id: str
    part: DecidedPart | None
    hours: float


def _summed(view: View, name: str, digest: str) -> Sums:
    done = decided(view.session, digest)
    held = tuple(_held(view, {(one.source_id, one.rights_key): one for one in done.parts}))
    state = mark(view.session, schema.sources)
    modality = view.memory.of("modalities", state, lambda: modalities(view.session))
    return Sums(
        request=name,
        day=done.day,
        last=done.last,
        by_verdict=_shares([("all", one) for one in held]),
        by_modality=_shares([(modality.get(one.source_id, ""), one) for one in held]),
        by_reason=_shares([(why, one) for one in held if one.part for why in one.part.reasons]),
        sources=_sources(held),
    )


def _held(view: View, by_key: Mapping[tuple[str, str], DecidedPart]) -> list[_Held]:
    state = mark(view.session, schema.keyings)
    keyings = view.memory.of("keyings", state, lambda: parts.keyings(view.session))
    found = [
        _Held(
            source_id=source_id,
            part=by_key.get((source_id, one.keys[0])),
            hours=one.span_ns / HOUR_NS,
        )
        for source_id, keying in keyings.items()
        for one in keying.parts
    ]
    seen = {one.source_id for one in found}
    found += [
        _Held(source_id=one.source_id, part=one, hours=0.0)
        for one in by_key.values()
        if one.source_id not in seen  # without an episode: all that is said about it was decided
    ]
    return found


def _shares(valued: list[tuple[str, _Held]]) -> tuple[Share, ...]:
    total: dict[tuple[str, str], float] = {}
    sources: dict[tuple[str, str], set[str]] = {}
    for value, one in valued:
        key = value, _verdict(one)
        total[key] = total.get(key, 0.0) + one.hours
        sources.setdefault(key, set()).add(one.source_id)
    found = [
        Share(value=value, verdict=verdict, num_sources=len(sources[value, verdict]), hours=hours)
        for (value, verdict), hours in total.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.hours, -one.num_sources, one.value)))


def _sources(held: tuple[_Held, ...]) -> dict[str, OfSource]:
    own: dict[str, list[_Held]] = {}
    for one in held:
        own.setdefault(one.source_id, []).append(one)
    least = {
        source_id: min(found, key=lambda one: _RANK[_verdict(one)])
        for source_id, found in own.items()
    }
    return {
        source_id: OfSource(
            verdict=_verdict(least[source_id]),
            least=part.decision_id if (part := least[source_id].part) else "",
            decisions=tuple(one.part.decision_id for one in found if one.part),
            hours=sum(one.hours for one in found),
        )
        for source_id, found in own.items()
    }


def _verdict(one: _Held) -> str:
    return one.part.verdict if one.part else UNDECIDED
