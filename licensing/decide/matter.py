"""One layer under one request: what every rule may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from licensing.checklist import is_question
from licensing.expression import normalise
from licensing.facts import Basis, Layer
from licensing.facts.vocabulary import PERSON_LAYERS
from licensing.logic import Look, Outcome, Truth, unique
from licensing.request import Request
from licensing.rulebook import Licence, Rulebook
from licensing.signals import Found

_REQUEST_FIELDS: Final = tuple(one.name for one in fields(Request))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One layer under one request, with the signals that speak of the action."""

    request: Request
    asked: Mapping[str, Any]
    layer: Layer
    signals: tuple[Found, ...]
    rulebook: Rulebook

    def look(self, basis: Basis, licence: Licence) -> Look:
        """Facts by name, as the conditions of the rulebook call them."""
        stated = self.rulebook.facts(licence)

        def at(name: str) -> object:
            table, _, key = name.partition(".")
            if table == "request":
                return self.asked[key]
            if table == "licence":
                return stated[key]
            found: object = getattr(self.layer if table == "layer" else basis, key)
            return found

        return at


def asked_of(request: Request, rulebook: Rulebook) -> dict[str, Any]:
    """The facts of `request` by name, its output licence looked up once."""
    asked = {name: getattr(request, name) for name in _REQUEST_FIELDS}
    asked["out_nc"] = None
    if request.out_licence is not None:
        licence = find_licence(request.out_licence, rulebook)
        asked["out_licence"] = licence.id if licence else request.out_licence
        known = licence is not None or request.out_licence == "proprietary"
        asked["out_nc"] = bool(licence and licence.nc) if known else None
    return asked


def find_licence(name: str, rulebook: Rulebook) -> Licence | None:
    """The licence with this id or alias, or with the name that `name` is a spelling of."""
    found = rulebook.find(name)
    if found is None:
        plain = normalise(name).licence
        found = rulebook.find(plain) if plain else None
    return found


def nothing_known(matter: Matter) -> Outcome:
    """What the basis `unknown` says: a signal names the reason.

    Only by the letter does it decide: a whole, signed permission that the holder made.
    """
    by_letter = matter.request.profile == "legalistic"
    for one in matter.signals[:1]:
        whole = one.state == "allowed" and one.valid and one.same_holder
        if by_letter and whole and matter.layer.layer not in PERSON_LAYERS:
            return Outcome(grant=Truth.T, codes=("GRANT",))
    codes = [one.code for one in matter.signals[:1]] or [unknown_code(matter.layer)]
    return Outcome(grant=Truth.U, codes=tuple(codes))


def against_signals(outcome: Outcome, matter: Matter) -> Outcome:
    """A reservation beside a public licence is for a person to settle; a stranger's is not."""
    ours = [one for one in matter.signals if one.same_holder is not False]
    states = {one.state for one in ours}
    if outcome.grant is not Truth.T or not states & {"reserved", "malformed"}:
        return outcome
    codes = ["CONFLICT"] if "reserved" in states else []
    codes += [one.code for one in ours if one.state in {"reserved", "malformed"}]
    return replace(outcome, grant=Truth.U, codes=unique(codes))


def unknown_code(layer: Layer) -> str:
    """The reason code of a layer about which nothing is known."""
    if is_question(layer):
        return f"UNANSWERED:{layer.part}"
    if layer.layer != "copyright":
        return f"{layer.layer.upper()}_UNKNOWN"
    return "MEDIA_LAYER_UNKNOWN" if layer.part == "media" else "NO_LICENCE_EVIDENCE"
