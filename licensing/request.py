"""What somebody wants to do: the request, its document, its digest, and what lies inside it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

from licensing.facts import doc_digest, reading, vocabulary
from licensing.facts.reading import Read

_READERS: Final[dict[str, Read]] = {
    "action": reading.one_of(vocabulary.ACTIONS),
    "commercial": reading.boolean,
    "release": reading.one_of(vocabulary.RELEASES),
    "out_licence": reading.text,
    "op": reading.one_of(vocabulary.OPS),
    "purpose": reading.one_of(vocabulary.PURPOSES),
    "model_kind": reading.one_of(vocabulary.MODEL_KINDS),
    "has_llm_component": reading.boolean,
    "territory": reading.places,
    "at": reading.day,
    "known": reading.day,
    "trained_at": reading.day,
    "research_org": reading.boolean,
    "we_have_sgdr": reading.boolean,
    "streams": reading.some_of(vocabulary.STREAMS),
    "profile": reading.one_of(vocabulary.PROFILES),
}
_COMPARED_AS_IS: Final = (
    "purpose",
    "model_kind",
    "has_llm_component",
    "research_org",
    "we_have_sgdr",
    "out_licence",
    "op",
)
_REACH: Final = {"none": 0, "internal": 1, "api": 2, "weights": 3, "dataset": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One use, in one place, on one day; `None` is unknown, for `streams` it is all of them."""

    action: str
    commercial: bool | None
    release: str | None = None
    out_licence: str | None = None
    op: str
    purpose: str | None = None
    model_kind: str | None = None
    has_llm_component: bool | None = None
    territory: tuple[str, ...] | None = None
    at: date | None = None
    known: date | None = None
    trained_at: date | None = None
    research_org: bool | None = None
    we_have_sgdr: bool | None = None
    streams: tuple[str, ...] | None = None
    profile: str = "conservative"


_NAMES: Final = tuple(one.name for one in fields(Request))


def read_request(doc: object) -> Request:
    """The request that `doc` states; raises BadCase naming the field that cannot be read."""
    stated = reading.mapping(doc, "request")
    values = reading.fields(stated, _READERS)
    if "action" not in values:
        raise reading.refuse("action", "required, and not stated")
    if "commercial" not in stated:
        raise reading.refuse("commercial", "required: true, false, or null for unknown")
    for key in ("territory", "streams"):
        if values.get(key) == ():
            raise reading.refuse(key, "an empty list asks for nothing; leave the field out")
    action = values["action"]
    return Request(**{"commercial": None, "op": _usual_op(action), **values})


def request_doc(request: Request) -> dict[str, Any]:
    """The JSON form of `request`: what is known, with the defaults written out."""
    stated = ((name, getattr(request, name)) for name in _NAMES)
    return {
        name: reading.plain(value)
        for name, value in stated
        if value is not None or name == "commercial"
    }


def undated(request: Request) -> Request:
    """The request as it is asked again each day: its digest names the use, not the day."""
    return replace(request, at=None, known=None)


def request_digest(request: Request) -> str:
    """64 hex digits over the canonical JSON of `request`."""
    return doc_digest(request_doc(request))


def not_covered(outer: Request, inner: Request) -> tuple[str, ...]:
    """The dimensions in which `inner` goes beyond `outer`; empty when it lies inside.

    A dimension that `outer` leaves open was cleared for every value. Days and profile are left out:
    they say when and how it was decided, not what is done.
    """
    found = []
    if inner.action != outer.action:  # a grant on a parent leaves its children unknown
        found.append("action")
    if outer.commercial is False and inner.commercial is not False:
        found.append("commercial")
    if outer.release is not None and (
        inner.release is None or _REACH[inner.release] > _REACH[outer.release]
    ):
        found.append("release")
    found += [
        name for name in _COMPARED_AS_IS if getattr(outer, name) not in {None, getattr(inner, name)}
    ]
    if outer.territory is not None and not _places_inside(inner.territory, outer.territory):
        found.append("territory")
    if outer.streams is not None and not _streams_inside(inner.streams, outer.streams):
        found.append("streams")
    return tuple(sorted(found))


def _usual_op(action: str) -> str:
    if "train" in vocabulary.ancestors(action):
        return "train"
    return "adaptation" if action == "use" or "share" in vocabulary.ancestors(action) else "copy"


def _places_inside(inner: tuple[str, ...] | None, outer: tuple[str, ...]) -> bool:
    return all(vocabulary.place_inside(one, outer) for one in inner or ("WORLD",))


def _streams_inside(inner: tuple[str, ...] | None, outer: tuple[str, ...]) -> bool:
    return set(inner or vocabulary.STREAMS) <= set(outer)
