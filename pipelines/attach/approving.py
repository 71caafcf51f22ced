"""The station: counsel enables a statutory rule for a source.

In: a rule of the rulebook that is off until counsel enables it, and a source. Out: the rule stands
as a ground on every layer of the source that it can reach, with who approved it, in one
transaction. Whether it permits a use is then for the engine to decide, as of any ground.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from catalog import rights, sources
from catalog.acts import record_act
from catalog.layers import FIRST_DAY
from licensing.rulebook import Licence, load_rulebook
from pipelines.attach.checks import check_reason
from pipelines.attach.trying import acting
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.layers import Fact, FactEnd
    from pipelines.settings import Settings


LAWFUL_ACCESS: Final[Mapping[str, bool | None]] = {"": None, "yes": True, "no": False}
LAST_DAY: Final = "9999-12-31"
_NAMED: Final = "tdm-enabled"  # the clause by which a rule is off unless a counsel is named
_NOT_SAID: Final = frozenset({"layer_id", "again", "valid"})  # of a ground, beside what it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What counsel says: the rule, whether the access was lawful, and on what opinion it rests."""

    rule: str
    lawful_access: bool | None  # None: unknown
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """Which rule was enabled for which source, and on how many layers."""

    source_id: str
    rule: str
    layers: int
    dry_run: bool = False

    def line(self) -> dict[str, Any]:
        """The outcome as one line of JSON holds it."""
        return {"source": self.source_id, "rule": self.rule, "layers": self.layers,
                "dry_run": self.dry_run}  # fmt: skip

    def summary(self) -> str:
        """Say it in one line."""
        word = "would stand" if self.dry_run else "stands"
        return f"source {self.source_id}: {self.rule} {word} on {self.layers} layer(s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """How a rule stands for a source: since when it is enabled, and from when no longer.

    Both are empty where no counsel enabled it; with `until` alone to come, it still stands.
    """

    rule: Licence
    since: date | None = None
    until: date | None = None
    reason: str = ""  # why it was taken back

    def holds(self, day: date) -> bool:
        """Whether it stands on this day."""
        return self.since is not None and (self.until is None or day < self.until)

    def words(self, today: date) -> str:
        """Say it."""
        if self.since is None:
            return "off: no counsel enabled it"
        if self.until is None:
            return f"enabled on {self.since}"
        why = f": {self.reason}" if self.reason else ""
        if not self.holds(today):
            return f"{'taken back' if why else 'over'} from {self.until} on{why}"
        return f"enabled on {self.since}, until {self.until}{why}"


def statutory_rules() -> tuple[Licence, ...]:
    """The rules that are off until counsel enables them, by id."""
    found = (one for one in load_rulebook().licences.values() if one.statutory)
    return tuple(sorted(found, key=lambda one: one.id))


def statutory_rule(name: str) -> Licence:
    """The rule of this id.

    Raises:
        RegistrationError: RULE_UNKNOWN.
    """
    for one in statutory_rules():
        if one.id == name:
            return one
    raise RegistrationError(
        f"got {name[:60]!r}, expected one of {', '.join(one.id for one in statutory_rules())}",
        code="RULE_UNKNOWN", subject=name[:60], way_out="choose a rule that waits for counsel",
    )  # fmt: skip


def ground_of(rule: Licence, *, lawful_access: bool | None) -> dict[str, Any]:
    """The ground that the rule is once it is enabled; None leaves the access unknown."""
    said = {"type": "statutory", "id": rule.id, "enabled": True}
    return said if lawful_access is None else said | {"lawful_access": lawful_access}


def reached_by(session: Session, rule: Licence, source_id: str) -> tuple[Fact, ...]:
    """The layers on record that the rule can reach."""
    facts = rights.facts_of(session, source_id)
    return tuple(one for one in facts if one.kind == "layer" and one.doc["layer"] in rule.layers)


def grounds_at(
    session: Session, rule: Licence, source_id: str, *, at: date | None = None
) -> tuple[Fact, ...]:
    """The grounds that the rule is for a source; with `at`, those that are not over by that day."""
    found = [
        one
        for one in rights.facts_of(session, source_id)
        if one.kind == "basis" and one.doc.get("type") == "statutory"
        and one.doc.get("id") == rule.id and _is_enabled(rule, one.doc)
    ]  # fmt: skip
    if at is None:
        return tuple(found)
    over = _over(found, _ends(session, found))
    return tuple(one for one in found if at < over.get(one.fact_id, date.max))


def state_of(session: Session, rule: Licence, source_id: str) -> RuleState:
    """How a rule stands for a source, by what counsel said last."""
    found = grounds_at(session, rule, source_id)
    if not found:
        return RuleState(rule=rule)
    ends = _ends(session, found)
    over = _over(found, ends)
    (*_, last) = [one for one in found if one.fact_id not in over] or found
    (*_, reason) = ("", *(one.reason for one in ends if one.fact_id == last.fact_id))
    return RuleState(
        rule=rule, since=last.recorded_at.date(), until=over.get(last.fact_id), reason=reason
    )


def approve(
    settings: Settings, source_id: str, said: Approval, *, actor: str, now: datetime,
    dry_run: bool = False,
) -> Approved:  # fmt: skip
    """Enable a rule for a source, as `actor` approves it.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        RegistrationError: RULE_UNKNOWN, REASON_MISSING, LAYER_MISSING, ALREADY_APPROVED.
    """
    rule = statutory_rule(said.rule)
    reason = check_reason(said.reason, way_out="say on what opinion the approval rests")
    ground = ground_of(rule, lawful_access=said.lawful_access)
    with acting(settings, dry_run=dry_run) as session:
        named = sources.source(session, source_id).source_id
        new = _new_grounds(session, rule, named, ground=ground, at=now.date())
        if not dry_run:
            for one in new:
                valid = (*one.get("valid", ()), None, None)[:2]
                rights.attach(session, named, "basis", one, valid=valid, now=now)
            about = {**asdict(said), "reason": reason, "rulebook": load_rulebook().digest}
            record_act(session, "approve", actor=actor, subject=named, now=now, about=about)
    return Approved(source_id=named, rule=rule.id, layers=len(new), dry_run=dry_run)


def _new_grounds(
    session: Session, rule: Licence, source_id: str, *, ground: Mapping[str, Any], at: date
) -> list[dict[str, Any]]:
    """What is to be laid on the layers that the rule can reach and does not stand on.

    On a layer from which it was taken back it stands anew, from the day `at` on.
    """
    layers = reached_by(session, rule, source_id)
    _check_layers(rule, layers, source_id)
    laid = grounds_at(session, rule, source_id)
    over = _over(laid, _ends(session, laid))
    new = list[dict[str, Any]]()
    for layer in layers:
        own = [one for one in laid if one.doc["layer_id"] == layer.fact_id]
        stands = [_plain(one.doc) for one in own if one.fact_id not in over]
        again = {"valid": [at.isoformat(), LAST_DAY], "again": len(own)}
        if ground not in stands:
            taken_back = any(one.fact_id in over for one in own)
            new.append({"layer_id": layer.fact_id, **ground, **(again if taken_back else {})})
    if not new:
        raise RegistrationError(
            f"{rule.id} stands on every layer of {source_id} that it can reach already",
            code="ALREADY_APPROVED", subject=rule.id, way_out="nothing is left to approve",
        )  # fmt: skip
    return new


def _is_enabled(rule: Licence, doc: Mapping[str, Any]) -> bool:
    """Is the ground one, as the engine reads it? Some rules want counsel to be named."""
    said = doc.get("enabled")
    return said is True or (said is None and all(one.key != _NAMED for one in rule.clauses))


def _over(grounds: Iterable[Fact], ends: Iterable[FactEnd]) -> dict[str, date]:
    """The first day on which each ground no longer stands, of those that have one."""
    found = dict[str, date]()
    for one in grounds:
        if "valid" in one.doc:
            last = str((one.doc["valid"] or [FIRST_DAY])[-1])
            if last != LAST_DAY:
                found[one.fact_id] = date.fromisoformat(last)
    for end in ends:
        day = date.min if end.kind == "void" else end.ends_at
        found[end.fact_id] = min(day, found.get(end.fact_id, day))
    return found


def _ends(session: Session, facts: Iterable[Fact]) -> tuple[FactEnd, ...]:
    return rights.ends_of(session, [one.fact_id for one in facts])


def _plain(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in doc.items() if name not in _NOT_SAID}


def _check_layers(rule: Licence, layers: tuple[Fact, ...], source_id: str) -> None:
    if not layers:
        raise RegistrationError(
            f"{source_id} has no layer of {', '.join(rule.layers)}, expected one that {rule.id} "
            "can reach",
            code="LAYER_MISSING", subject=source_id,
            way_out="record the layer first: `clearway rights attach`",
        )  # fmt: skip
