"""Hostile cases: never a crash, never a permit, and no long wait."""

from __future__ import annotations

import json
from typing import Any

import pytest

from licensing.decide import decide_case
from licensing.expression import normalise
from licensing.rulebook import load_rulebook
from licensing.signals import page_signals, robots_txt, rsl_bases, tdmrep_file, xmp_signals

BOOK = load_rulebook()
BIG = 10_000_000
REQUEST = {"action": "train_generative", "commercial": True, "release": "api", "at": "2026-06-01"}
HOSTILE = (
    *("\u202eTIM", "M\u0406T", "MIT\u200b", "MIT\x00", "\u217cIT", "m" * 300, "\U000e0001MIT"),
    *("MIT OR", "(" * 2_000 + "MIT" + ")" * 2_000, "MIT AND " * 2_000, "CC-BY-\uff14.0", "../MIT"),
)


def answer(basis: dict[str, Any], **layer: Any) -> str:
    case = {
        "id": "x",
        "layers": [{"layer": "copyright", "basis": [basis]} | layer],
        "request": REQUEST,
    }
    return str(decide_case(case, BOOK)["verdict"])


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: ascii(name)[:20])
def test_a_hostile_name_is_no_licence(name: str):
    assert answer({"type": "public_licence", "id": name}) == "undetermined"
    assert answer({"type": "expression", "id": name}) == "undetermined"


@pytest.mark.parametrize("text", ["m", "MIT ", "(", "\u202e", "cc by ", "a\n", "-"])
def test_ten_megabytes_of_text(text: str):
    big = text * (BIG // len(text))
    assert normalise(big).licence is None
    assert answer({"type": "public_licence", "id": big}) == "undetermined"
    assert answer({"type": "unknown"}, stream=big) == "undetermined"
    assert answer({"type": "unknown"}, signals=[{"aipref": big}]) == "undetermined"
    assert answer({"type": big}) == "undetermined"


@pytest.mark.parametrize("raw", [b"<a>", b"[", b"Allow: /*", b"*", b"<meta ", b"\xff", b'{"a":'])
def test_a_megabyte_of_signals(raw: bytes):
    big = raw * (1_000_000 // len(raw))
    assert not [one for one in robots_txt(big, "a", agent="x") if "aipref" in one]
    assert xmp_signals(big) == ({"unread": "XMP"},)
    assert rsl_bases(big, "a") == ({"type": "unknown"},)
    assert page_signals(big) == ()
    assert tdmrep_file(big, "a") == {"tdmrep_file": "unreadable"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("valid", ["2026-06-01", "2026-01-01"]),
        ("valid", ["2026-02-30", None]),
        ("valid", ["2026-01-01"]),
        ("valid", "2026"),
        ("recorded", "0000-00-00"),
        ("recorded", 20260101),
        ("void_from", float("nan")),
    ],
)
def test_contradictory_days(field: str, value: object):
    assert answer({"type": "contract", field: value}) == "undetermined"


def test_a_breach_that_is_cured_before_it_was_found():
    breach = {"found": "2026-05-01", "cured": "2026-04-01"}
    assert answer({"type": "public_licence", "id": "MIT"}, breach=breach) == "undetermined"


def test_deep_json():
    deep = json.loads("[" * 900 + "]" * 900)
    assert answer({"type": "unknown"}, signals=[{"tdmrep": deep}]) == "undetermined"
    assert decide_case(deep, BOOK)["verdict"] == "undetermined"


def test_a_term_that_has_no_field_leaves_the_agreement_open():
    assert answer({"type": "contract", "unmapped": []}) == "permit"
    assert answer({"type": "contract", "unmapped": ["audit right"]}) == "undetermined"
    assert answer({"type": "contract", "unmapped": None}) == "undetermined"
