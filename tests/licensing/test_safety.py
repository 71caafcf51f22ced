"""Safety laws over whole lists: no licence permits more than somebody encoded by hand."""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Any

import pytest

from licensing.decide import decide_case
from licensing.expression.trees import spdx_ids
from licensing.facts.vocabulary import LAYER_KINDS, PERSON_LAYERS, PROFILES
from licensing.rulebook import load_rulebook

BOOK = load_rulebook()
SPDX = sorted(set(spdx_ids().values()))
RESTRICTED = frozenset(
    {
        *("Proprietary Free", "Commercial", "Free Restricted", "Source-available", "CLA"),
        *("Patent License", "Unstated License"),
    }
)
NARROW = re.compile(r"(?:^|-)(?:NC|ND|SA|research|noncommercial|Noncommercial|Research)(?:-|$)")
USES: tuple[dict[str, Any], ...] = (
    {"action": "train_generative", "commercial": True, "release": "api"},
    {"action": "train_generative", "commercial": False, "release": "none", "research_org": True},
    {"action": "ingest", "commercial": False, "research_org": True, "purpose": "research"},
    {"action": "publish_dataset", "commercial": True, "op": "collection"},
)


def verdict(name: str, use: dict[str, Any], layer: str = "copyright") -> tuple[str, list[str]]:
    basis = {"type": "public_licence", "id": name, "grade": "E0"}
    case = {"id": "x", "layers": [{"layer": layer, "basis": [basis]}], "request": use}
    answer = decide_case(case, BOOK)
    return answer["verdict"], answer["reasons"]


@pytest.mark.parametrize("use", USES, ids=lambda use: use["action"])
def test_no_licence_of_the_spdx_list_permits_unless_it_is_encoded(use: dict[str, Any]):
    strange = [name for name in SPDX if BOOK.find(name) is None]
    assert len(strange) > 400
    for name in strange:
        assert verdict(name, use) == ("undetermined", ["LICENCE_UNKNOWN"]), name


@pytest.mark.slow
def test_no_restricted_licence_of_the_licence_database_permits_commercial_use():
    index = resources.files("license_expression") / "data" / "scancode-licensedb-index.json"
    entries = json.loads(index.read_text(encoding="utf-8"))
    restricted = [one for one in entries if one["category"] in RESTRICTED]
    assert len(restricted) > 900
    names = {
        name
        for one in restricted
        for name in (one["license_key"], one["spdx_license_key"], *one["other_spdx_license_keys"])
    }
    by_hand = re.compile(r"C-UDA-1\.0|CC-BY-ND-.*")  # named by id in the rulebook, ND on purpose
    for name in names - {"", None}:
        found = BOOK.find(name)
        known = found is not None and by_hand.fullmatch(found.id) is not None
        assert known or verdict(name, USES[0])[0] != "permit", name


@pytest.mark.parametrize("profile", PROFILES)
def test_no_narrow_licence_permits_to_sell_weights_as_our_own(profile: str):
    use = {
        "action": "train_generative",
        "commercial": True,
        "release": "weights",
        "out_licence": "proprietary",
        "purpose": "games",
        "model_kind": "world_model",
        "has_llm_component": False,
        "profile": profile,
    }
    narrow = [name for name in {*SPDX, *BOOK.licences} if NARROW.search(name)]
    assert len(narrow) > 50
    for name in narrow:
        assert verdict(name, use)[0] != "permit", name


def test_no_licence_clears_a_person():
    for layer in PERSON_LAYERS:
        for name in BOOK.licences:
            assert verdict(name, USES[0], layer)[0] != "permit"


def test_a_platform_or_a_vendor_never_grants():
    silent = {"platform-silent", "terms-unread", "not-signed"}
    restricting = [
        one for one in BOOK.licences.values() if silent & {clause.key for clause in one.clauses}
    ]
    assert len(restricting) > 25
    for one in restricting:
        for use in USES:
            for layer in set(LAYER_KINDS) - PERSON_LAYERS:
                assert verdict(one.id, use | {"purpose": "games"}, layer)[0] != "permit", one.id
