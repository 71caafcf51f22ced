"""Silence about a right shows as a layer that nobody knows anything about."""

from __future__ import annotations

from typing import Any

import pytest

from licensing.checklist import (
    CHECKLISTS,
    is_question,
    open_layers,
    question_layer,
    unanswered,
)
from licensing.decide import decide
from licensing.facts import read_layers
from licensing.facts.vocabulary import LAYER_KINDS, STREAMS
from licensing.request import read_request
from licensing.rulebook import load_rulebook

FILM = {"layer": "copyright", "basis": [{"type": "contract"}]}


def asked(modality: str, *layers: dict[str, Any], settled: tuple[str, ...] = ()) -> list[str]:
    return [one.name for one in unanswered(modality, read_layers(layers), settled)]


@pytest.mark.parametrize(
    ("modality", "questions"),
    [
        ("video", ["image", "music", "persons", "premises", "marks"]),
        ("game", ["publisher", "mods", "player voice", "overlay music", "terms"]),
        ("robot", ["site owner", "bystanders", "operators", "vendor terms", "maps"]),
        ("sensor", ["site owner", "persons", "vendor terms"]),
        ("synthetic", ["generator terms", "asset packs", "tool"]),
        ("another", []),
    ],
)
def test_a_source_about_which_nothing_is_said_leaves_every_question_open(modality, questions):
    assert asked(modality) == questions


@pytest.mark.parametrize("modality", sorted(CHECKLISTS))
def test_one_open_question_keeps_a_permit_away(modality):
    layers = read_layers([FILM])
    request = read_request({"action": "train_generative", "commercial": True})
    found = open_layers(modality, layers, [])

    decision = decide([*layers, *found], request, load_rulebook())

    assert decision.verdict.word == "undetermined"
    assert {one.layer for one in found} <= set(LAYER_KINDS)
    assert {one.stream for one in found} <= {None, *STREAMS}


def test_headings_that_people_write_answer():
    settled = ("persons, premises, marks", "no sound of anybody: music")

    assert asked("video", FILM, settled=settled) == []
    assert asked("game", settled=("publisher's pictures", "Mods, player\u2019s VOICE")) == [
        "overlay music",
        "terms",
    ]


def test_a_layer_answers_by_its_kind_or_by_its_part():
    assets = {"layer": "copyright", "part": "assets", "basis": [{"type": "unknown"}]}
    face = {"layer": "likeness", "stream": "video", "basis": [{"type": "none"}]}
    music = {"layer": "neighbouring", "stream": "audio", "basis": [{"type": "contract"}]}

    assert asked("game", assets) == ["mods", "player voice", "overlay music", "terms"]
    assert asked("video", FILM, face, music) == ["premises", "marks"]


def test_the_right_in_a_whole_film_says_nothing_of_its_music():
    assert "music" in asked("video", FILM)
    assert "image" not in asked("video", FILM)
    assert "image" in asked("video", FILM | {"stream": "audio"})


def test_music_is_no_question_for_whoever_leaves_the_sound_out():
    settled = ("persons, premises, marks",)
    layers = [*read_layers([FILM]), *open_layers("video", read_layers([FILM]), settled)]
    silent = read_request({"action": "train", "commercial": True, "streams": ["video"]})
    loud = read_request({"action": "train", "commercial": True})

    assert decide(layers, silent, load_rulebook()).verdict.word == "permit"
    assert decide(layers, loud, load_rulebook()).verdict.word == "undetermined"


@pytest.mark.parametrize("modality", sorted(CHECKLISTS))
def test_an_open_question_is_found_by_its_id(modality):
    for one in open_layers(modality, [], []):
        assert question_layer(str(one.layer_id)) == one
        assert is_question(one)


@pytest.mark.parametrize("name", ["copyright", "checklist:game/weather", "checklist:radio/terms"])
def test_another_id_is_no_question(name):
    assert question_layer(name) is None
