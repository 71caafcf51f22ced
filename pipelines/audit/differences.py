"""What was recorded between two instants, and which decisions it turns.

In: two instants of recorded time, and the day that is asked about. Out: the facts that changed, the
past decisions that stand otherwise, on whatever day, and for every request on record the parts that
are decided otherwise with what was known at the second.
The day is the same on both sides, so that what turns a decision is knowledge, not time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from catalog import decisions, requests
from catalog.changes import FactChange, fact_changes
from catalog.engine import open_catalog, reading
from licensing.request import Request, read_request, request_digest, undated
from pipelines.audit.standing import Standing, standings
from pipelines.clear.deciding import decide_sources

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.decisions import DecisionRow
    from pipelines.clear.clearance import Part, SourceRow
    from pipelines.settings import Settings

ABSENT = "not there"  # the verdict of a part that one side does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """One part of a source that is decided otherwise; `decision` is the recorded one, if any."""

    decision: str
    source_id: str
    request: str
    before: str
    after: str
    reasons_before: tuple[str, ...]
    reasons_after: tuple[str, ...]
    duties_before: tuple[str, ...]
    duties_after: tuple[str, ...]
    standing: Standing | None = None  # of that decision, at the second instant

    def line(self) -> dict[str, Any]:
        """The JSON line of `audit diff --json`."""
        return {
            "what": "turned",
            "decision": self.decision or None,
            "source": self.source_id,
            "request": self.request,
            "from": self.before,
            "to": self.after,
            "reasons": {"from": list(self.reasons_before), "to": list(self.reasons_after)},
            "obligations": {"from": list(self.duties_before), "to": list(self.duties_after)},
            "standing": self.standing.words() if self.standing else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A recorded decision that stands otherwise at the second instant than at the first."""

    row: DecisionRow
    before: Standing
    after: Standing

    def line(self) -> dict[str, Any]:
        """The JSON line of `audit diff --json`."""
        return {
            "what": "standing",
            "decision": self.row.decision_id,
            "source": self.row.source_id,
            "request": self.row.request_name or self.row.request_digest,
            "from": self.before.words(),
            "to": self.after.words(),
            **self.after.line(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """What changed between two instants."""

    facts: tuple[FactChange, ...]
    moved: tuple[Moved, ...]
    turned: tuple[Turned, ...]


def between(since: datetime, until: datetime, settings: Settings, *, day: date) -> Between:
    """Say what was recorded after `since` up to `until`, and what that turns on `day`."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        facts = fact_changes(session, since, until)
        rows = decisions.decisions(session, known=since)
        sides = (standings(session, rows, known=known) for known in (since, until))
        stand = list(zip(rows, *sides, strict=True))
        asked = requests.requests(session, known=until)
        turned = [
            one
            for stored in asked
            for one in _turned(
                session, stored.name, (since, until), asked=_on(read_request(stored.doc), day)
            )
        ]
    after = {row.decision_id: now for row, _, now in stand}
    return Between(
        facts=facts,
        moved=tuple(
            Moved(row=row, before=then, after=now) for row, then, now in stand if then != now
        ),
        turned=tuple(replace(one, standing=after.get(one.decision)) for one in turned),
    )


def fact_line(change: FactChange) -> dict[str, Any]:
    """The JSON line of a fact that changed."""
    return {
        "what": change.what,
        "source": change.source_id,
        "kind": change.kind,
        "fact": change.fact_id,
        "by": change.by or None,
        "ends_at": change.ends_at or None,
        "recorded_at": change.recorded_at,
        "said": dict(change.said),
    }


def _on(asked: Request, day: date) -> Request:
    return asked if asked.at else replace(asked, at=day)


def _turned(
    session: Session, name: str, span: tuple[datetime, datetime], *, asked: Request
) -> Iterator[Turned]:
    rows = [_decided(session, asked, known) for known in span]
    digest = request_digest(undated(asked))
    recorded = {
        (one.source_id, one.rights_key): one.decision_id
        for one in decisions.latest_decisions(session, digest, known=span[0])
    }
    for source_id in dict.fromkeys((*rows[0], *rows[1])):
        for before, after in _matched(rows[0].get(source_id), rows[1].get(source_id)):
            if _outcome(before) != _outcome(after):
                key = before.rights_key if before else ""
                decision = recorded.get((source_id, key), "")
                yield _turn(before, after, request=name, decision=decision)


def _decided(session: Session, asked: Request, known: datetime) -> dict[str, SourceRow]:
    dated = replace(asked, known=known.date())
    return {one.source: one for one in decide_sources(session, dated, known=known)}


def _matched(
    before: SourceRow | None, after: SourceRow | None
) -> Iterator[tuple[Part | None, Part | None]]:
    """Parts of the same key face each other; the rest do so in order, the least free first."""
    first = {one.rights_key: one for one in before.parts} if before else {}
    second = {one.rights_key: one for one in after.parts} if after else {}
    for key in first.keys() & second.keys():
        yield first[key], second[key]
    yield from zip_longest(_rest(first, second), _rest(second, first))


def _rest(own: dict[str, Part], other: dict[str, Part]) -> Sequence[Part]:
    found = [one for key, one in own.items() if key not in other]
    return sorted(found, key=lambda one: (one.verdict == "permit", one.verdict, one.rights_key))


def _outcome(part: Part | None) -> tuple[Any, ...]:
    return (part.verdict, part.reasons, part.obligations) if part else (ABSENT,)


def _turn(before: Part | None, after: Part | None, *, request: str, decision: str) -> Turned:
    there = before or after
    assert there is not None
    return Turned(
        decision=decision,
        source_id=there.source_id,
        request=request,
        before=before.verdict if before else ABSENT,
        after=after.verdict if after else ABSENT,
        reasons_before=before.reasons if before else (),
        reasons_after=after.reasons if after else (),
        duties_before=before.obligations if before else (),
        duties_after=after.obligations if after else (),
    )
