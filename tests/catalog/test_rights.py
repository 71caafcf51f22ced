"""Facts are dated twice: what was believed on a day never changes by what is recorded later."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from catalog.engine import open_catalog, transaction
from catalog.errors import Contradiction, NotFound
from catalog.records import Change
from catalog.rights import (
    ENDS,
    Revocation,
    asked_by_source,
    asked_of,
    attach,
    attach_layer,
    end_fact,
    ends_of,
    facts_of,
    layers_of,
    record_revocation,
    revocations,
)
from catalog.sources import Source, register_source
from licensing.facts import read_layers
from tests.catalog.world import LAYER, NOW, later

DAY = date(2026, 11, 24)
LICENCE: dict[str, Any] = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "MIT"}]}


def test_the_same_layer_twice_changes_nothing(each_session: Session) -> None:
    first = attach_layer(each_session, "a", LAYER, now=NOW)
    again = attach_layer(each_session, "a", LAYER, now=later(1))

    assert (first, again) == (Change.ADDED, Change.UNCHANGED)
    (layer,) = layers_of(each_session, "a", known=None)
    assert {name: layer[name] for name in LAYER} == LAYER
    assert read_layers([layer])[0].layer_id == layer["layer_id"]


def test_the_layers_of_all_sources_are_those_of_each(each_session: Session) -> None:
    for name in ("a", "b"):
        source = Source(source_id=name, uri=f"s3://x/{name}", modality="sensor")
        register_source(each_session, source, now=later(-2))
        attach(each_session, name, "instrument", {"id": f"paper-{name}"}, now=NOW)
        basis = {"type": "contract", "instrument_id": f"paper-{name}"}
        attach_layer(each_session, name, {**LAYER, "basis": [basis]}, now=NOW)
    paper = next(one for one in facts_of(each_session, "a") if one.kind == "instrument")
    end_fact(each_session, paper.fact_id, at=DAY, kind="ended", reason="x", now=later(2))

    for known in (None, NOW, later(-1)):
        each = {name: asked_of(each_session, name, known=known) for name in ("a", "b")}
        found = asked_by_source(each_session, known=known)
        assert len(each["a"]) in {0, 4}  # its own, and the three questions of its checklist
        assert found == {name: layers for name, layers in each.items() if layers}


def test_another_basis_joins_the_layer_it_is_about(session: Session) -> None:
    attach_layer(session, "a", LAYER, now=NOW)

    change = attach_layer(session, "a", LICENCE, now=NOW)

    (layer,) = layers_of(session, "a", known=None)
    assert change is not Change.UNCHANGED
    assert [one["type"] for one in layer["basis"]] == ["contract", "public_licence"]


def test_two_persons_stay_two_layers(session: Session) -> None:
    for scope in (["train"], ["evaluate"]):
        consent = {"type": "consent", "scope": scope, "specific": True}
        attach_layer(session, "a", {"layer": "likeness", "basis": [consent]}, now=NOW)

    assert len(layers_of(session, "a", known=None)) == 2


def test_signals_that_were_looked_for_and_not_found_differ_from_none_looked_for(
    session: Session,
) -> None:
    attach_layer(session, "a", LAYER, now=NOW)
    attach_layer(session, "b", LICENCE, now=NOW)

    assert layers_of(session, "a", known=None)[0]["signals"] == []
    assert "signals" not in layers_of(session, "b", known=None)[0]


def test_a_signal_of_the_source_reaches_each_copyright_layer_once(session: Session) -> None:
    said = {"tdmrep_file": 1, "same_holder": True}
    attach(session, "a", "signal", {"layer_id": "*", "tdmrep_file": 1}, now=NOW)
    attach_layer(session, "a", {**LAYER, "stream": "video", "signals": [said]}, now=NOW)
    attach_layer(session, "a", {**LAYER, "stream": "audio"}, now=NOW)
    attach_layer(session, "a", {"layer": "voice", "basis": []}, now=NOW)

    video, audio, voice = layers_of(session, "a", known=None)
    assert (video["signals"], audio["signals"]) == ([said], [{"tdmrep_file": 1}])
    assert "signals" not in voice


def test_a_signal_reaches_the_rights_that_mining_can_touch_and_those_of_its_file(
    session: Session,
) -> None:
    signal = {
        "layer_id": "*",
        "about": "a.mp4",
        "where": {"path": "a.xmp"},
        "plus": "DMI-PROHIBITED",
    }
    cawg = {"layer_id": "*", "cawg": {"ai_training": "notAllowed"}}
    for path in ("b", "c"):
        attach(session, "a", "signal", {**cawg, "where": {"path": path}}, now=NOW)
    attach(session, "a", "signal", signal, now=NOW)
    kinds = ("copyright", "neighbouring", "sui_generis_db", "game_av", "contract", "likeness")
    for kind in kinds:
        attach_layer(session, "a", {"layer": kind, "basis": []}, now=NOW)
    for item in ("a.mp4", "b.mp4"):
        attach_layer(session, "a", {"layer": "copyright", "item": item, "basis": []}, now=NOW)

    said, every = {"plus": "DMI-PROHIBITED"}, {"cawg": {"ai_training": "notAllowed"}}
    found = [one.get("signals") for one in layers_of(session, "a", known=None)]
    assert found == [*[[every, said]] * 4, None, None, [every, said], [every]]


def test_what_was_captured_is_captured_for_layers_that_come_later(session: Session) -> None:
    attach_layer(session, "a", {"layer": "copyright", "basis": []}, now=NOW)
    attach(session, "a", "captured", {"layer_id": "*"}, now=NOW)
    attach_layer(session, "a", {"layer": "neighbouring", "basis": []}, now=NOW)
    attach_layer(session, "a", {"layer": "voice", "basis": []}, now=NOW)

    found = [one.get("signals") for one in layers_of(session, "a", known=None)]
    assert found == [[], [], None]


@pytest.mark.parametrize(
    ("kind", "at", "valid"),
    [
        ("ended", DAY, ["2026-01-01", "2026-11-24"]),
        ("breach", date(2040, 1, 1), ["2026-01-01", "2035-01-01"]),
        ("void", DAY, []),
        ("ended", date(2025, 1, 1), []),
    ],
)
def test_the_end_of_an_agreement_closes_its_term(
    session: Session, kind: str, at: date, valid: list[str]
) -> None:
    attach_layer(session, "a", LAYER, now=NOW)
    end_fact(session, _basis(session), at=at, kind=kind, reason="said so", now=later(1))

    (now,) = layers_of(session, "a", known=None)
    (then,) = layers_of(session, "a", known=NOW)
    assert now["basis"][0]["valid"] == valid
    assert then["basis"] == LAYER["basis"]


def test_an_agreement_without_a_term_gets_one(session: Session) -> None:
    attach_layer(session, "a", {"layer": "contract", "basis": [{"type": "contract"}]}, now=NOW)

    end_fact(session, _basis(session), at=DAY, kind="ended", reason="", now=NOW)

    (layer,) = layers_of(session, "a", known=None)
    assert layer["basis"][0]["valid"] == ["0001-01-01", "2026-11-24"]
    assert read_layers([layer])


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        ("withdrawn", {"withdrawn": "2026-11-24"}),
        ("breach", {"breach": {"found": "2026-11-24"}}),
        ("taken_down", {"taken_down": True}),
        ("ended", {"withdrawn": "2026-11-24", "taken_down": True}),
        ("void", {"taken_down": True}),
    ],
)
def test_the_end_of_a_public_licence_marks_its_layer(
    session: Session, kind: str, marks: dict[str, Any]
) -> None:
    attach_layer(session, "a", LICENCE, now=NOW)

    end_fact(session, _basis(session), at=DAY, kind=kind, reason="", now=NOW)

    (layer,) = layers_of(session, "a", known=None)
    assert marks.items() <= layer.items()
    assert read_layers([layer])


@pytest.mark.parametrize(
    ("kind", "valid", "marks"),
    [
        ("withdrawn", ["0001-01-01", "2026-11-24"], {}),
        ("taken_down", ["0001-01-01", "2026-11-24"], {"taken_down": True}),
        ("void", [], {"taken_down": True}),
    ],
)
def test_the_end_of_a_rule_of_counsel_closes_its_term_and_marks_no_less_than_before(
    session: Session, kind: str, valid: list[str], marks: dict[str, Any]
) -> None:
    ground = {"type": "statutory", "id": "EU-CDSM-4", "enabled": True}
    attach_layer(session, "a", {"layer": "copyright", "basis": [ground]}, now=NOW)

    end_fact(session, _basis(session), at=DAY, kind=kind, reason="", now=NOW)

    (layer,) = layers_of(session, "a", known=None)
    assert layer["basis"] == [ground | {"valid": valid}]
    assert {name: layer[name] for name in ("withdrawn", "taken_down") if name in layer} == marks
    assert read_layers([layer])


def test_a_basis_ends_with_its_instrument(session: Session) -> None:
    basis = {**LAYER["basis"][0], "instrument_id": "paper-7"}
    attach(session, "a", "instrument", {"id": "paper-7"}, now=NOW)
    attach_layer(session, "a", {**LAYER, "basis": [basis]}, now=NOW)
    paper = facts_of(session, "a")[0].fact_id

    end_fact(session, paper[:12], at=DAY, kind="ended", reason="notice", now=later(1))

    (layer,) = layers_of(session, "a", known=None)
    assert layer["basis"][0]["valid"] == ["2026-01-01", "2026-11-24"]


def test_an_end_that_is_said_twice_is_recorded_once(session: Session) -> None:
    attach_layer(session, "a", LAYER, now=NOW)
    fact_id = _basis(session)

    for _turn in range(2):
        end_fact(session, fact_id, at=DAY, kind="ended", reason="", now=NOW)

    assert len(ends_of(session, [fact_id])) == 1


def test_facts_are_read_as_of_a_valid_day(session: Session) -> None:
    for name, valid in (("old", (None, DAY)), ("new", (DAY, None)), ("all", (None, None))):
        attach(session, "a", "settled", {"name": name}, valid=valid, now=NOW)
    for name in ("void", "over"):
        attach(session, "a", "settled", {"name": name}, now=NOW)
        end_fact(session, facts_of(session, "a")[-1].fact_id, at=DAY, reason="", now=NOW,
                 kind="void" if name == "void" else "ended")  # fmt: skip

    before = facts_of(session, "a", valid=DAY - timedelta(days=1))
    since = facts_of(session, "a", valid=DAY)

    assert [one.doc["name"] for one in before] == ["old", "all", "over"]
    assert [one.doc["name"] for one in since] == ["new", "all"]


@pytest.mark.parametrize(
    ("kind", "valid", "code"),
    [("rumour", (None, None), "FACT_UNKNOWN"), ("settled", (DAY, DAY), "VALID_RANGE")],
)
def test_a_fact_that_contradicts_itself_is_refused(
    session: Session, kind: str, valid: tuple[date | None, date | None], code: str
) -> None:
    with pytest.raises(Contradiction, match="fact of") as caught:
        attach(session, "a", kind, {}, valid=valid, now=NOW)

    assert caught.value.code == code


def test_an_end_needs_a_fact_and_a_known_kind(session: Session) -> None:
    with pytest.raises(Contradiction, match="expected one of"):
        end_fact(session, "x", at=DAY, kind="forgotten", reason="", now=NOW)
    with pytest.raises(NotFound, match="facts hold no"):
        end_fact(session, "x", at=DAY, kind="void", reason="", now=NOW)


def test_revocations_are_numbered_in_their_order_and_once(session: Session) -> None:
    def revoke(name: str) -> int:
        one = Revocation(
            revocation_id=name, subject_kind="source", subject_id=name, reason="ended", at=DAY,
            recorded_at=NOW,
        )  # fmt: skip
        return record_revocation(session, one, now=later(1))

    assert [revoke("a"), revoke("b"), revoke("a")] == [1, 2, 1]
    assert [(one.subject_id, one.at) for one in revocations(session)] == [("a", DAY), ("b", DAY)]
    assert revocations(session)[0].recorded_at == later(1)


TERMS: dict[str, dict[str, Any]] = {
    "contract": {"valid": ["2024-01-01", "2029-01-01"]},
    "consent": {"scope": ["train"]},
    "public_licence": {"id": "MIT"},
}
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["contract", "consent", "public_licence", "signal", "end"]),
        st.sampled_from(ENDS),
        st.integers(0, 5),
        st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(acts=ACTS)
def test_what_was_known_then_is_read_the_same_ever_after(
    fresh: Callable[[], str], acts: list[tuple[str, str, int, date]]
) -> None:
    url = fresh()
    seen: dict[datetime, object] = {}

    with transaction(open_catalog(url)) as session:
        for hour, act in enumerate(acts):
            _act(session, act, now=later(hour))
            seen[later(hour)] = _known(session, None)

        assert {known: _known(session, known) for known in seen} == seen
        assert _known(session, NOW - timedelta(microseconds=1)) == ([], ())


@given(acts=ACTS)
@settings(max_examples=25)
def test_whatever_ends_the_layers_can_be_read(
    fresh: Callable[[], str], acts: list[tuple[str, str, int, date]]
) -> None:
    url = fresh()

    with transaction(open_catalog(url)) as session:
        for hour, act in enumerate(acts):
            _act(session, act, now=later(hour))
        layers = layers_of(session, "a", known=None)

    assert len(read_layers(layers)) == len(layers)


def _act(session: Session, act: tuple[str, str, int, date], *, now: datetime) -> None:
    kind, end, number, day = act
    facts = facts_of(session, "a")
    if kind == "end" and facts:
        fact_id = facts[number % len(facts)].fact_id
        end_fact(session, fact_id, at=day, kind=end, reason="", now=now)
    elif kind == "signal":
        attach(session, "a", "signal", {"layer_id": "*", "tdmrep_file": number % 2}, now=now)
    elif kind != "end":
        basis = {"type": kind, **TERMS[kind]}
        layer = {"layer": "copyright", "item": f"{number}.mp4", "basis": [basis]}
        attach_layer(session, "a", layer, now=now)


def _known(session: Session, known: datetime | None) -> object:
    return layers_of(session, "a", known=known), facts_of(session, "a", known=known)


def _basis(session: Session) -> str:
    return next(one.fact_id for one in facts_of(session, "a") if one.kind == "basis")
