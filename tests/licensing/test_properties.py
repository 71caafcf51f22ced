"""Properties of the decision over drawn cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.decide import decide, decide_case
from licensing.facts import Decision, Verdict, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from tests.licensing.notation import layers_of, request_of
from tests.licensing.test_decide import golden_rows

BOOK = load_rulebook()
LINK = {"licensor": "studio", "licensee": "agency", "sublicense": True, "actions": ["use"]}
TERMS: tuple[dict[str, Any], ...] = (
    {"licensor": "studio"},
    {"licensor": "agency", "chain": [LINK]},
    {"licensor": "agency", "chain": [LINK | {"valid": ["2026-01-01", "2026-07-01"]}]},
    {"licensor": "agency", "chain": [LINK | {"commercial": False}]},
    {"restrictions": [{"purpose": ["games"]}, {"actions": ["share"]}]},
    {"restrictions": [{"territory": ["US"], "commercial": True}]},
    {"restrictions": [{"release": ["weights"], "model_kind": ["llm"]}]},
    {"obligations": [{"duty": "pay", "state": "due", "deadline": "2026-06-30"}]},
    {"obligations": [{"duty": "pay", "precedent": True, "state": "met"}]},
)
AGREED: list[dict[str, Any]] = [
    {"layer": "copyright", "holder": "studio", "basis": [{"type": "contract", **terms}]}
    for terms in TERMS
] + [
    {"layer": "voice", "minor": True, "basis": [
        {"type": "consent", "scope": ["use"], "specific": True, "capacity": "parent"}]},
    {"layer": "copyright", "region": "poster", "basis": [{"type": "none"}]},
]  # fmt: skip
LAYERS = [layer for row in golden_rows() for layer in layers_of(row["layers"])] + AGREED * 3
REQUESTS = [request_of(row["request"]) for row in golden_rows()]
layer_lists = st.lists(st.sampled_from(LAYERS), min_size=1, max_size=4)
requests = st.sampled_from(REQUESTS)
many = settings(max_examples=500, deadline=None)


def decided(layers: list[dict[str, Any]], request: dict[str, Any]) -> Decision:
    return decide(read_layers(layers), read_request(request), BOOK)


@many
@given(layers=layer_lists, extra=st.sampled_from(LAYERS), request=requests)
def test_another_layer_never_raises_the_verdict(layers, extra, request):
    before = decided(layers, request)
    after = decided([*layers, extra], request)
    assert after.verdict <= before.verdict or before.reasons == ("NO_LAYERS",)


@many
@given(layers=layer_lists, request=requests, data=st.data())
def test_order_and_duplicates_do_not_matter(layers, request, data):
    shuffled = data.draw(st.permutations([*layers, layers[0]]))
    turned = [one | {"basis": [*reversed(one["basis"]), *one["basis"][:1]]} for one in shuffled]
    first, second = decided(layers, request), decided(turned, request)
    assert (first.verdict, first.obligations) == (second.verdict, second.obligations)
    assert set(first.reasons) == set(second.reasons)
    plain = decided(shuffled, request)
    assert plain == first


@many
@given(layers=layer_lists, request=requests)
def test_what_is_not_cleared_says_why(layers, request):
    decision = decided(layers, request)
    assert decision.reasons
    assert ("GRANT" in decision.reasons) == (decision.verdict is Verdict.PERMIT)


@many
@given(layers=layer_lists, request=requests)
def test_every_part_is_at_least_as_free_as_the_whole(layers, request):
    whole = decided(layers, request)
    if whole.verdict is Verdict.PERMIT:
        named = {f"{key}:{one[key]}" for one in layers for key in ("item", "part") if key in one}
        assert named <= set(whole.clearable)


@many
@given(layers=layer_lists, request=requests)
def test_duties_of_a_permit_contain_those_of_each_layer(layers, request):
    decision = decided(layers, request)
    if decision.verdict is Verdict.PERMIT:
        owed = {one.partition(":")[0] for one in decision.obligations}
        for layer in decision.proof["layers"]:
            assert {one.partition(":")[0] for one in layer["duties"]} <= owed


OPEN_WHEN_ABSENT = frozenset({"action", "op", "profile", "known", "streams"})


@many
@given(layers=layer_lists, request=requests, data=st.data())
def test_forgetting_what_is_asked_never_clears(layers, request, data):
    names = sorted(set(request) - OPEN_WHEN_ABSENT)
    forgotten = request | {data.draw(st.sampled_from(names)): None}
    before, after = decided(layers, request).verdict, decided(layers, forgotten).verdict
    assert after is not Verdict.PERMIT or before is Verdict.PERMIT
    assert after is not Verdict.DENY or before is Verdict.DENY or request.get("at")


UNKNOWN_WHEN_ABSENT = frozenset(
    {
        *("covers_output", "archived_proof", "scope", "specific", "commercial", "lawful_access"),
        *("permits", "paid", "verified", "territory", "actions", "release", "purpose"),
    }
)


@many
@given(layer=st.sampled_from(LAYERS), request=requests, data=st.data())
def test_forgetting_a_fact_never_clears(layer, request, data):
    forgotten = layer | {key: None for key in UNKNOWN_WHEN_ABSENT - {"territory"} if key in layer}
    bases = [
        one | {key: None for key in one if key in UNKNOWN_WHEN_ABSENT and data.draw(st.booleans())}
        for one in layer["basis"]
    ]
    before = decided([layer], request)
    after = decided([forgotten | {"basis": bases}], request)
    assert after.verdict is not Verdict.PERMIT or before.verdict is Verdict.PERMIT


@many
@given(layers=layer_lists, request=requests)
def test_a_commercial_request_is_never_freer(layers, request):
    narrow = read_request(request | {"commercial": False})
    wide = replace(narrow, commercial=None)
    facts = read_layers(layers)
    assert decide(facts, wide, BOOK).verdict <= decide(facts, narrow, BOOK).verdict or (
        decide(facts, narrow, BOOK).verdict is Verdict.DENY
    )


@many
@given(
    layers=layer_lists,
    request=requests,
    field=st.text(min_size=1, max_size=12),
    where=st.sampled_from(["case", "layer", "basis", "request"]),
)
def test_an_unknown_field_is_never_read_over(layers, request, field, where):
    known = "id title source checked expect reason obligations other_profiles"
    docs = {
        "layer": layers[0] | ({f"x{field}": 1} if where == "layer" else {}),
        "request": request | ({f"x{field}": 1} if where == "request" else {}),
    }
    if where == "basis":
        docs["layer"] = layers[0] | {"basis": [{"type": "none", f"x{field}": 1}]}
    case = {"id": "x", "layers": [docs["layer"]], "request": docs["request"]}
    if where == "case":
        case[f"x{field}"] = 1
    answer = decide_case(case, BOOK)
    assert f"x{field}" not in known.split()
    assert answer["verdict"] == "undetermined"
    assert answer["reasons"] == [f"BAD_CASE:x{field}"]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@many
@given(layers=json_like, request=json_like, signal=json_like)
def test_garbage_is_undetermined_and_never_an_error(layers, request, signal):
    for case in (
        layers,
        {"id": "x", "layers": layers, "request": request},
        {"id": "x", "layers": [{"layer": "copyright", "basis": layers}], "request": REQUESTS[0]},
    ):
        assert decide_case(case, BOOK)["verdict"] == "undetermined"
    signalled = {"layer": "copyright", "basis": [{"type": "unknown"}], "signals": [signal]}
    answer = decide_case({"id": "x", "layers": [signalled], "request": REQUESTS[0]}, BOOK)
    assert answer["verdict"] == "undetermined"
