"""Licence names as people write them: our own table, and laws that hold for every name of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licensing.expression import normalise
from licensing.expression.trees import spdx_ids
from licensing.rulebook import load_rulebook

TABLE = Path(__file__).resolve().parents[1] / "golden" / "licence_names.csv"
BOOK = load_rulebook()
CLASSES = {f"LicenseRef-{name}" for name in ("research-only", "noncommercial")}
many = settings(max_examples=500, deadline=None)


def rows() -> list[tuple[str, str | None]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()[1:]
    stated = [line.rpartition("|") for line in lines if not line.startswith("# ")]
    return [(written, None if licence == "-" else licence) for written, _, licence in stated]


ROWS = rows()
PLAIN = [row for row in ROWS if not {"AND", "OR", "WITH"} & set(row[0].upper().split())]
NAMED = [(text, licence) for text, licence in ROWS if licence and " " not in licence]
CERTAIN = [
    (text, licence)
    for text, licence in NAMED
    if licence not in CLASSES and "all-uses" not in licence and "public-domain" not in licence
]


@pytest.mark.parametrize(("text", "licence"), ROWS, ids=lambda value: repr(value)[:60])
def test_the_table(text: str, licence: str | None):
    found = normalise(text)
    assert found.licence == licence, found.why
    assert found.why


def test_the_table_is_broad():
    assert len(ROWS) >= 350
    assert sum(licence is None for _, licence in ROWS) >= 100


def test_an_answer_is_an_spdx_id_or_a_name_of_the_rulebook():
    for text, licence in NAMED:
        known = licence in spdx_ids().values() or BOOK.find(licence) is not None
        assert known, (text, licence)


def test_every_id_and_name_of_the_rulebook_is_read_as_itself():
    names = {name: licence for name, licence in BOOK.names.items() if "*" not in name}
    read = {name: normalise(name).licence for name in names}
    assert read == names


def test_every_spdx_id_is_read_as_itself_or_not_at_all():
    for name in spdx_ids().values():
        assert normalise(name).licence in {name, None}, name
        assert normalise(name.upper()).licence in {name, None}, name


@pytest.mark.parametrize(
    "text",
    [
        *("MIT\u200b", "M\u0406T", "\u217cIT", "\uff23\uff23 \uff22\uff39 4.0", "CC\u00adBY 4.0"),
        *("CC BY 4.0\u0000", "\u202eCC BY 4.0", "CC BY 4.0 \u2260", "!MIT", "MIT\ufeff", "MIT ?"),
        *("CC BY 4.0 \u00ac", "OGL-U\u212a-3.0", "CC BY 4.0 ~", "CC BY 4.0 $", "M I T"),
    ],
    ids=ascii,
)
def test_a_sign_that_could_change_the_meaning_leaves_it_open(text: str):
    assert normalise(text).licence is None


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2014\u2212")
def test_one_kind_of_dash_is_as_good_as_another(dash: str):
    assert normalise(f"CC{dash}BY{dash}SA{dash}4.0").licence == "CC-BY-SA-4.0"


@many
@given(
    row=st.sampled_from(PLAIN),
    case=st.sampled_from([str, str.upper, str.lower, str.title]),
    space=st.sampled_from([" ", "  ", "\t", "\u00a0"]),
    around=st.sampled_from(
        ["{}", "{}.", " {} ", "**{}**", "# {}", "`{}`", '"{}"', "({})", "[{}]", "{},", "- {}"]
    ),
    label=st.sampled_from(["", "License: ", "licence - ", "LICENSE:", "Licensed under "]),
)
def test_layout_never_turns_a_name_into_another(row, case, space, around, label):
    text, licence = row
    dressed = (label if licence else "") + around.format(case(text).replace(" ", space))
    assert normalise(dressed).licence in {licence, None}, dressed


@many
@given(
    first=st.sampled_from(CERTAIN),
    second=st.sampled_from(CERTAIN),
    joint=st.sampled_from([" and ", ", ", " / ", "; ", " & ", " or ", " ", " + ", " plus ", ". "]),
)
def test_two_licences_in_one_text_name_none(first, second, joint):
    one, other = (_elements(licence) for _, licence in (first, second))
    assume(not one.startswith(other) and not other.startswith(one))
    assert normalise(first[0] + joint + second[0]).licence is None


@many
@given(
    row=st.sampled_from(NAMED),
    word=st.sampled_from(["not", "no", "never", "isn't", "without", "except", "unless", "non"]),
    data=st.data(),
)
def test_a_denial_anywhere_leaves_it_open(row, word, data):
    text, licence = row
    assume("://" not in text)
    words = text.split()
    at = data.draw(st.integers(0, len(words)))
    denied = " ".join([*words[:at], word, *words[at:]])
    found = normalise(denied).licence
    assert found is None or found in CLASSES or _narrows(found, licence), denied


@many
@given(row=st.sampled_from(CERTAIN), word=st.from_regex(r"[a-z]{3,9}", fullmatch=True))
def test_an_unheard_word_behind_a_licence_leaves_it_open(row, word):
    text, licence = row
    found = normalise(f"{text} {word}").licence
    assert found is None or found == licence or found in CLASSES or _narrows(found, licence)


@many
@given(text=st.text(max_size=80))
def test_any_text_has_an_answer(text):
    found = normalise(text)
    assert found.why
    assert found == normalise(text)


def _elements(licence: str) -> str:
    return re.sub(r"-\d.*", "", licence.removeprefix("LicenseRef-"))


def _narrows(found: str, licence: str) -> bool:
    """Is `found` the Creative Commons licence `licence` with further conditions?"""
    both = [set(re.findall(r"BY|NC|SA|ND", one)) for one in (found, licence)]
    return found.removeprefix("LicenseRef-").startswith("CC-BY") and both[0] > both[1]
