"""The rulebook: complete, cited, and refused when it contradicts itself."""

from __future__ import annotations

import pytest

from licensing.errors import RulebookError
from licensing.facts.vocabulary import RESTRICTED_PURPOSES
from licensing.rulebook import load_rulebook, plain_name, read_rulebook

BOOK = load_rulebook()
CLAUSE = """
schema = 1
[[clause]]
key = "nc"
effect = "condition"
when = { all = [["request.commercial", "is", false]] }
fails = "NC"
note = "no commercial use"
"""
LICENCE = """
schema = 1
[[licence]]
id = "X-1.0"
clauses = { nc = "2" }
"""
SECOND = LICENCE.replace("schema = 1", "").replace("1.0", "2.0") + 'aliases = ["x-1.0"]'


def test_every_clause_cites():
    for licence in BOOK.licences.values():
        assert licence.cites, licence.id
        assert all(one.cite and one.note for one in licence.clauses)


def test_barred_purposes_are_those_of_the_request():
    rail = BOOK.find("OpenRAIL-D")
    assert rail is not None
    clause = next(one for one in rail.clauses if one.key == "rail-use")
    assert set(clause.when["not"][0][2]) == RESTRICTED_PURPOSES  # type: ignore[call-overload]


def test_share_alike_sets():
    assert BOOK.licences["CC-BY-SA-2.0"].compatible_out == {
        *("CC-BY-SA-2.0", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0"),
    }
    assert BOOK.licences["EPL-2.0"].compatible_out == {"EPL-2.0"}
    assert BOOK.licences["MIT"].compatible_out == frozenset()


def test_finding_a_licence():
    names = {
        "cc-by-4.0": "CC-BY-4.0",
        "CC-BY-SA-3.0-AT": "CC-BY-SA-3.0",
        "LicenseRef-CC-BY-NC-2.5-SI": "CC-BY-NC-2.5",
        "The  MIT Licence": "MIT",
        "CC-BY-4.0-AT": None,
        "CC-BY-9.0-AT": None,
        "nothing": None,
        "MIT" + " " * 500 + "modified": None,
    }
    for name, expected in names.items():
        found = BOOK.find(name)
        assert (found.id if found else None) == expected, name
    assert plain_name("## Open\u2013Data  Licence.") == "open-data license"


def test_the_digest_follows_every_byte():
    files = {"clauses": CLAUSE.encode(), "own": LICENCE.encode()}
    book = read_rulebook(files)
    assert book.licences["X-1.0"].clauses[0].cite == "2"
    changed = read_rulebook(files | {"own": LICENCE.replace('"2"', '"3"').encode()})
    assert book.digest != changed.digest
    assert load_rulebook() is BOOK


@pytest.mark.parametrize(
    ("clause", "licence", "message"),
    [
        (CLAUSE.replace("schema = 1", "schema = 2"), LICENCE, "schema 2"),
        (CLAUSE.replace("request.commercial", "request.comercial"), LICENCE, "nobody knows"),
        (CLAUSE.replace("fails =", "fials ="), LICENCE, "nobody knows"),
        (CLAUSE + 'actions = ["trane"]', LICENCE, "nobody knows"),
        (CLAUSE.replace('fails = "NC"', ""), LICENCE, "says nothing"),
        (CLAUSE.replace('"condition"', '"perhaps"'), LICENCE, "says nothing"),
        (CLAUSE.replace('"is"', '"was"'), LICENCE, "expected"),
        (CLAUSE, LICENCE.replace('nc = "2"', 'nd = "2"'), "no such clause"),
        (CLAUSE, LICENCE.replace('"2"', '""'), "without citation"),
        (CLAUSE, LICENCE.replace('{ nc = "2" }', "{}"), "without citation"),
        (CLAUSE, LICENCE + "colour = 1", "unknown keys"),
        (
            CLAUSE,
            LICENCE
            + LICENCE.replace("schema = 1", "").replace("1.0", "2.0")
            + 'aliases = ["x-1.0"]',
            "stands for two",
        ),
    ],
)
def test_a_rulebook_that_is_wrong_is_refused(clause: str, licence: str, message: str):
    with pytest.raises(RulebookError, match=message):
        read_rulebook({"clauses": clause.encode(), "own": licence.encode()})


def test_a_guard_is_checked_as_well():
    guarded = CLAUSE + 'if = { any = [["request.relase", "is", "api"]] }'
    with pytest.raises(RulebookError, match=r"request\.relase"):
        read_rulebook({"clauses": guarded.encode(), "own": LICENCE.encode()})
