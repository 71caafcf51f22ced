"""Counsel's rules: what each says, what it would change for a source, and the forms of its act.

The rules are those of the rulebook that are off until counsel enables them. One form enables a rule
for a source, the other takes that back.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from fastapi import FastAPI

from catalog import sources
from catalog.engine import open_catalog, reading
from licensing.facts import read_layers
from licensing.rulebook import Licence
from pipelines.attach.approving import (
    LAWFUL_ACCESS,
    Approval,
    approve,
    ground_of,
    grounds_at,
    reached_by,
    state_of,
    statutory_rule,
    statutory_rules,
)
from pipelines.attach.withdrawing import Withdrawal, withdraw
from pipelines.audit.what_if import Gain
from pipelines.console.acting import Asked, add_act, check_typed, day_of, word_of
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
BACK: Final = f"{ADDRESS}/withdraw"
ACCESS: Final = {"": "nobody looked into it", "yes": "yes", "no": "no"}


def add_approving(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Give the application the addresses that enable a rule for a source and take that back."""
    add_act(app, ADDRESS, "approve", do=_do, settings=settings, clock=clock)
    add_act(app, BACK, "withdraw", do=_take_back, settings=settings, clock=clock)


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
        ground = ground_of(rule, lawful_access=LAWFUL_ACCESS[access])
        (layer,) = read_layers([{"layer": "copyright", "basis": [ground]}])
        gain = Gain(basis=layer.basis[0], kinds=frozenset(rule.layers), at=view.today,
                    sources=frozenset({source_id}))  # fmt: skip
        blocks += [Words(paragraphs=("A what-if: nothing was changed.",), tone="note"),
                   *gain_blocks(view, gain), *_forms(view, rule, source_id)]  # fmt: skip
    else:
        said = "No layer of these rights is on record for this source: the rule reaches nothing."
        blocks.append(Words(paragraphs=(said,), tone="note"))
    blocks += _back_forms(view, rule, source_id)
    listed = Link(text="Rules", href=path("sources", source_id, "rules"))
    return Page(title=f"{rule.id}, for {source_id}", trail=(*_trail(source_id), listed),
                blocks=tuple(blocks))  # fmt: skip


def _do(asked: Asked) -> Page:
    rule, source_id = _named(asked, "nothing was approved")
    said = Approval(
        rule=rule,
        lawful_access=LAWFUL_ACCESS.get(asked.text("access")),
        reason=asked.text("reason"),
    )
    done = approve(asked.settings, source_id, said, actor=asked.visitor.account, now=asked.now)
    return _done(asked, "Approved", source_id, said=done.summary())


def _take_back(asked: Asked) -> Page:
    rule, source_id = _named(asked, "nothing was taken back")
    said = Withdrawal(rule=rule, at=day_of(asked, "at"), reason=asked.text("reason"))
    done = withdraw(asked.settings, source_id, said, actor=asked.visitor.account, now=asked.now)
    return _done(asked, "Taken back", source_id, said=done.summary())


def _named(asked: Asked, undone: str) -> tuple[str, str]:
    """The rule and the source of an act, which were typed again."""
    with reading(open_catalog(asked.settings.catalog_url, read_only=True)) as session:
        source_id = sources.source(session, asked.path["source"]).source_id
    rule = statutory_rule(asked.path["rule"]).id
    check_typed(asked, f"{rule} {source_id}", undone)
    return rule, source_id


def _done(asked: Asked, title: str, source_id: str, *, said: str) -> Page:
    return Page(
        title=title, lead=f"By {asked.visitor.account}", trail=_trail(source_id),
        blocks=(Words(title="What stands now", paragraphs=(said, DECIDE)),),
    )  # fmt: skip


def _trail(source_id: str) -> tuple[Link, ...]:
    return (Link(text="Sources", href="/sources"), source_link(source_id))


def _state(view: View, rule: Licence, source_id: str) -> str:
    return state_of(view.session, rule, source_id).words(view.today)


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


def _back_forms(view: View, rule: Licence, source_id: str) -> Iterator[Form]:
    word = word_of(view, "approve")
    if word and grounds_at(view.session, rule, source_id, at=view.today):
        yield Form(
            title="Take the approval back", button="Take it back", word=word,
            action=path("sources", source_id, "rules", rule.id, "withdraw"),
            fields=(
                Field(name="at", label="From the day", value=str(view.today), kind="date"),
                Field(name="reason", label="Why", hint="it stays on record: name no person"),
                Field(name="typed", label=f"To confirm, type {rule.id} {source_id}",
                      hint="it can be approved again, from then on"),
            ),
        )  # fmt: skip
