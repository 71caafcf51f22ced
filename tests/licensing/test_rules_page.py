"""`docs/licensing-rules.md` says what the rulebook says; `--write-golden` rewrites it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from licensing.logic import When
from licensing.rulebook import Clause, Licence, load_rulebook

PAGE = Path(__file__).resolve().parents[2] / "docs" / "licensing-rules.md"
HEAD = """# The licensing rules

Written from the rulebook (`licensing/rulebook/*.toml`) by a test; do not edit by hand.
**This page is not legal advice.** It says how Clearway reads licences, terms and exceptions;
where the law is not settled it takes the stricter reading or leaves the question to a person.
A lawyer should read each text before a rule is relied on.
Terms that nobody read to the end only restrict.
An exception that nobody read is off until counsel switches it on.

`clearway licence list` and `clearway licence show ID` print the same rules.

* **condition**: must hold, else the code says why not.
* **doubt**: leaves the question open, to a person.
* **duty**: follows a grant.
* A rule marked `unknown` or `off` for a profile is read more loosely there.
* The default profile is `conservative`.
* A rule on an action reaches what lies inside it: `train` both kinds of training, `use` all.
* A licence that is not on this page is not known, and what is not known is not cleared.

"""


def test_the_page_follows_the_rulebook(request: pytest.FixtureRequest):
    now = HEAD + "\n".join(lines())
    if request.config.getoption("--write-golden"):
        PAGE.write_text(now, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == now


def lines() -> Iterator[str]:
    book = load_rulebook()
    clauses = {clause.key: clause for one in book.licences.values() for clause in one.clauses}
    yield from ("## What a rule does", "")
    yield "| rule | effect | where it speaks | what must hold | code or duty | meaning |"
    yield "|---|---|---|---|---|---|"
    yield from (_rule(clauses[key]) for key in sorted(clauses))
    for family in sorted({one.family for one in book.licences.values()}):
        own = sorted(
            (one for one in book.licences.values() if one.family == family), key=lambda one: one.id
        )
        yield from ("", f"## {family.replace('-', ' ').capitalize()}", "")
        yield from ("| licence | rules and where they stand | goes out under | remarks |",)
        yield "|---|---|---|---|"
        yield from map(licence_line, own)
    yield ""


def _rule(clause: Clause) -> str:
    codes = [one for one in (clause.fails, clause.unknown, clause.duty) if one]
    looser = [f"{profile}: {how}" for profile, how in sorted(clause.profiles.items())]
    note = clause.note + (f" ({', '.join(looser)})" if looser else "")
    where = [", ".join(clause.actions)]
    where += [f"kind of operation: {', '.join(clause.ops)}"] if clause.ops else []
    where += [f"layer: {', '.join(clause.layers)}"] if clause.layers else []
    where += [f"if {_said(clause.guard)}"] if clause.guard else []
    held = _said(clause.when) if clause.effect == "condition" else ""
    cells = (clause.key, clause.effect, "; ".join(where), held, ", ".join(codes), note)
    return f"| {' | '.join(cells)} |"


def _said(when: When) -> str:
    """A condition as people read it."""
    if not isinstance(when, Mapping):
        fact, op, value = when
        listed = ", ".join(map(str, value)) if isinstance(value, list) else str(value).lower()
        return f"{fact} {op} {listed}"
    ((word, parts),) = when.items()
    joined = (" and " if word == "all" else " or ").join(map(_said, parts)) or "nothing does"
    return f"not ({joined})" if word == "not" else joined


def licence_line(one: Licence) -> str:
    rules = "; ".join(f"{clause.key} ({clause.cite})" for clause in one.clauses)
    if one.cites != tuple(clause.cite for clause in one.clauses):
        rules = "; ".join(filter(None, (f"no condition ({', '.join(one.cites)})", rules)))
    remarks = [
        *(["irrevocable"] if one.irrevocable else []),
        *([f"cure within {one.cure_days} days"] if one.cure_days else []),
        *(["national ports read alike"] if one.ports else []),
        *(["off until counsel enables it"] if one.statutory else []),
        *(["signals of reservation count"] if one.reservable else []),
    ]
    allowed = ", ".join(sorted(one.compatible_out))
    return f"| {one.id} | {rules} | {allowed} | {', '.join(remarks)} |"


def test_the_page_names_every_rule_and_every_citation():
    page, book = PAGE.read_text(encoding="utf-8"), load_rulebook()
    assert "not legal advice" in page
    for one in book.licences.values():
        assert f"| {one.id} |" in page
        assert all(cite in page for cite in one.cites)
