"""Every field that a document reads or names as missing can be answered, and none for nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipelines.documents import ab2013, art30, eu_summary, gpai, of_set
from pipelines.documents.facts import DocumentFacts
from pipelines.documents.questions import QUESTIONS
from tests.pipelines.documents.sets import ARM, FILM, a_set

ACQUISITIONS = ("public", "licensed", "third_party", "crawled", "user", "synthetic", "own")
SEATS = ("DE", "US", "")


def every_set() -> list[DocumentFacts]:
    """Sets of each way of acquisition, with and without persons, of makers here and elsewhere."""
    found = []
    for way in ACQUISITIONS:
        for seat in SEATS:
            maker = replace(a_set().organisation, jurisdiction=seat)
            hours = {"video": 1.0, "audio": 1.0, "action": 1.0, "state": 1.0, "event": 1.0}
            film = replace(FILM, acquisition=way, hours=hours)
            found += [
                a_set(organisation=maker, sources=(ARM, replace(film, link=link)))
                for link in (film.link, "")
            ]
    return found


@pytest.mark.parametrize("form", [ab2013, art30, eu_summary, gpai])
def test_each_missing_field_is_a_question(form):
    asked = {field for facts in every_set() for field in form.missing(facts)}
    assert asked
    assert asked <= QUESTIONS.keys()


@pytest.mark.parametrize("field", sorted(QUESTIONS))
def test_each_answer_is_written_down_somewhere(field):
    said = "yes, in own words" if QUESTIONS[field].endswith("yes or no") else "own words"
    said = "https://example.org/own" if field == "url" else said
    for facts in every_set():
        without, given = of_set.build(facts), of_set.build(replace(facts, answers={field: said}))
        if without != given:
            return
    raise AssertionError(f"no document reads the answer to {field}")
