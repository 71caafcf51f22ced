"""Counsel's rules: what each says, what it would change for a source, and the form that enables it.

The rules are those of the rulebook that are off until counsel enables them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from fastapi import FastAPI

from catalog import rights, sources
from catalog.engine import open_catalog, reading
from licensing.facts import read_layers
from licensing.rulebook import Licence
from pipelines.attach.approving import (
    Approval,
    approve,
    ground_of,
    reached_by,
    statutory_rule,
    statutory_rules,
)
from pipelines.audit.what_if import Gain
from pipelines.console.acting import Asked, add_act, check_typed, word_of
from pipelines.console.blocks import (
    Block,
    Column,
    Field,
    Form,
    Link,
    Page,
    Row,
    Table,
    Terms,
    Words,
    fixed,
    path,
)
from pipelines.console.gaining import gain_blocks
from pipelines.console.overview import source_link
from pipelines.console.settling import DECIDE
from pipelines.console.view import View
from pipelines.settings import Settings

ADDRESS: Final = "/sources/{source}/rules/{rule}"
ACCESS: Final = {"": "nobody looked into it", "yes": "yes", "no": "no"}
_ACCESS: Final = {"": None, "yes": True, "no": False}


def add_approving(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Give the application the address that enables a rule for a source."""
    add_act(app, ADDRESS, "approve", do=_do, settings=settings, clock=clock)


def rules_page(view: View) -> Page:
    """Build the list of rules that wait for counsel, as they stand for one source."""
    source_id = sources.source(view.session, view.path["source"]).source_id
    rows: list[Row] = [
        {
            "rule": Link(text=one.id, href=path("sources", source_id, "rules", one.id)),
            "state": _state(view, one, source_id),
            "layers": [each.replace("_", " ") for each in one.layers],
        }
        for one in statutory_rules()
    ]
    columns = (
        Column(name="rule", title="Rule"), Column(name="state", title="For this source"),
        Column(name="layers", title="Rights that it can reach"),
    )  # fmt: skip
    return Page(
        title="Rules that wait for counsel", trail=_trail(source_id),
        lead="A statutory exception is off until counsel enables it for a source.",
        blocks=(Table(name="rules", title="Rules", columns=columns, read=fixed(rows)),),
    )  # fmt: skip


def rule_page(view: View) -> Page:
    """Build what one rule says, what it would change for a source, and the form that enables it."""
    source_id = sources.source(view.session, view.path["source"]).source_id
    rule, access = statutory_rule(view.path["rule"]), view.choice("access", tuple(ACCESS))
    blocks: list[Block] = [
        Terms(rows=(("Rule", rule.id), ("For this source", _state(view, rule, source_id)),
                    ("Rights that it can reach", [one.replace("_", " ") for one in rule.layers]),
                    ("Reservations", "one of the holder takes it away" if rule.reservable
                     else "none takes it away"))),
        _clauses(rule),
        _asking(rule, source_id, access),
    ]  # fmt: skip
    if reached_by(view.session, rule, source_id):
        ground = ground_of(rule, lawful_access=_ACCESS[access])
        (layer,) = read_layers([{"layer": "copyright", "basis": [ground]}])
        gain = Gain(basis=layer.basis[0], kinds=frozenset(rule.layers), at=view.today,
                    sources=frozenset({source_id}))  # fmt: skip
        blocks += [Words(paragraphs=("A what-if: nothing was changed.",), tone="note"),
                   *gain_blocks(view, gain), *_forms(view, rule, source_id)]  # fmt: skip
    else:
        said = "No layer of these rights is on record for this source: the rule reaches nothing."
        blocks.append(Words(paragraphs=(said,), tone="note"))
    listed = Link(text="Rules", href=path("sources", source_id, "rules"))
    return Page(title=f"{rule.id}, for {source_id}", trail=(*_trail(source_id), listed),
                blocks=tuple(blocks))  # fmt: skip


def _do(asked: Asked) -> Page:
    with reading(open_catalog(asked.settings.catalog_url, read_only=True)) as session:
        source_id = sources.source(session, asked.path["source"]).source_id
    rule = statutory_rule(asked.path["rule"]).id
    check_typed(asked, f"{rule} {source_id}", "nothing was approved")
    said = Approval(
        rule=rule, lawful_access=_ACCESS.get(asked.text("access")), reason=asked.text("reason")
    )
    done = approve(asked.settings, source_id, said, actor=asked.visitor.account, now=asked.now)
    return Page(
        title="Approved", lead=f"By {asked.visitor.account}", trail=_trail(source_id),
        blocks=(Words(title="What stands now", paragraphs=(done.summary(), DECIDE)),),
    )  # fmt: skip


def _trail(source_id: str) -> tuple[Link, ...]:
    return (Link(text="Sources", href="/sources"), source_link(source_id))


def _state(view: View, rule: Licence, source_id: str) -> str:
    facts = rights.facts_of(view.session, source_id)
    grounds = [one for one in facts if one.kind == "basis" and one.doc.get("id") == rule.id]
    enabled = [one for one in grounds if one.doc.get("enabled")]
    if not enabled:
        return "off: no counsel enabled it"
    return f"enabled on {enabled[-1].recorded_at:%Y-%m-%d}"


def _clauses(rule: Licence) -> Table:
    rows: list[Row] = [
        {"clause": one.key, "says": one.note, "cite": one.cite, "code": one.fails or one.duty}
        for one in rule.clauses
    ]
    columns = (
        Column(name="says", title="What it asks"), Column(name="cite", title="Where it stands"),
        Column(name="code", title="Else, or duty", kind="code"),
        Column(name="clause", title="Clause", kind="code"),
    )  # fmt: skip
    return Table(name="clauses", title="The rule", columns=columns, read=fixed(rows))


def _asking(rule: Licence, source_id: str, access: str) -> Form:
    return Form(
        title="What it would change", button="Show",
        action=path("sources", source_id, "rules", rule.id),
        fields=(Field(name="access", label="Was the access to the works lawful?", value=access,
                      choices=tuple(ACCESS.items())),),
    )  # fmt: skip


def _forms(view: View, rule: Licence, source_id: str) -> Iterator[Form]:
    word, access = word_of(view, "approve"), view.choice("access", tuple(ACCESS))
    if word:
        yield Form(
            title="Enable it for this source", button="Approve the rule", word=word,
            action=path("sources", source_id, "rules", rule.id),
            fields=(
                Field(name="access", label="Was the access to the works lawful?", value=access,
                      choices=tuple(ACCESS.items())),
                Field(name="reason", label="On what opinion it rests",
                      hint="it stays on record: name no person"),
                Field(name="typed", label=f"To confirm, type {rule.id} {source_id}",
                      hint="what is approved stays on record"),
            ),
        )  # fmt: skip
