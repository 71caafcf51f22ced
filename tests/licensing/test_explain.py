"""Decisions in words, and what would turn them."""

from __future__ import annotations

import pytest

from licensing.decide import decide
from licensing.explain import decision_unlocks, explain, proof_lines, unlock_sets
from licensing.facts import read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from tests.licensing.notation import layers_of, request_of
from tests.licensing.test_decide import golden_rows

BOOK = load_rulebook()
ASKED = "train_generative commercial=yes release=api at=2026-06-01"


def told(layers: str, request: str = ASKED) -> str:
    return explain(decide(read_layers(layers_of(layers)), read_request(request_of(request)), BOOK))


def test_a_denial_names_clause_and_part():
    text = told(
        "copyright item=a stream=video: public_licence id=CC-BY-NC-4.0"
        " & copyright item=b stream=audio: contract"
    )
    assert text.startswith("The use is denied (commercial train generative, profile conservative).")
    assert "For the copyright of the a video: the licence allows non-commercial use only" in text
    assert "(CC-BY-NC-4.0 s.2(a)(1))" in text
    assert "Cleared alone: item:b and stream:audio." in text
    assert text.endswith("not legal advice.")


def test_a_permit_names_grounds_and_duties():
    text = told("copyright: public_licence id=MIT & tos: contract")
    assert "It rests on MIT and contract." in text
    assert "Duties: contract-duties and keep-notice." in text


def test_unknowns_are_told():
    text = told("copyright: unknown", "train_generative commercial=?")
    assert "The use is not cleared" in text
    assert "commercial or non-commercial" in text
    assert "no licence is on record [NO_LICENCE_EVIDENCE]" in text


def test_reasons_of_the_whole_are_told():
    shared = "publish_dataset commercial=no out_licence=CC-BY-SA-4.0"
    text = told(
        "copyright: public_licence id=CC-BY-SA-4.0 & copyright: public_licence id=EPL-2.0", shared
    )
    assert "No licence satisfies both share-alike licences at once" in text
    assert "No right is on record" in told("tool covers_output=no: none")


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row["id"])
def test_what_is_not_cleared_says_why(row: dict[str, str]):
    text = told(row["layers"], row["request"])
    if row["verdict"] != "permit":
        assert "[" in text
        assert "]" in text


def unlocked(layers: str, request: str = ASKED) -> tuple[tuple[str, ...], ...]:
    return unlock_sets(read_layers(layers_of(layers)), read_request(request_of(request)), BOOK)


def test_unlock_sets():
    assert unlocked("copyright: public_licence id=MIT") == ()
    assert unlocked("copyright: public_licence id=MIT grade=E3") == (
        ("agreement:copyright",),
        ("evidence:copyright",),
    )
    assert unlocked("copyright signal.tdmrep=1: public_licence id=MIT") == (
        ("agreement:copyright",),
        ("signal-settled:copyright",),
    )
    assert unlocked("copyright part=media: unknown & likeness stream=video: unknown") == (
        ("agreement:copyright:media", "consent:likeness:video"),
    )


def test_a_stream_that_nobody_mapped_is_a_question():
    granted = "copyright stream=video: public_licence id=MIT"
    assert unlocked(f"{granted} & copyright stream=lidar:") == (("stream-mapped:lidar",),)
    assert unlocked(f"{granted} & copyright stream=lidar: public_licence id=MIT grade=E3") == (
        ("agreement:copyright:lidar", "stream-mapped:lidar"),
        ("evidence:copyright:lidar", "stream-mapped:lidar"),
    )
    assert unlocked("copyright stream=lidar:") == ()


def test_a_decision_carries_the_layers_that_its_unlock_sets_need():
    layers = read_layers(layers_of("copyright: public_licence id=MIT grade=E3"))
    decision = decide(layers, read_request(request_of(ASKED)), BOOK)
    assert decision_unlocks(decision, BOOK) == (
        ("agreement:copyright",),
        ("evidence:copyright",),
    )


def test_an_agreement_lifts_what_share_alike_bars():
    shared = "publish_dataset commercial=no out_licence=EPL-2.0"
    layers = "copyright item=a: public_licence id=EPL-2.0 & copyright item=b: contract"
    assert unlocked(layers, shared) == ()
    barred = "copyright item=a: public_licence id=EPL-2.0 & copyright item=b: unknown"
    assert unlocked(barred, shared) == (("agreement:copyright:b",),)


def test_what_no_grant_lifts_has_no_set():
    assert unlocked("personal_data: consent scope=use erased=2026-01-01") == ()
    assert unlocked("voice: none & likeness: none & copyright: none & tos: none") == ()


def test_the_proof_is_a_tree_from_verdict_to_evidence():
    paper = {"digest": "ab" * 32, "clause": "2", "grade": "E1"}
    film = {"layer": "copyright", "item": "a.mp4", "span": [0, 5], "basis": [
        {"type": "contract", "id": "a-1", "commercial": False, "evidence": [paper]}]}  # fmt: skip
    music = {"layer": "copyright", "stream": "audio", "basis": []}
    asked = read_request(request_of(f"{ASKED} streams=video"))
    decision = decide(read_layers([film, music]), asked, BOOK)

    lines = list(proof_lines(decision))

    assert lines[0] == "deny: NC"
    assert "streams video" in lines[1]
    assert "  copyright (item a.mp4 span 0+5): deny NC" in lines
    assert "    contract a-1, rank 2: fails" in lines
    assert "      contract.commercial: fails NC" in lines
    assert f"      evidence: digest {'ab' * 32}, clause 2, grade E1" in lines
    assert "  copyright (stream audio): not asked for" in lines
    assert lines[-1].startswith("  facts ")


def test_the_tree_marks_what_forbids_and_what_is_too_weak():
    person = "likeness: consent scope=use specific=yes commercial=yes valid=2020-01-01..2021-01-01"
    layers = read_layers(layers_of(f"{person} & copyright: public_licence id=MIT grade=E4"))
    lines = list(proof_lines(decide(layers, read_request(request_of(ASKED)), BOOK)))

    assert any("consent" in line and line.endswith(", forbids") for line in lines)
    assert any(line.endswith("below the evidence that counts") for line in lines)
