"""Each obligation of each layer that was cleared is in NOTICE once, and none that is not owed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.decide import decide
from licensing.facts import Decision, read_layers
from licensing.rulebook import load_rulebook
from pipelines.documents.notice import Licence, NoticeFacts, NoticeSource, build
from pipelines.export.facts import duties_under, terms_of
from tests.builders import training_request

BOOK = load_rulebook()
REQUEST = training_request(at="2026-05-01")
LICENCES = ("MIT", "CC-BY-4.0", "CC-BY-SA-4.0", "Apache-2.0", "CC0-1.0", "ODbL-1.0",
            "CDLA-Permissive-2.0", "MIT OR Apache-2.0", "LicenseRef-Llama-3")  # fmt: skip
RUNS, OVER = ["2026-01-01", "2035-01-01"], ["2020-01-01", "2021-01-01"]
AGREEMENTS = ("A-1", "A-2", "")
RULE = "-" * 72


def licences():
    kind = st.sampled_from(LICENCES).map(
        lambda one: {"type": "expression" if " OR " in one else "public_licence", "id": one}
    )
    grade = st.sampled_from(["E2", "E2", "E4"])
    return st.builds(lambda one, at: {**one, "grade": at}, kind, grade)


def contracts():
    duty = st.sampled_from(["credit-on-screen", "report", "delete"])
    state = st.sampled_from([{}, {"state": "dormant"}, {"state": "met"}])
    owed = st.lists(
        st.builds(lambda name, more: {"duty": name, **more}, duty, state),
        max_size=2,
        unique_by=lambda one: one["duty"],
    )
    return st.builds(
        lambda named, span, duties: {
            "type": "contract", "grade": "E1", "valid": span, "obligations": duties,
            **({"instrument_id": named} if named else {}),
        },
        st.sampled_from(AGREEMENTS), st.sampled_from([RUNS, RUNS, OVER]), owed,
    )  # fmt: skip


CONSENT = {"type": "consent", "grade": "E1", "scope": ["use"], "commercial": True,
           "specific": True, "valid": RUNS}  # fmt: skip


def layers():
    works = st.builds(
        lambda kind, bases: {"layer": kind, "basis": bases, "signals": []},
        st.sampled_from(["copyright", "sui_generis_db", "game_av"]),
        st.lists(st.one_of(licences(), contracts()), min_size=1, max_size=3),
    )
    voice = st.just({"layer": "voice", "basis": [CONSENT], "signals": []})
    return st.lists(st.one_of(works, works, voice), min_size=1, max_size=3)


@st.composite
def cleared(draw) -> list[tuple[NoticeSource, Decision, dict[str, str]]]:
    """Sources that the engine clears, some with one author, licence or agreement in common."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        own, tokens = worded(draw(layers()), f"s{number}")
        decision = decide(read_layers(own), REQUEST, BOOK)
        if decision.verdict.word != "permit":
            continue
        decided = decision.proof["layers"]
        names = sorted(set(filter(None, duties_under(decided).values())))
        source = NoticeSource(
            source_id=f"s{number}",
            decision_id=f"d{number}",
            duties=decision.obligations,
            num_clips=1,
            title=f"Work {number}",
            creator=draw(st.sampled_from(["Ada", "Bo", ""])),
            credit=draw(st.sampled_from(["(c) Ada", "(c) Bo", ""])),
            licences=tuple(Licence(name=one) for one in names),
            under=duties_under(decided),
            terms=terms_of(decided, ()),
        )
        found.append((source, decision, tokens))
    return found


def worded(stated: list[Any], name: str) -> tuple[list[Any], dict[str, str]]:
    """The layers with words of its own for each obligation, and what each is worth: owed or not."""
    doc, tokens, number = json.loads(json.dumps(stated)), {}, count()
    for layer in doc:
        lasting = any(
            each["type"] == "contract" and each["valid"] == RUNS for each in layer["basis"]
        )
        for basis in layer["basis"]:
            for duty in basis.get("obligations", ()):
                token = f"{name}t{next(number)}e"
                duty["text"] = f"Do {token}."
                is_owed = lasting and basis["valid"] == RUNS and duty.get("state") != "met"
                tokens[token] = "owed" if is_owed else ""
    return doc, tokens


def sections(text: str) -> dict[str, list[str]]:
    """The bullets of each work of NOTICE."""
    found: dict[str, list[str]] = {}
    for part in text.split(RULE)[1:]:
        lines = part.splitlines()
        works = next(one for one in lines if one.startswith("Work:"))
        for work in works.removeprefix("Work:").rpartition(" (")[0].split(","):
            assert work.strip() not in found
            found[work.strip()] = [one for one in lines if one.startswith("* ")]
    return found


@settings(max_examples=40)
@given(cleared())
def test_each_duty_of_each_cleared_layer_is_said_of_its_work_and_no_other(made):
    written = build(NoticeFacts(set_name="x@1", sources=tuple(one for one, _, _ in made)))
    said = sections(written["NOTICE"].decode())
    assert set(said) == {one.title for one, _, _ in made}
    for source, decision, _ in made:
        owed = {duty for layer in decision.proof["layers"] for duty in layer["duties"]}
        if "attribute" in owed:
            owed.discard("attribute:dataset-link")  # a full credit holds the link
        bullets = said[source.title]
        assert len(bullets) == len(set(bullets)) == len(owed)
        told = Counter(
            (one["duty"], f"* {one['text']}")
            for one in json.loads(written["notices.json"])
            if one["source"] == source.source_id
        )
        assert {duty for duty, _ in told} == owed
        assert {text for _, text in told} == set(bullets)
        assert set(told.values()) <= {1}


@settings(max_examples=40)
@given(cleared())
def test_each_obligation_of_an_agreement_is_said_once_if_it_is_owed(made):
    written = build(NoticeFacts(set_name="x@1", sources=tuple(one for one, _, _ in made)))
    text = written["NOTICE"].decode()
    for _, _, tokens in made:
        for token, owed in tokens.items():
            assert text.count(f"Do {token}.") == bool(owed), token


@settings(max_examples=40)
@given(cleared())
def test_a_licence_is_named_only_for_the_duties_that_it_asks_for(made):
    for source, decision, _ in made:
        raw = build(NoticeFacts(set_name="x@1", sources=(source,)))["notices.json"]
        for one in json.loads(raw):
            asking = [layer for layer in decision.proof["layers"] if one["duty"] in layer["duties"]]
            named = {base["id"] for layer in asking for base in layer["bases"]}
            assert set(filter(None, one["licence"].split(", "))) <= named


def test_the_words_of_each_duty_of_the_rulebook_differ():
    duties = {one.duty for each in BOOK.licences.values() for one in each.clauses if one.duty}
    source = NoticeSource(source_id="a", decision_id="d", duties=tuple(sorted(duties)), num_clips=1)
    raw = build(NoticeFacts(set_name="x@1", sources=(replace(source, creator="Ada"),)))
    texts = [one["text"] for one in json.loads(raw["notices.json"])]
    assert len(texts) == len(set(texts)) == len(duties) > 5
    assert not [one for one in texts if one.startswith("Duty:")]
