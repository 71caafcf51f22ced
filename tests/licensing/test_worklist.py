"""Over a corpus: which grant frees the most, and what another rulebook would change."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources

import pytest

from licensing.checklist import open_layers
from licensing.decide import decide
from licensing.errors import BadCase
from licensing.explain import (
    Part,
    changed_decisions,
    rank_unlocks,
    single_unlocks,
    unlock_sets,
)
from licensing.facts import decision_doc, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook, read_rulebook
from tests.licensing.notation import layers_of, request_of

BOOK = load_rulebook()
ASKED = read_request(request_of("train_generative commercial=yes release=api"))


def part(source_id: str, layers: str, hours: float) -> Part:
    return Part(source_id=source_id, layers=read_layers(layers_of(layers)), hours=hours)


def test_the_grant_that_frees_the_most_comes_first():
    parts = [
        part("a", "copyright: unknown", 2.0),
        part("a", "copyright: unknown", 3.0),
        part("a", "copyright: unknown & likeness: unknown", 1.0),
        part("b", "copyright: public_licence id=MIT grade=E4", 4.0),
        part("c", "copyright: public_licence id=MIT", 50.0),
        part("d", "personal_data: consent scope=use erased=2026-01-01", 9.0),
    ]
    first, second, *rest, never = rank_unlocks(parts, ASKED, BOOK)
    assert (first.keys, first.hours) == (("a/agreement:copyright", "a/consent:likeness"), 6.0)
    assert (second.keys, second.hours) == (("a/agreement:copyright",), 5.0)
    assert [one.keys for one in rest] == [("b/agreement:copyright",), ("b/evidence:copyright",)]
    assert rest[0].sources == ("b",)
    assert (never.keys, never.hours, never.sources) == ((), 9.0, ("d",))


def test_layers_that_say_the_same_are_tried_once_and_every_part_is_told():
    layers = read_layers(layers_of("copyright: unknown"))
    parts = [
        Part(source_id=name, layers=(replace(layers[0], layer_id=name),), hours=hours)
        for name, hours in (("a", 1.0), ("b", 2.0), ("a", 0.5))
    ]
    steps: list[tuple[int, int]] = []
    ranked = rank_unlocks(parts, ASKED, BOOK, told=lambda *step: steps.append(step))
    assert [(one.keys, one.hours) for one in ranked] == [
        (("b/agreement:copyright",), 2.0),
        (("a/agreement:copyright",), 1.5),
    ]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert rank_unlocks(reversed(parts), ASKED, BOOK) == ranked


def test_what_one_grant_alone_frees_is_named_for_each_part():
    parts = [
        part("a", "copyright: unknown & likeness: unknown", 1.0),
        part("b", "copyright: public_licence id=MIT grade=E4", 4.0),
        part("c", "copyright: public_licence id=MIT", 50.0),
    ]
    keys = ("agreement:copyright", "evidence:copyright")
    assert single_unlocks(parts, ASKED, BOOK) == ((), keys, ())


def test_a_corpus_that_is_cleared_has_no_worklist():
    assert rank_unlocks([part("a", "copyright: public_licence id=MIT", 1.0)], ASKED, BOOK) == ()


def other_book():
    folder = resources.files("licensing.rulebook")
    files = {
        one.name.removesuffix(".toml"): one.read_bytes()
        for one in folder.iterdir()
        if one.name.endswith(".toml")
    }
    stricter = files["software"].replace(
        b'clauses = { keep-notice = "second paragraph"',
        b'clauses = { nc = "planted", keep-notice = "second paragraph"',
    )
    return read_rulebook(files | {"software": stricter})


def test_a_changed_rule_names_the_decisions_that_change():
    recorded = [
        (name, decision_doc(decide(read_layers(layers_of(layers)), ASKED, BOOK)))
        for name, layers in (("1", "copyright: public_licence id=MIT"), ("2", "copyright: none"))
    ]
    (found,) = changed_decisions(recorded, BOOK, other_book())
    assert (found.name, found.before["verdict"], found.after["verdict"]) == ("1", "permit", "deny")
    assert found.after["reasons"] == ["NC"]
    assert list(changed_decisions(recorded, BOOK, BOOK)) == []


def test_a_decision_without_proof_is_refused():
    with pytest.raises(BadCase, match="no proof"):
        list(changed_decisions([("x", {})], BOOK, BOOK))


@pytest.mark.parametrize(
    ("licence", "verdict"),
    [
        ("YouTube-Terms", "deny"),
        ("CreativeML-OpenRAIL-M", "undetermined"),
        ("vendor-research", "deny"),
    ],
)
def test_terms_of_platforms_and_vendors_never_clear(licence: str, verdict: str):
    layers = read_layers(layers_of(f"copyright: public_licence id=LicenseRef-{licence}"))
    assert decide(layers, ASKED, BOOK).verdict.word == verdict
    infer = read_request(request_of("infer commercial=yes"))
    assert decide(layers, infer, BOOK).verdict.word != "permit"


def test_open_questions_are_answered_and_a_chain_is_closed():
    film = {"layer": "copyright", "holder": "studio", "basis": [{"type": "unknown"}]}
    layers = read_layers([film])
    asked = open_layers("video", layers, ["music, persons, premises"])

    assert unlock_sets([*layers, *asked], ASKED, BOOK) == (("agreement:copyright", "answer:marks"),)
    (first, *_) = rank_unlocks(
        [Part(source_id="a", layers=(*layers, *asked), hours=2.0)], ASKED, BOOK
    )
    assert (first.keys, first.hours) == (("a/agreement:copyright", "a/answer:marks"), 2.0)
