"""Whatever the facts hold, the documents stay valid and keep their form."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.documents import ab2013, art30, cyclonedx, eu_summary, gpai, sourcing
from tests.pipelines.documents.answered import ANSWERS, answered
from tests.pipelines.documents.sets import AGREED, ARM, FILM, OPEN
from tests.pipelines.documents.validators import bill_validator

WORDS = st.text(min_size=1, max_size=40) | st.sampled_from(
    ["|", "`x`", "# no head", "<b>", "a\r\nb", "\u2028", "[x](y)", "\\", "\x00", "* ", "~~~"]
)
LINKS = WORDS | st.from_regex(r"[a-z]{1,6}:/{0,3}[^ ]{0,20}", fullmatch=True).map(str)
YES = {
    name
    for name, said in ANSWERS.items()
    if said.split(",")[0] in {"yes", "no"} and not name.startswith("art30")
}


@given(word=WORDS, link=LINKS)
@settings(max_examples=60)
def test_the_bill_of_materials_is_valid(word, link):
    facts = _set(word, link)
    text = cyclonedx.build(facts)["cyclonedx.json"].decode()

    assert bill_validator().validate_str(text) is None
    assert json.loads(text)["components"][0]["name"] == word


@pytest.mark.parametrize(
    "builder", [ab2013, art30, eu_summary, gpai, sourcing], ids=lambda one: one.__name__
)
@given(word=WORDS.filter(str.strip), link=LINKS)
@settings(max_examples=60)
def test_a_page_keeps_its_lines_its_heads_and_its_columns(builder, word, link):
    pages = [
        next(content for name, content in builder.build(facts).items() if name.endswith(".md"))
        for facts in (_set("word", "https://example.org/x"), _set(word, link))
    ]
    plain, odd = (page.decode().splitlines() for page in pages)

    assert [line for line in plain if line.startswith("#")] == [
        line for line in odd if line.startswith("#")
    ]
    assert [_columns(line) for line in plain if line.startswith("|")] == [
        _columns(line) for line in odd if line.startswith("|")
    ]
    assert len(plain) == len(odd)


def _set(word, link):
    licence = replace(OPEN, declared=word, url=link)
    agreed = replace(AGREED, licensor=word, instrument=word)
    film = replace(
        FILM, title=word, creator=word, credit=word, obtained=word, link=link, licences=(licence,)
    )
    arm = replace(ARM, title=word, creator=word, licences=(agreed,))
    answers = {name: said if name in YES else word for name, said in ANSWERS.items()}
    return answered(sources=(film, arm), answers=answers)


def _columns(line):
    return line.replace("\\\\", "").replace("\\|", "").count("|")
