"""Signals: every scheme into one vocabulary, and TDMRep's site file."""

from __future__ import annotations

import json
from typing import Any

import pytest

from licensing.errors import BadCase
from licensing.facts import read_layers
from licensing.signals import read_signals, tdmrep_file, tdmrep_site


def state(signals: list[dict[str, Any]], action: str = "train_generative", **how: str) -> str:
    layer = read_layers([{"layer": "copyright", "basis": [], "signals": signals}])[0]
    found = read_signals(layer.signals or (), action, how.get("profile", "conservative"))
    return found[0].state if found else "unset"


@pytest.mark.parametrize(
    "signal",
    [{"rsl": {"ai-dream": "allowed"}}, {"rsl": {"all": "free"}}, {"rsl": "x"}, {"unread": 1}],
)
def test_a_signal_of_no_known_form_is_refused(signal: dict[str, Any]):
    with pytest.raises(BadCase, match=r"rsl|unread|all|ai-dream"):
        read_layers([{"layer": "copyright", "basis": [], "signals": [signal]}])


@pytest.mark.parametrize(
    ("signal", "action", "expected"),
    [
        ({"tdmrep": 1}, "train_generative", "reserved"),
        ({"tdmrep": "1"}, "infer", "reserved"),
        ({"tdmrep": 1}, "publish_dataset", "unset"),
        ({"tdmrep": 0}, "train", "unset"),
        ({"tdmrep": True}, "train", "malformed"),
        ({"tdmrep": None}, "train", "malformed"),
        ({"tdmrep": [1]}, "train", "malformed"),
        ({"cawg": {"data_mining": "notAllowed"}}, "train_generative", "reserved"),
        ({"cawg": {"data_mining": "allowed"}}, "train_generative", "unset"),
        ({"cawg": {"data_mining": "allowed"}}, "analytics", "allowed"),
        (
            {"cawg": {"data_mining": "notAllowed", "ai_training": "allowed"}},
            "train_discriminative",
            "allowed",
        ),
        ({"cawg": {"ai_inference": "notAllowed"}}, "infer", "reserved"),
        ({"cawg": {"ai_training": "allowed"}}, "train", "unset"),
        ({"cawg": {"ai_generative_training": "notAllowed"}}, "train", "reserved"),
        ({"plus": "DMI-PROHIBITED"}, "ingest", "reserved"),
        ({"plus": "http://ns.useplus.org/ldf/vocab/DMI-ALLOWED"}, "train", "allowed"),
        ({"plus": "DMI-UNSPECIFIED"}, "train", "unset"),
        ({"plus": "Prohibited for Generative AI/ML training"}, "train_generative", "reserved"),
        ({"plus": "DMI-PROHIBITED-GENAIMLTRAINING"}, "train_discriminative", "unset"),
        ({"plus": "DMI-PROHIBITED-AIMLTRAINING"}, "train_discriminative", "reserved"),
        ({"plus": "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING"}, "index", "unset"),
        ({"plus": "DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING"}, "mine", "reserved"),
        ({"plus": "DMI-PROHIBITED-SEECONSTRAINT"}, "train", "conditional"),
        ({"plus": "DMI-PERHAPS"}, "train", "malformed"),
        ({"aipref": "train-ai=n"}, "train_discriminative", "reserved"),
        ({"aipref": "train-ai=y, search=n"}, "train_generative", "allowed"),
        ({"aipref": "train-ai=n, train-ai=y"}, "train_generative", "allowed"),
        ({"aipref": "train-ai"}, "train_generative", "unset"),
        ({"aipref": 'train-ai="n"'}, "train_generative", "unset"),
        ({"aipref": "Train-AI=n"}, "train_generative", "malformed"),
        ({"aipref": "train-ai=n;exceptions=cc-cr"}, "train_generative", "conditional"),
        ({"aipref": "tdm=n, genai=y"}, "analytics", "reserved"),
        ({"aipref": "novel=n"}, "train_generative", "unset"),
        ({"content_signal": "search=yes, ai-train=no"}, "train_generative", "reserved"),
        ({"content_signal": "search=yes"}, "train_generative", "unset"),
        ({"content_signal": "ai-train=perhaps"}, "train_generative", "malformed"),
        ({"content_signal": "reserved"}, "train_generative", "reserved"),
        ({"robots": "Disallow"}, "train_generative", "reserved"),
        ({"robots": "allow"}, "train_generative", "unset"),
        ({"robots": "500"}, "train_generative", "malformed"),
        ({"natural_language": "reserved"}, "train_generative", "reserved"),
        ({"natural_language": "allowed"}, "train_generative", "allowed"),
        ({"plus": "Prohibited, see plus:OtherConstraints"}, "train", "conditional"),
        (
            {"plus": "Prohibited, see Linked Encoded Rights Expression property"},
            "train",
            "conditional",
        ),
        ({"plus": "Unspecified - no prohibition defined"}, "train", "unset"),
        ({"rsl": {"ai-train": "reserved", "all": "allowed"}}, "train_generative", "reserved"),
        ({"rsl": {"ai-train": "reserved", "all": "allowed"}}, "search", "allowed"),
        ({"rsl": {}}, "train", "unset"),
        ({"unread": "C2PA"}, "train_generative", "malformed"),
        ({"unread": "C2PA"}, "index", "malformed"),
    ],
)
def test_schemes(signal: dict[str, Any], action: str, expected: str):
    assert state([signal], action) == expected


def test_profiles():
    assert state([{"tdmrep": "yes"}], profile="spec-literal") == "unset"
    assert state([{"plus": "DMI-PERHAPS"}], profile="spec-literal") == "unset"
    assert state([{"natural_language": "reserved"}], profile="legalistic") == "conditional"
    assert state([{"unread": "XMP"}], profile="spec-literal") == "malformed"


def test_by_the_letter_a_value_in_error_takes_no_other_place():
    signals: list[dict[str, Any]] = [{"tdmrep_file": 1}, {"tdmrep_html": "yes"}]
    assert state(signals, profile="spec-literal") == "reserved"
    assert state(signals) == "malformed"


def test_the_most_specific_place_of_each_declarer_speaks():
    assert state([{"tdmrep_file": 1}, {"tdmrep_html": 0}]) == "unset"
    assert state([{"tdmrep_file": 0}, {"tdmrep_pdf": 1}]) == "reserved"
    other = {"tdmrep_html": 0, "same_holder": False}
    assert state([{"tdmrep_file": 1, "same_holder": True}, other]) == "reserved"


def test_the_most_restrictive_scheme_comes_first():
    signals = [{"plus": "DMI-ALLOWED"}, {"robots": "disallow"}, {"aipref": "=n"}]
    layer = read_layers([{"layer": "copyright", "basis": [], "signals": signals}])[0]
    found = read_signals(layer.signals or (), "train", "conservative")
    assert [one.state for one in found] == ["reserved", "malformed", "allowed"]
    assert [one.code for one in found] == [
        *("SIGNAL_RESERVED", "SIGNAL_MALFORMED", "EVIDENCE_GRADE"),
    ]


def site(*rules: dict[str, Any]) -> bytes:
    return json.dumps(rules).encode()


@pytest.mark.parametrize(
    ("raw", "path", "expected"),
    [
        (site({"location": "/*", "tdm-reservation": 1}), "a.mp4", {"tdmrep_file": 1}),
        (site({"location": "/img/", "tdm-reservation": 1}), "a.mp4", None),
        (
            site(
                {"location": "/a/*.jpg$", "tdm-reservation": 0},
                {"location": "/", "tdm-reservation": 1},
            ),
            "/a/b.jpg",
            {"tdmrep_file": 0},
        ),
        (site({"location": "/a$", "tdm-reservation": 1}), "/ab", None),
        (site({"location": "/a$", "tdm-reservation": 1}), "a", {"tdmrep_file": 1}),
        (site({"location": "/*b*c", "tdm-reservation": 1}), "a/b/c/d", {"tdmrep_file": 1}),
        (site({"location": "/*b*c", "tdm-reservation": 1}), "a/c/b", None),
        (site({"location": "/" + "*a" * 5_000, "tdm-reservation": 1}), "a" * 4_000, None),
        (site({"location": "/"}), "a", {"tdmrep_file": "unreadable"}),
        (site({"tdm-reservation": 1}), "a", {"tdmrep_file": "unreadable"}),
        (b"{}", "a", {"tdmrep_file": "unreadable"}),
        (b"\xff", "a", {"tdmrep_file": "unreadable"}),
        (b"[" * 100_000, "a", {"tdmrep_file": "unreadable"}),
        (b"[]", "a", None),
    ],
)
def test_tdmrep_file(raw: bytes, path: str, expected: object):
    assert tdmrep_file(raw, path) == expected


def test_tdmrep_of_a_site_is_the_strictest_of_its_paths():
    raw = site(
        {"location": "/free/", "tdm-reservation": 0},
        {"location": "/odd/", "tdm-reservation": True},
        {"location": "/kept/", "tdm-reservation": 1},
    )
    assert tdmrep_site(raw, ["free/a", "odd/b", "kept/c"]) == {"tdmrep_file": 1}
    assert tdmrep_site(raw, ["free/a", "odd/b"]) == {"tdmrep_file": True}
    assert tdmrep_site(raw, ["free/a", "other"]) == {"tdmrep_file": 0}
    assert tdmrep_site(raw, ["other"]) is None
    assert tdmrep_site(raw, []) is None
    assert tdmrep_site(b"{", ["a"]) == {"tdmrep_file": "unreadable"}


def test_too_many_rules_for_too_many_paths_are_unread(monkeypatch):
    monkeypatch.setattr("licensing.signals.tdmrep.MOST_MATCHES", 1)
    raw = site({"location": "/", "tdm-reservation": 0})
    assert "unread" in (tdmrep_site(raw, ["a", "b"]) or {})
