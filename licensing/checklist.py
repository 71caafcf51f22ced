"""What must be asked of a source of each modality, so that silence about a right shows.

Comes in: a modality, the layers on record, and what was settled in words. Goes out: one layer
without a basis for each question that nobody answered; it is `unknown`, and nothing that is unknown
is cleared. Source of the questions: the checklists of the rights model, one list a modality.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from licensing.facts import Basis, Layer

CHECKLIST: Final = "checklist:"  # begins the id of a layer that stands for a question
_WORD: Final = re.compile(r"[a-z]+")
_OWNER: Final = re.compile(r"['\u2019]s\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One entry of a checklist: its name, the layer that stays open, and what answers it.

    `words` are those that a settled heading may use. A layer answers by its part, or by its kind if
    it lies on `stream`, or on the whole recording where `whole` says that this is enough.
    """

    name: str
    layer: str
    words: tuple[str, ...]
    layers: tuple[str, ...] = ()
    stream: str | None = None
    whole: bool = True
    parts: tuple[str, ...] = ()


_SEEN: Final = ("likeness", "personal_data")
_SITE: Final = Question(name="site owner", layer="contract", words=("site",), parts=("site",))
_VENDOR: Final = Question(
    name="vendor terms", layer="tos", words=("vendor",), layers=("tos",), parts=("vendor",)
)
_MUSIC: Final = Question(
    name="music",
    layer="copyright",
    words=("music", "sound"),
    layers=("copyright", "neighbouring"),
    stream="audio",
    whole=False,
)
CHECKLISTS: Final[dict[str, tuple[Question, ...]]] = {
    "video": (
        Question(
            name="image", layer="copyright", words=("image",), layers=("copyright",), stream="video"
        ),
        _MUSIC,
        Question(name="persons", layer="likeness", words=("persons", "people"), layers=_SEEN),
        Question(name="premises", layer="contract", words=("premises",), parts=("premises",)),
        Question(name="marks", layer="copyright", words=("marks",), parts=("marks",)),
    ),
    "game": (
        Question(
            name="publisher",
            layer="game_av",
            words=("publisher",),
            layers=("game_av",),
            parts=("assets",),
        ),
        Question(name="mods", layer="copyright", words=("mods",), parts=("mods",)),
        Question(
            name="player voice", layer="voice", words=("voice",), layers=("voice",), stream="audio"
        ),
        replace(_MUSIC, name="overlay music"),
        Question(name="terms", layer="tos", words=("terms",), layers=("tos",)),
    ),
    "robot": (
        _SITE,
        Question(
            name="bystanders", layer="likeness", words=("bystanders",), layers=_SEEN, stream="video"
        ),
        Question(
            name="operators", layer="personal_data", words=("operators",), layers=("personal_data",)
        ),
        _VENDOR,
        Question(
            name="maps",
            layer="sui_generis_db",
            words=("maps",),
            layers=("sui_generis_db",),
            parts=("maps",),
        ),
    ),
    "sensor": (
        _SITE,
        Question(name="persons", layer="personal_data", words=("persons", "people"), layers=_SEEN),
        _VENDOR,
    ),
    "synthetic": (
        Question(name="generator terms", layer="tos", words=("generator",), layers=("tos",)),
        Question(name="asset packs", layer="copyright", words=("asset",), parts=("assets",)),
        Question(name="tool", layer="tool", words=("tool",), layers=("tool",)),
    ),
}


def unanswered(modality: str, layers: Sequence[Layer], settled: Iterable[str]) -> list[Question]:
    """The questions of the checklist of `modality` that neither a layer nor a word answers.

    `settled` are the headings under which somebody wrote down what was found, such as
    "premises, marks". A modality without a checklist has no questions.
    """
    words = {word for one in settled for word in _WORD.findall(_OWNER.sub("", one.casefold()))}
    return [
        one
        for one in CHECKLISTS.get(modality, ())
        if words.isdisjoint(one.words) and not any(_answers(one, layer) for layer in layers)
    ]


def open_layers(modality: str, layers: Sequence[Layer], settled: Iterable[str]) -> list[Layer]:
    """A layer without a known basis for each question that nobody answered."""
    return [_open(modality, one) for one in unanswered(modality, layers, settled)]


def question_layer(layer_id: str) -> Layer | None:
    """The layer that stands for an open question, by its id; None where the id is no question's."""
    modality, _, name = layer_id.removeprefix(CHECKLIST).partition("/")
    asked = CHECKLISTS.get(modality, ()) if layer_id.startswith(CHECKLIST) else ()
    return next((_open(modality, one) for one in asked if one.name == name), None)


def is_question(layer: Layer) -> bool:
    """Does this layer stand for a question that nobody answered?"""
    return layer.layer_id is not None and layer.layer_id.startswith(CHECKLIST)


def _open(modality: str, asked: Question) -> Layer:
    return Layer(
        layer=asked.layer,
        basis=(Basis(type="unknown"),),
        part=asked.name,
        stream=asked.stream,
        layer_id=f"{CHECKLIST}{modality}/{asked.name}",
    )


def _answers(question: Question, layer: Layer) -> bool:
    if layer.part is not None and layer.part in question.parts:
        return True
    there = layer.stream == question.stream or (
        question.whole and (layer.stream is None or question.stream is None)
    )
    return layer.layer in question.layers and there
