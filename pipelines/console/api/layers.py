"""The layers of a source as the engine reads them now, with consents and signals apart."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from catalog import personal, rights
from catalog import sources as registered
from pipelines.audit.signals import signal_rows
from pipelines.console.api.answering import recorded
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Doc, Shape
from pipelines.console.view import View

ROUTER: Final = about("layers")
_PLACES: Final = ("item", "part", "stream", "span", "region", "territory")
_FOLDED: Final = ("layer", "layer_id", "basis", "signals", *_PLACES)


class LayerShown(Shape):
    """One right in a source, or a question of the checklist that nobody has answered."""

    layer: str = Field(description="Which right.", examples=["copyright"])
    layer_id: str | None = Field(description="Id of its fact; a question begins with `checklist:`.")
    covers: Doc = Field(description="Which part of the source; empty for the whole of it.")
    grounds: list[Doc] = Field(description="On what it may be used, with every end that has come.")
    signals: list[Doc] | None = Field(description="What holders state; null: nobody looked.")
    state: Doc = Field(description="Withdrawal, takedown, breach and whatever else marks it.")


class LayersShown(Shape):
    """The layers of a source, as the engine reads them."""

    source_id: str = Field(description="Id of the source.")
    items: list[LayerShown] = Field(description="The layers, questions last.")


class ConsentShown(Shape):
    """What a person consented to."""

    layer: str = Field(description="Which right of the person.", examples=["voice"])
    layer_id: str | None = Field(description="Id of the fact of the layer.")
    covers: Doc = Field(description="Which part of the source; empty for the whole of it.")
    consent: Doc = Field(description="Its terms, with every end that has come.")


class ConsentsShown(Shape):
    """The consents in a source."""

    source_id: str = Field(description="Id of the source.")
    items: list[ConsentShown] = Field(description="The consents, layer by layer.")


class SignalShown(Shape):
    """A statement of a holder that stands."""

    signal: str = Field(description="Its scheme; `unread` if no reader could take it.")
    value: Any = Field(description="What it states.")
    state: str = Field(description="What it says to `action`.", examples=["reserved"])
    action: str = Field(description="The use that `state` is about.", examples=["train_generative"])
    place: str = Field(description="What kind of place it was found in.")
    paths: list[str] = Field(description="The files that state it.")
    fact: str = Field(description="Id of the first fact that states it.")


class SignalsShown(Shape):
    """The signals of a source that stand."""

    source_id: str = Field(description="Id of the source.")
    items: list[SignalShown] = Field(description="The signals.")


@get(ROUTER, "/sources/{source}/layers", LayersShown, refuses=(404, 409))
def layers(request: Request, source: str) -> Response:
    """Show the layers of a source as the engine reads them, with the open questions."""

    def build(view: View) -> LayersShown:
        source_id, docs = _folded(view, source)
        return LayersShown(source_id=source_id, items=[_layer(one) for one in docs])

    return recorded(request, build)


@get(ROUTER, "/sources/{source}/consents", ConsentsShown, refuses=(404, 409))
def consents(request: Request, source: str) -> Response:
    """Show what persons consented to in a source."""

    def build(view: View) -> ConsentsShown:
        source_id, docs = _folded(view, source)
        found = [
            ConsentShown(layer=one["layer"], layer_id=one.get("layer_id"), covers=_covers(one),
                         consent=basis)
            for one in docs for basis in one["basis"] if basis.get("type") == "consent"
        ]  # fmt: skip
        return ConsentsShown(source_id=source_id, items=found)

    return recorded(request, build)


@get(ROUTER, "/sources/{source}/signals", SignalsShown, refuses=(404, 409))
def signals(request: Request, source: str) -> Response:
    """Show what holders stated to machines about a source, as far as it stands."""

    def build(view: View) -> SignalsShown:
        source_id = registered.source(view.session, source).source_id
        rows = signal_rows(view.session, source_id)
        found = [
            SignalShown.model_validate({name: one[name] for name in SignalShown.model_fields})
            for one in rows
        ]
        return SignalsShown(source_id=source_id, items=found)

    return recorded(request, build)


def _folded(view: View, wanted: str) -> tuple[str, list[dict[str, Any]]]:
    source_id = registered.source(view.session, wanted).source_id
    docs = rights.asked_of(view.session, source_id, known=None)
    return source_id, personal.aloud(view.session, docs)


def _layer(doc: Mapping[str, Any]) -> LayerShown:
    return LayerShown(
        layer=doc["layer"], layer_id=doc.get("layer_id"), covers=_covers(doc),
        grounds=doc["basis"], signals=doc.get("signals"),
        state={name: said for name, said in doc.items() if name not in _FOLDED},
    )  # fmt: skip


def _covers(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {name: doc[name] for name in _PLACES if name in doc}
