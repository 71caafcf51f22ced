"""The station: counsel enables a statutory rule for a source.

In: a rule of the rulebook that is off until counsel enables it, and a source. Out: the rule stands
as a ground on every layer of the source that it can reach, with who approved it, in one
transaction. Whether it permits a use is then for the engine to decide, as of any ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import rights, sources
from catalog.acts import record_act
from catalog.engine import open_catalog, transaction
from catalog.records import Change
from licensing.rulebook import Licence, load_rulebook
from pipelines.attach.checks import check_reason
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.layers import Fact
    from pipelines.settings import Settings


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

    def summary(self) -> str:
        """Say it in one line."""
        return f"source {self.source_id}: {self.rule} stands on {self.layers} layer(s)"


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


def approve(
    settings: Settings, source_id: str, said: Approval, *, actor: str, now: datetime
) -> Approved:
    """Enable a rule for a source, as `actor` approves it.

    Raises:
        NotFound: UNKNOWN_ID.
        RegistrationError: RULE_UNKNOWN, REASON_MISSING, LAYER_MISSING, ALREADY_APPROVED.
    """
    rule = statutory_rule(said.rule)
    check_reason(said.reason, way_out="say on what opinion the approval rests")
    ground = ground_of(rule, lawful_access=said.lawful_access)
    with transaction(open_catalog(settings.catalog_url)) as session:
        named = sources.source(session, source_id).source_id
        layers = reached_by(session, rule, named)
        _check_layers(rule, layers, named)
        changes = [_laid(session, one, ground, now=now) for one in layers]
        if Change.ADDED not in changes:
            raise RegistrationError(
                f"{rule.id} stands on every layer of {named} that it can reach already",
                code="ALREADY_APPROVED", subject=rule.id, way_out="nothing is left to approve",
            )  # fmt: skip
        about = {**asdict(said), "rulebook": load_rulebook().digest}
        record_act(session, "approve", actor=actor, subject=named, now=now, about=about)
    return Approved(source_id=named, rule=rule.id, layers=changes.count(Change.ADDED))


def _laid(session: Session, layer: Fact, ground: Mapping[str, Any], *, now: datetime) -> Change:
    said = {"layer_id": layer.fact_id, **ground}
    return rights.attach(session, layer.source_id, "basis", said, now=now)


def _check_layers(rule: Licence, layers: tuple[Fact, ...], source_id: str) -> None:
    if not layers:
        raise RegistrationError(
            f"{source_id} has no layer of {', '.join(rule.layers)}, expected one that {rule.id} "
            "can reach",
            code="LAYER_MISSING", subject=source_id,
            way_out="record the layer first: `clearway rights attach`",
        )  # fmt: skip
