"""Hours under each verdict, by modality and by reason: what was decided last, over all sources.

In: a request on record. Out: when it was decided last, its sums, or how some sources stand under
it. They are those of the recorded decisions and of the keys that recordings have now: a part whose
key nobody has decided yet is told as such, never guessed. Nothing is kept from one page to the
next: what a page shows is asked for, and no more.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from catalog import requests
from catalog.pages.decided import Held, Round, held_under, last_round, spans_by_verdict
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
class Decided:
    """A request, and when it was decided last; `day` is None if it never was."""

    request: str
    by: Round

    @property
    def day(self) -> date | None:
        """The day that it was decided for."""
        return self.by.day


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What falls under one value and one verdict: sources, and hours of recordings."""

    value: str
    verdict: str
    num_sources: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """A request over all sources."""

    by_verdict: tuple[Share, ...]
    by_modality: tuple[Share, ...]
    by_reason: tuple[Share, ...]

    def hours(self, verdict: str) -> float:
        """The hours under one verdict."""
        return sum(one.hours for one in self.by_verdict if one.verdict == verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSource:
    """A source under a request: verdict and decision of its least free part, all decisions, hours.

    `least` is "" where nobody has decided.
    """

    verdict: str = UNDECIDED
    least: str = ""
    decisions: tuple[str, ...] = ()
    hours: float = 0.0


def digest_of(request: "StoredRequest") -> str:
    """The digest under which decisions about a request are recorded, whatever day it is asked."""
    return request_digest(undated(read_request(request.doc)))


def named_request(view: View, wanted: str) -> "StoredRequest | None":
    """The request of this name, or with "" the first on record; None if there is none."""
    if wanted:
        return requests.request(view.session, wanted)
    return next(iter(requests.requests(view.session)), None)


def decided(view: View, request: "StoredRequest") -> Decided:
    """Return when a request was decided last."""
    return Decided(request=request.name, by=last_round(view.session, digest_of(request)))


def sums_of(view: View, under: Decided) -> Sums:
    """Return the sums of a request over all sources."""
    (held,) = held_under(view.session, [under.by])
    modality = modalities(view.session)
    alike: dict[tuple[str, str, tuple[str, ...]], _Sum] = {}  # parts of which the same is said
    for one in held:
        key = _verdict(one), modality.get(one.source_id, ""), one.reasons
        found = alike.get(key) or alike.setdefault(key, _Sum())
        found.add(one.span_ns, (one.source_id,))
    return Sums(
        by_verdict=_shares(("all", said, one) for (said, _, _), one in alike.items()),
        by_modality=_shares((kind, said, one) for (said, kind, _), one in alike.items()),
        by_reason=_shares(
            (why, said, one) for (said, _, told), one in alike.items() for why in told
        ),
    )


def hours_of(view: View, under: Sequence[Decided]) -> dict[str, dict[str, float]]:
    """Return the hours under each verdict that there are, by the name of the request."""
    spans = spans_by_verdict(view.session, (one.by for one in under))
    return {
        one.request: {word or UNDECIDED: span_ns / HOUR_NS for word, span_ns in its.items()}
        for one, its in zip(under, spans, strict=True)
    }


def standings(
    view: View, under: Sequence[Decided], source_ids: Collection[str]
) -> dict[str, dict[str, OfSource]]:
    """Return how each of some sources stands under requests, by the name of the request."""
    found = {}
    rounds = held_under(view.session, (one.by for one in under), only=source_ids)
    for one, held in zip(under, rounds, strict=True):
        own: dict[str, list[Held]] = {source_id: [] for source_id in source_ids}
        for each in held:
            own[each.source_id].append(each)
        found[one.request] = {source_id: _of_source(its) for source_id, its in own.items()}
    return found


def sources_with(view: View, under: Decided, verdict: str) -> set[str]:
    """Return the sources that have one verdict under a request."""
    least: dict[str, str] = {}
    (held,) = held_under(view.session, [under.by])
    for one in held:
        said = _verdict(one)
        before = least.setdefault(one.source_id, said)
        if _RANK[said] < _RANK[before]:
            least[one.source_id] = said
    found = {source_id for source_id, said in least.items() if said == verdict}
    if verdict == UNDECIDED:  # nothing is held of a source that was registered a moment ago
        found |= set(modalities(view.session)) - set(least)
    return found


@dataclass(slots=True)
class _Sum:
    """A sum as it grows."""

    span_ns: int = 0
    sources: set[str] = field(default_factory=set)

    def add(self, span_ns: int, sources: Iterable[str]) -> None:
        self.span_ns += span_ns
        self.sources.update(sources)


def _shares(valued: Iterable[tuple[str, str, _Sum]]) -> tuple[Share, ...]:
    total: dict[tuple[str, str], _Sum] = {}
    for value, verdict, one in valued:
        total.setdefault((value, verdict), _Sum()).add(one.span_ns, one.sources)
    found = [
        Share(value=value, verdict=verdict, num_sources=len(one.sources),
              hours=one.span_ns / HOUR_NS)
        for (value, verdict), one in total.items()
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.hours, -one.num_sources, one.value)))


def _of_source(held: list[Held]) -> OfSource:
    if not held:
        return OfSource()
    least = min(held, key=lambda one: _RANK[_verdict(one)])
    return OfSource(
        verdict=_verdict(least),
        least=least.decision_id,
        decisions=tuple(one.decision_id for one in held if one.decision_id),
        hours=sum(one.span_ns for one in held) / HOUR_NS,
    )


def _verdict(one: Held) -> str:
    return one.verdict or UNDECIDED
