"""Reading of layers: strict, named, and back again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from licensing.errors import BadCase
from licensing.facts import Verdict, layer_doc, read_layers, vocabulary
from tests.licensing.notation import layers_of
from tests.licensing.test_decide import golden_rows


def one_layer(**fields: Any) -> list[dict[str, Any]]:
    return [{"layer": "copyright", "basis": [], **fields}]


def test_verdict_words():
    assert [one.word for one in Verdict] == ["deny", "undetermined", "permit"]
    assert Verdict.of_word("permit") is Verdict.PERMIT
    assert Verdict.DENY < Verdict.UNDETERMINED < Verdict.PERMIT


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row["id"])
def test_layers_survive_writing_and_reading(row: dict[str, str]):
    layers = read_layers(layers_of(row["layers"]))
    assert read_layers([layer_doc(one) for one in layers]) == layers


def test_toml_dates_are_dates():
    layers = read_layers(one_layer(withdrawn=dt.date(2026, 3, 1)))
    assert layers[0].withdrawn == dt.date(2026, 3, 1)


def test_labels_of_the_catalog_are_kept():
    stated = one_layer(layer_id="l1", basis=[{"type": "contract", "instrument_id": "np-1"}])
    layer = read_layers(stated)[0]
    assert layer.layer_id == "l1"
    assert layer.basis[0].instrument_id == "np-1"


def test_a_span_is_kept_in_nanoseconds():
    stated = one_layer(span=[0, 5_000_000_000])
    layers = read_layers(stated)
    assert layers[0].span == (0, 5_000_000_000)
    assert layer_doc(layers[0])["span"] == [0, 5_000_000_000]
    assert read_layers([layer_doc(layers[0])]) == layers


def test_null_is_unread_in_an_agreement_and_unknown_elsewhere():
    basis = [{"type": "contract", "territory": None}, {"type": "consent", "scope": None}]
    agreement, consent = read_layers(one_layer(basis=basis))[0].basis
    assert agreement.unread == ("territory",)
    assert consent.unread == ()
    assert layer_doc(read_layers(one_layer(basis=basis))[0])["basis"][0]["territory"] is None


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ("text", "layers"),
        (["text"], "layers"),
        ([{1: 2}], "layers"),
        ([{"basis": []}], "layer"),
        ([{"layer": "copyright"}], "basis"),
        ([{"layer": "copyrigth", "basis": []}], "layer"),
        (one_layer(parts="media"), "parts"),
        (one_layer(qqqq=1), "qqqq"),
        (one_layer(part=" "), "part"),
        (one_layer(part="\ud800"), "part"),
        (one_layer(minor=1), "minor"),
        (one_layer(span=[0]), "span"),
        (one_layer(span=[5, 5]), "span"),
        (one_layer(span=[-1, 5]), "span"),
        (one_layer(span=[0, 2**53]), "span"),
        (one_layer(span=[0, 1.5]), "span"),
        (one_layer(span=[False, 1]), "span"),
        (one_layer(span="01"), "span"),
        (one_layer(territory="UK"), "territory"),
        (one_layer(withdrawn="2026-02-30"), "withdrawn"),
        (one_layer(withdrawn="tomorrow"), "withdrawn"),
        (one_layer(breach={"cured": "2026-01-01"}), "found"),
        (one_layer(breach={"found": "2026-02-01", "cured": "2026-01-01"}), "cured"),
        (one_layer(basis={}), "basis"),
        (one_layer(basis=[{}]), "type"),
        (one_layer(basis=[{"type": "licence"}]), "type"),
        (one_layer(basis=[{"type": "public_licence"}]), "id"),
        (one_layer(basis=[{"type": "public_licence", "id": "MIT", "valid": []}]), "valid"),
        (one_layer(basis=[{"type": "none", "grade": "E5"}]), "grade"),
        (one_layer(basis=[{"type": "contract", "valid": ["2026-01-01"]}]), "valid"),
        (one_layer(basis=[{"type": "contract", "valid": ["2026-02-01", "2026-01-01"]}]), "valid"),
        (one_layer(basis=[{"type": "contract", "actions": "train"}]), "actions"),
        (one_layer(basis=[{"type": "contract", "actions": ["trian"]}]), "actions"),
        (one_layer(signals=[{}]), "signals"),
        (one_layer(signals=[{"tdmrep": 1, "plus": "DMI-ALLOWED"}]), "signals"),
        (one_layer(signals=[{"tdmrap": 1}]), "tdmrap"),
        (one_layer(signals=[{"tdmrep": float("nan")}]), "tdmrep"),
        (one_layer(signals=[{"cawg": {"ai_mining": "allowed"}}]), "ai_mining"),
        (one_layer(signals=[{"cawg": {"ai_training": "yes"}}]), "ai_training"),
        (one_layer(signals=[{"natural_language": "maybe"}]), "natural_language"),
        (one_layer(signals=[{"plus": 7}]), "plus"),
    ],
)
def test_what_cannot_be_read_is_named(layers: Any, field: str):
    with pytest.raises(BadCase, match=rf"^{field}: ") as caught:
        read_layers(layers)
    assert caught.value.code == f"BAD_CASE:{field}"


def test_an_open_end_is_an_unknown_end():
    basis = [{"type": "contract", "valid": [None, "2026-01-01"]}]
    assert read_layers(one_layer(basis=basis))[0].basis[0].valid == (None, dt.date(2026, 1, 1))


def test_the_lattice():
    assert vocabulary.ancestors("train_generative") == ("train_generative", "train", "mine", "use")
    assert vocabulary.below("share") == (
        *("publish_dataset", "share", "share_processor", "share_third_party"),
    )
    assert vocabulary.touches(("train",), "use")
    assert not vocabulary.touches(("share",), "train")


@pytest.mark.parametrize(
    ("place", "area", "inside"),
    [
        ("JP", ["WORLD"], True),
        ("US-IL", ["US"], True),
        ("US", ["US-IL"], False),
        ("DE-BY", ["EU"], True),
        ("EU", ["DE"], False),
        ("EU", sorted(vocabulary.EU_MEMBERS), True),
        ("CH", ["EU"], False),
    ],
)
def test_places(place: str, area: list[str], inside: bool):
    assert vocabulary.is_place(place)
    assert vocabulary.place_inside(place, area) is inside
