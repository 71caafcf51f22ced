"""Laws of the decision: knowledge, restrictions, wider requests, replay."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licensing.decide import decide
from licensing.facts import Verdict, decision_digest, decision_doc, layer_doc, read_layers
from licensing.request import read_request, request_doc
from licensing.rulebook import load_rulebook
from tests.licensing.test_properties import LAYERS, REQUESTS

pytestmark = pytest.mark.slow
BOOK = load_rulebook()
many = settings(max_examples=500, deadline=None)
layer_lists = st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4).map(read_layers)
requests = st.sampled_from(REQUESTS).map(read_request)
FACTS = ("territory", "release", "out_licence", "purpose", "model_kind", "has_llm_component")
SIGNALS = ({"tdmrep_pdf": 1}, {"plus": "DMI-PROHIBITED"}, {"natural_language": "reserved"})


@many
@given(layers=layer_lists, request=requests, name=st.sampled_from(FACTS))
def test_an_answer_never_turns_a_permit_into_a_denial_or_back(layers, request, name):
    known = decide(layers, request, BOOK).verdict
    unknown = decide(layers, replace(request, **{name: None}), BOOK).verdict
    assert {known, unknown} != {Verdict.PERMIT, Verdict.DENY}


@many
@given(layers=layer_lists, request=requests, signal=st.sampled_from(SIGNALS), data=st.data())
def test_a_reservation_or_a_takedown_never_clears(layers, request, signal, data):
    before = decide(layers, request, BOOK).verdict
    at = data.draw(st.integers(0, len(layers) - 1))
    layer = layer_doc(layers[at])
    reserved = {**layer, "signals": [*layer.get("signals", ()), signal]}
    for changed in (reserved, {**layer, "taken_down": True}):
        (one,) = read_layers([changed])
        after = decide([*layers[:at], one, *layers[at + 1 :]], request, BOOK).verdict
        captured = layer.get("signals") is None and changed is reserved
        assert after is not Verdict.PERMIT or before is Verdict.PERMIT
        assert after <= before or captured or changed is not reserved


@many
@given(layers=layer_lists, request=requests)
def test_a_wider_request_never_clears_what_a_narrower_one_does_not(layers, request):
    assume(not _names_users(layers))
    # The action stays: a grant that names `train` leaves the kinds of training open, by RIGHTS 3.
    wide = replace(request, territory=request.territory and ("WORLD",), commercial=True)
    if decide(layers, wide, BOOK).verdict is Verdict.PERMIT:
        narrow = replace(request, commercial=False)
        for one in (request, narrow):
            assert decide(layers, one, BOOK).verdict is Verdict.PERMIT


@many
@given(layers=layer_lists, request=requests)
def test_a_replay_is_bit_equal(layers, request):
    first = decide(layers, request, BOOK)
    kept = json.loads(json.dumps([[layer_doc(one) for one in layers], request_doc(request)]))
    again = decide(read_layers(kept[0]), read_request(kept[1]), BOOK)
    assert decision_doc(again) == decision_doc(first)
    assert decision_digest(again) == decision_digest(first)


def _names_users(layers):
    """RSL names kinds of users side by side: its commercial users are no wider than the others."""
    return any("commercial" in (one.permits or ()) for layer in layers for one in layer.basis)
