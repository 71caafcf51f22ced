"""What is attached to a source: bases bound to their papers, duties with a state, the checklist."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from catalog.engine import open_catalog, reading
from catalog.personal import aloud
from catalog.rights import asked_of, facts_of, layers_of
from catalog.sources import Source
from licensing.decide import decide
from licensing.facts import Decision, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from pipelines.attach.papers import paper_at
from pipelines.attach.station import attach_doc, attach_terms
from pipelines.attach.terms import Terms
from pipelines.errors import RegistrationError
from pipelines.register import register_source
from pipelines.settings import Settings
from tests.builders import NOW
from tests.pipelines.places import a_home

ASKED = read_request({"action": "train_generative", "commercial": True, "at": "2026-11-24"})
PAPER: dict[str, Any] = {
    "id": "a-1", "kind": "agreement", "from": "studio", "valid": ["2026-01-01", "2030-01-01"],
    "evidence": {"file": "paper.md", "grade": "E1", "found": "the signed copy"},
    "grants": [{"clause": "2", "actions": ["train_generative"], "commercial": "both"}],
    "obligations": [{"clause": "5", "duty": "pay", "precedent": True}],
}  # fmt: skip
RESTS = {"layer": "copyright", "basis": [{"type": "contract", "instrument": "a-1"}]}


@pytest.fixture
def home(tmp_path) -> Settings:
    settings = a_home(tmp_path)
    (tmp_path / "paper.md").write_text("We grant.")
    source = Source(source_id="films", uri=str(tmp_path), modality="video")
    register_source(settings, source, now=NOW)
    return settings


def attached(home: Settings, tmp_path, doc: dict[str, Any]) -> dict[str, Any]:
    return dict(attach_doc(home, "films", doc, folder=tmp_path, now=NOW).facts)


def layers(home: Settings) -> list[dict[str, Any]]:
    with reading(open_catalog(home.catalog_url)) as session:
        return list(aloud(session, layers_of(session, "films", known=None)))


def decided(home: Settings) -> Decision:
    return decide(read_layers(layers(home)), ASKED, load_rulebook())


def test_a_basis_takes_its_terms_from_the_clauses_of_its_agreement(home, tmp_path):
    attached(home, tmp_path, {"instrument": [PAPER], "layer": [RESTS]})

    (layer,) = layers(home)
    (basis,) = layer["basis"]
    assert (basis["instrument_id"], basis["actions"], basis["grade"]) == (
        "a-1", ["train_generative"], "E1",
    )  # fmt: skip
    (proof,) = basis["evidence"]
    assert proof["digest"] == hashlib.sha256(b"We grant.").hexdigest()
    assert (proof["grade"], proof["found"]) == ("E1", "the signed copy")


def test_a_condition_precedent_clears_once_it_is_recorded_as_met(home, tmp_path):
    attached(home, tmp_path, {"instrument": [PAPER], "layer": [RESTS]})
    before = decided(home)
    duty = {"instrument": "a-1", "duty": "pay", "state": "due", "since": "2026-02-01"}
    attached(home, tmp_path, {"obligation": [duty]})
    due = decided(home)
    attached(home, tmp_path, {"obligation": [duty | {"state": "met", "since": "2026-03-01"}]})
    met = decided(home)

    assert (before.verdict.word, before.reasons) == ("undetermined", ("CONDITION_PRECEDENT",))
    assert (due.verdict.word, due.reasons) == ("deny", ("CONDITION_PRECEDENT",))
    assert met.verdict.word == "permit"
    assert met.obligations == ("contract-duties:a-1",)


def test_the_only_agreement_that_fits_is_the_one_a_basis_rests_on(home, tmp_path):
    stated = {"layer": "copyright", "basis": [{"type": "contract", "actions": ["use"]}]}
    other = PAPER | {"id": "l-1", "kind": "public licence", "licence": "MIT"}
    licensed = {"layer": "tos", "basis": [{"type": "public_licence", "id": "MIT"}]}

    attached(home, tmp_path, {"instrument": [PAPER, other], "layer": [stated, licensed]})

    assert [one["basis"][0]["instrument_id"] for one in layers(home)] == ["a-1", "l-1"]


def test_of_two_agreements_none_is_guessed(home, tmp_path):
    stated = {"layer": "copyright", "basis": [{"type": "contract", "actions": ["use"]}]}

    attached(
        home, tmp_path, {"instrument": [PAPER, PAPER | {"id": "a-2"}], "layer": [stated]}
    )  # fmt: skip

    assert "instrument_id" not in layers(home)[0]["basis"][0]


@pytest.mark.parametrize(
    ("doc", "code"),
    [
        ({"layer": [RESTS]}, "INSTRUMENT_UNKNOWN"),
        (
            {"instrument": [PAPER], "layer": [
                {"layer": "copyright",
                 "basis": [{"type": "contract", "instrument": "a-1", "actions": ["use"]}]},
            ]},
            "TERMS_TWICE",
        ),
        ({"instrument": [PAPER | {"grants": "all"}], "layer": [RESTS]}, "BAD_CASE:grants"),
        ({"obligation": [{"duty": "pay", "state": "met", "since": "2026-01-01"}]},
         "INSTRUMENT_UNKNOWN"),
        ({"instrument": [PAPER], "obligation": [{"instrument": "a-1", "duty": "pay"}]},
         "BAD_CASE:since"),
        ({"instrument": [PAPER], "obligation": [
            {"instrument": "a-1", "duty": "pay", "state": "paid", "since": "2026-01-01"}]},
         "BAD_CASE:state"),
    ],
)  # fmt: skip
def test_papers_that_do_not_fit_are_refused_and_nothing_is_recorded(home, tmp_path, doc, code):
    with pytest.raises(RegistrationError, match=r".+") as refused:
        attached(home, tmp_path, doc)

    assert refused.value.code == code
    with reading(open_catalog(home.catalog_url)) as session:
        assert facts_of(session, "films") == ()


def test_what_was_settled_answers_the_checklist(home):
    terms = Terms(licence="MIT", grade="E2")
    attach_terms(home, "films", terms, evidence=None, now=NOW)
    settled = Terms(settled=("premises, marks=none seen", "music = no sound"))
    done = attach_terms(home, "films", settled, evidence=None, now=NOW)

    with reading(open_catalog(home.catalog_url)) as session:
        asked = asked_of(session, "films", known=None)
        then = asked_of(session, "films", known=NOW.replace(year=2020))
    assert [one["part"] for one in asked if "part" in one] == ["persons"]
    assert then == []
    assert done.facts == {"added": 1}


@pytest.mark.parametrize("said", ["premises", "=none", "premises="])
def test_a_settled_question_states_what_was_found(home, said):
    with pytest.raises(RegistrationError, match="expected HEADING=WHAT WAS FOUND"):
        attach_terms(home, "films", Terms(settled=(said,)), evidence=None, now=NOW)


def test_the_flags_bind_the_evidence_to_the_licence(home, tmp_path):
    terms = Terms(licence="MIT", grade="E2")
    attach_terms(home, "films", terms, evidence=paper_at(tmp_path / "paper.md"), now=NOW)

    digest = hashlib.sha256(b"We grant.").hexdigest()
    decision = decided(home)
    assert decision.proof["layers"][0]["bases"][0]["evidence"] == [digest]
    assert (home.home / "evidence" / digest).read_text() == "We grant."
