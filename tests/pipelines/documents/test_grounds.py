"""On what a source is used: the bases that a decision rests on, and no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from licensing.decide import decide
from licensing.facts import read_layers
from licensing.rulebook import load_rulebook
from pipelines.export.grounds import grounds_of
from tests.builders import training_request
from tests.pipelines.documents.sets import a_set

MIT = {"type": "public_licence", "id": "MIT", "grade": "E2"}


def contract(**terms):
    return {"type": "contract", "grade": "E1", "valid": ["2026-01-01", "2035-01-01"], **terms}


def grounds(session, *bases, layer="copyright"):
    """The licences and layers of a source with one layer on these bases, decided by the engine."""
    layers = read_layers([{"layer": layer, "basis": list(bases), "signals": []}])
    decision = decide(layers, training_request(at="2026-05-01"), load_rulebook())
    assert decision.verdict.word == "permit", decision.reasons
    return grounds_of(session, "film", decision.proof["layers"])


@pytest.mark.parametrize("licence", [MIT, {**MIT, "id": "CC-BY-NC-4.0"}])
def test_beside_an_agreement_that_grants_a_licence_bears_nothing(session, licence):
    licences, (layer,) = grounds(session, contract(id="A-1"), licence)
    assert [one.concluded for one in licences] == ["LicenseRef-A-1"]
    assert layer.bases == ("LicenseRef-A-1",)
    assert layer.ends == date(2035, 1, 1)


def test_an_agreement_of_the_same_name_that_does_not_grant_is_not_named(session):
    over = contract(id="A-1", valid=["2020-01-01", "2021-01-01"], licensor="past")
    licences, (layer,) = grounds(session, over, contract(id="A-1", licensor="pier"))
    assert [(one.licensor, one.ends) for one in licences] == [("pier", date(2035, 1, 1))]
    assert layer.ends == date(2035, 1, 1)


def test_two_agreements_that_nobody_named_stay_two(session):
    licences, (layer,) = grounds(session, contract(licensor="a"), contract(licensor="b"))
    assert [(one.concluded, one.licensor) for one in licences] == [
        ("LicenseRef-agreement", "a"),
        ("LicenseRef-agreement", "b"),
    ]
    assert layer.bases == ("LicenseRef-agreement",)


def test_the_set_lists_agreements_of_one_name_apart_and_a_licence_once(session):
    (one,), _ = grounds(session, contract(licensor="a"))
    (other,), _ = grounds(session, contract(licensor="b"))
    (mit,), _ = grounds(session, MIT)
    film, arm = a_set().sources
    facts = a_set(sources=(replace(film, licences=(one, mit)), replace(arm, licences=(other, mit))))
    assert [each.licensor for each in facts.licences] == ["a", "b", ""]


def test_a_sublicence_ends_with_the_agreement_above_it(session):
    above = {"licensor": "holder", "licensee": "pier", "sublicense": True,
             "valid": ["2026-01-01", "2030-01-01"]}  # fmt: skip
    basis = contract(licensor="pier", licensee="us", chain=[above])
    layers = read_layers([{"layer": "copyright", "holder": "holder", "basis": [basis],
                           "signals": []}])  # fmt: skip
    decision = decide(layers, training_request(at="2026-05-01"), load_rulebook())
    assert decision.verdict.word == "permit", decision.reasons
    (licence,), (layer,) = grounds_of(session, "film", decision.proof["layers"])
    assert licence.ends == layer.ends == date(2030, 1, 1)
