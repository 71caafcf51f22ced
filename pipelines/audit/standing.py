"""Whether past decisions still stand: apart from the decisions, which never change.

In: decisions, and an instant up to which the record is read. Out: a standing each. A decision that
permits has *ended* from the day on which an end that was recorded after it takes the permission
away, and is *defeated* where what it rested on was void from the start. The engine decides again on
the decision's own layers and facts, with nothing added but the later ends: a permission that
another ground carries stands. A denial rests on no right, and an end never frees: it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import parts, rights
from catalog.layers import ends_by_fact, fold
from catalog.standing import closed_pieces, ends_by_layer, parts_under
from licensing.checklist import question_layer
from licensing.decide import decide
from licensing.facts import Layer, Verdict, read_layers
from licensing.request import Request, read_request
from licensing.rulebook import load_rulebook
from pipelines.clear.claims import Claims
from pipelines.clear.deciding import layers_named

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.decisions import DecisionRow
    from catalog.layers import Fact, FactEnd
    from catalog.parts import PartRow
    from catalog.pieces import Piece
    from catalog.rights import Revocation

STANDS, ENDED, DEFEATED = "stands", "ended", "defeated"
PERMIT, VOID = "permit", "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a decision stands; `since` is the first day on which one that ended does not.

    With `partly`, only some of the parts that it is about were lost, and it stands for the rest.
    """

    state: str = STANDS
    since: date | None = None
    reason: str = ""
    recorded_at: datetime | None = None
    partly: bool = False

    def words(self) -> str:
        """Say it, as in `ended from 2026-12-01 on (breach)`."""
        if self.state == STANDS:
            return STANDS
        day = "" if self.state == DEFEATED else f" from {self.since} on"
        return f"{self.state}{' in part' if self.partly else ''}{day} ({self.reason})"

    def line(self) -> dict[str, Any]:
        """The standing as it stands in a JSON line, in words and by field."""
        return {
            "standing": self.words(),
            "standing_state": self.state,
            "standing_since": self.since,
            "standing_reason": self.reason or None,
            "standing_recorded_at": self.recorded_at,
            "standing_partly": self.partly,
        }


def standings(
    session: Session, rows: Sequence[DecisionRow], *, known: datetime | None = None
) -> tuple[Standing, ...]:
    """Return the standing of each decision by what was on record at `known`, None being now."""
    record = _Record(session, rows, known)
    return tuple(record.standing(row) for row in rows)


class _Record:
    """What was recorded after decisions, read once for all of them."""

    def __init__(
        self, session: Session, rows: Iterable[DecisionRow], known: datetime | None
    ) -> None:
        self._session, self._known = session, known
        self._ends = ends_by_layer(session, known=known)
        self._closed = closed_pieces(session, known=known)
        permits = [row for row in rows if row.verdict == PERMIT]
        is_still = not self._ends and not self._closed
        keys = [] if is_still else [row.rights_key for row in permits]
        self._named = parts.layers_under(session, keys)
        layers = rights.facts_by_id(session, (one for ids in self._named.values() for one in ids))
        self._home = {one.fact_id: one.source_id for one in layers}
        self._facts: dict[str, tuple[Fact, ...]] = {}
        self._judged: dict[tuple[Any, ...], bool] = {}
        self._claims: dict[datetime, Claims] = {}
        self._parts: dict[tuple[str, str], tuple[PartRow, ...]] = {}

    def standing(self, row: DecisionRow) -> Standing:
        """The gravest of what has become of a decision: for all of its parts, and most of all."""
        if row.verdict != PERMIT:
            return Standing()
        found = [*self._by_ends(row), *self._by_closing(row)]
        rank = {DEFEATED: 0, ENDED: 1}
        return min(
            found,
            key=lambda one: (one.partly, rank[one.state], one.since or date.min),
            default=Standing(),
        )

    def _by_ends(self, row: DecisionRow) -> Iterator[Standing]:
        """What the ends of its own facts have done to it, if they were recorded after it."""
        if not self._ends:
            return
        ids = self._ids(row)
        ends = {end for one in ids for end in self._ends.get(one, ())}
        new = {end for end in ends if end.recorded_at > row.known}
        if not new:
            return
        facts = self._facts_under(row, ids)
        case = _Case(
            row=row, ids=ids, facts=facts, before=frozenset(ends - new), judged=self._judged
        )
        void = frozenset(end for end in new if end.kind == VOID)
        if void and not case.is_permitted(row.valid, void):
            yield _standing(DEFEATED, min(void, key=lambda one: one.recorded_at))
            return
        for end in sorted(new - void, key=lambda one: (one.ends_at, one.recorded_at)):
            day = max(end.ends_at, row.valid)
            if case.is_permitted(day, frozenset()) and not case.is_permitted(day, new):
                yield _standing(ENDED, end)
                return

    def _by_closing(self, row: DecisionRow) -> Iterator[Standing]:
        """What closed recordings have done to it: to all that it is about, or to a part."""
        closed = self._closed.get(row.source_id, ())
        new = [(piece, by) for piece, by in closed if by.recorded_at > row.known]
        for _, by in (one for one in new if not one[0].episode_id):
            yield _closed(by, is_whole=True)
        some = [one for one in new if one[0].episode_id]
        left, whole = self._left(row, (piece for piece, _ in some))
        if left < whole:
            acts = sorted((by for _, by in some), key=lambda by: (by.reason == VOID, by.at))
            yield _closed(acts[0] if left else _last(acts), is_whole=not left)

    def _left(self, row: DecisionRow, pieces: Iterable[Piece]) -> tuple[int, int]:
        """Nanoseconds of the parts that a decision is about, without `pieces` and with them."""
        gone, key = tuple(pieces), (row.source_id, row.rights_key)
        if not gone:
            return 0, 0
        if key not in self._parts:
            self._parts[key] = parts_under(self._session, *key)
        own = self._parts[key]
        total = sum(part.end_ns - part.start_ns for part in own)
        return total - sum(_covered(part, gone) for part in own), total

    def _ids(self, row: DecisionRow) -> tuple[str, ...]:
        """The layers that a decision is about.

        Of a source without episodes: all of that day, those of what it was made from among them.
        """
        named = self._named.get(row.rights_key)
        if named is not None:
            return named
        if row.known not in self._claims:
            self._claims[row.known] = Claims(self._session, known=row.known)
        inherited = self._claims[row.known].inherited_by(row.source_id)
        found = rights.facts_by_id(self._session, inherited)
        self._home.update((one.fact_id, one.source_id) for one in found)
        asked = rights.asked_of(self._session, row.source_id, known=row.known)
        return (*(str(one.layer_id) for one in read_layers(asked)), *sorted(inherited))

    def _facts_under(self, row: DecisionRow, ids: Iterable[str]) -> tuple[tuple[Fact, ...], ...]:
        sources = {self._home.get(one, row.source_id) for one in ids}
        for one in sources - self._facts.keys():
            self._facts[one] = rights.facts_of(self._session, one, known=self._known)
        return tuple(
            tuple(fact for fact in self._facts[one] if fact.recorded_at <= row.known)
            for one in sorted(sources)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A decision with the facts about its sources that it was made with, to be decided again.

    `judged` remembers what was decided for the others: facts are only ever added, so that their
    numbers tell the facts of one day from those of another.
    """

    row: DecisionRow
    ids: tuple[str, ...]
    facts: tuple[tuple[Fact, ...], ...]  # by source
    before: frozenset[FactEnd]  # the ends that it was made with
    judged: dict[tuple[Any, ...], bool]

    def is_permitted(self, day: date, ends: Iterable[FactEnd]) -> bool:
        """Whether it permits on `day`, with `ends` beside what was known when it was made."""
        held = self.before.union(ends)
        key = (self.row.source_id, self.ids, self.row.request_digest, day, held,
               tuple(map(len, self.facts)))  # fmt: skip
        if key not in self.judged:
            asked: Request = read_request(self.row.doc["proof"]["request"])
            layers = layers_named(self.ids, self._layers(sorted(held, key=_recorded)))
            found = decide(layers, replace(asked, at=day), load_rulebook())
            self.judged[key] = found.verdict is Verdict.PERMIT
        return self.judged[key]

    def _layers(self, ends: Sequence[FactEnd]) -> dict[str, Layer]:
        found = [one for one in map(question_layer, self.ids) if one is not None]
        for own in self.facts:
            found += read_layers(fold(own, ends_by_fact(own, ends)))
        return {str(one.layer_id): one for one in found}


def _recorded(end: FactEnd) -> datetime:
    return end.recorded_at


def _standing(state: str, end: FactEnd) -> Standing:
    since = None if state == DEFEATED else end.ends_at
    return Standing(state=state, since=since, reason=end.reason, recorded_at=end.recorded_at)


def _closed(by: Revocation, *, is_whole: bool) -> Standing:
    state = DEFEATED if by.reason == VOID else ENDED
    return Standing(
        state=state,
        since=None if state == DEFEATED else by.at,
        reason=by.reason,
        recorded_at=by.recorded_at,
        partly=not is_whole,
    )


def _last(found: Sequence[Revocation]) -> Revocation:
    """The one that took the rest: of what was not void from the start, the latest day."""
    dated = [one for one in found if one.reason != VOID]
    return dated[-1] if dated else found[-1]


def _covered(part: PartRow, pieces: Iterable[Piece]) -> int:
    """Nanoseconds of a part that lie in any of these pieces of its source."""
    spans = sorted(
        (max(part.start_ns, one.start_ns), min(part.end_ns, one.end_ns or part.end_ns))
        for one in pieces
        if one.episode_id == part.episode_id
    )
    covered, until = 0, part.start_ns
    for start, end in spans:
        covered += max(0, end - max(start, until))
        until = max(until, end)
    return covered
