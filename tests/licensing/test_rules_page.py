"""`docs/licensing-rules.md` says what the rulebook says; `--write-golden` rewrites it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from licensing.rulebook import Clause, Licence, load_rulebook

PAGE = Path(__file__).resolve().parents[2] / "docs" / "licensing-rules.md"
HEAD = """# The licensing rules

Written from the rulebook (`licensing/rulebook/*.toml`) by a test; do not edit by hand.
**This page is not legal advice.** It says how Clearway reads licences, terms and exceptions;
where the law is not settled it takes the stricter reading or leaves the question to a person.
A rule marked `unknown` or `off` for a profile is read more loosely there;
`conservative` is the default.

"""


def test_the_page_follows_the_rulebook(request: pytest.FixtureRequest):
    now = HEAD + "\n".join(lines())
    if request.config.getoption("--write-golden"):
        PAGE.write_text(now, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == now


def lines() -> Iterator[str]:
    book = load_rulebook()
    clauses = {clause.key: clause for one in book.licences.values() for clause in one.clauses}
    yield from ("## What a rule does", "", "| rule | effect | actions | code or duty | meaning |")
    yield "|---|---|---|---|---|"
    yield from (_rule(clauses[key]) for key in sorted(clauses))
    for family in sorted({one.family for one in book.licences.values()}):
        own = sorted(
            (one for one in book.licences.values() if one.family == family), key=lambda one: one.id
        )
        yield from ("", f"## {family.replace('-', ' ').capitalize()}", "")
        yield from ("| licence | rules and where they stand | goes out under | remarks |",)
        yield "|---|---|---|---|"
        yield from map(_licence, own)
    yield ""


def _rule(clause: Clause) -> str:
    codes = [one for one in (clause.fails, clause.unknown, clause.duty) if one]
    looser = [f"{profile}: {how}" for profile, how in sorted(clause.profiles.items())]
    note = clause.note + (f" ({', '.join(looser)})" if looser else "")
    scope = ", ".join((*clause.actions, *(f"op {one}" for one in clause.ops)))
    return f"| {clause.key} | {clause.effect} | {scope} | {', '.join(codes)} | {note} |"


def _licence(one: Licence) -> str:
    rules = "; ".join(f"{clause.key} s. {clause.cite}" for clause in one.clauses)
    rules = rules or f"no condition ({', '.join(one.cites)})"
    remarks = [
        *(["irrevocable"] if one.irrevocable else []),
        *([f"cure within {one.cure_days} days"] if one.cure_days else []),
        *(["national ports read alike"] if one.ports else []),
        *(["off until counsel enables it"] if one.statutory else []),
    ]
    allowed = ", ".join(sorted(one.compatible_out))
    return f"| {one.id} | {rules} | {allowed} | {', '.join(remarks)} |"
