"""Reads the rulebook's TOML files and refuses a rule without effect or citation."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any, Final

from licensing.errors import RulebookError
from licensing.facts import Basis, Layer
from licensing.facts.vocabulary import ACTIONS, LAYER_KINDS, OPS, PERSON_LAYERS, PROFILES
from licensing.logic import facts_of
from licensing.request import Request
from licensing.rulebook.model import Clause, Licence, Rulebook, plain_name

_FILES: Final = ("clauses", "creative_commons", "data", "software", "statutory", "terms")
_KNOWN_FACTS: Final = frozenset(
    {f"request.{one.name}" for one in fields(Request)}
    | {f"layer.{one.name}" for one in fields(Layer)}
    | {f"basis.{one.name}" for one in fields(Basis)}
    | {"request.out_nc", "licence.compatible_out", "licence.rung"}
)
_CLAUSE_KEYS: Final = frozenset(
    {
        *(
            "key",
            "effect",
            "actions",
            "ops",
            "layers",
            "if",
            "when",
            "fails",
            "unknown",
            "duty",
        ),
        *("binds", "profiles", "note"),
    }
)
_LICENCE_KEYS: Final = frozenset(
    {
        *("id", "series", "versions", "ports", "aliases", "urls", "layers", "clauses", "cites"),
        *("compatible", "compatible_out", "irrevocable", "cure_days", "nc", "rung", "statutory"),
        *("reservable", "special"),
    }
)
_USUAL_LAYERS: Final = tuple(kind for kind in LAYER_KINDS if kind not in PERSON_LAYERS)


@cache
def load_rulebook() -> Rulebook:
    """The rulebook of this package; read once."""
    folder = resources.files("licensing.rulebook")
    return read_rulebook({name: folder.joinpath(f"{name}.toml").read_bytes() for name in _FILES})


def read_rulebook(files: Mapping[str, bytes]) -> Rulebook:
    """The rulebook that `files` (name -> TOML) make; raises RulebookError when they contradict."""
    docs = {name: tomllib.loads(raw.decode()) for name, raw in sorted(files.items())}
    for name, doc in docs.items():
        if doc.get("schema") != 1:
            raise RulebookError(f"rulebook file {name}: schema {doc.get('schema')!r}, expected 1")
    forms = {form["key"]: _form(form) for doc in docs.values() for form in doc.get("clause", ())}
    entries = [
        (doc.get("family", name), entry)
        for name, doc in docs.items()
        for stated in doc.get("licence", ())
        for entry in _versions(stated)
    ]
    found = [_licence(family, entry, forms=forms, entries=entries) for family, entry in entries]
    digest = hashlib.sha256()
    for name in docs:
        digest.update(f"{name}:{len(files[name])}\n".encode() + files[name])
    return Rulebook(
        digest=digest.hexdigest(),
        licences=_once((one.id, one) for one in found),
        names=_once((plain_name(name), one.id) for one in found for name in (one.id, *one.aliases)),
        urls=_once((url, one.id) for one in found for url in one.urls),
    )


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if found.setdefault(key, value) != value:
            raise RulebookError(f"rulebook: {key!r} stands for two licences")
    return found


def _versions(stated: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One entry for every version; `{v}` in a text is the version."""
    unknown = {*stated} - _LICENCE_KEYS
    if unknown:
        raise RulebookError(f"licence {stated.get('id')!r}: unknown keys {sorted(unknown)}")
    for version in stated.get("versions", ("",)):
        yield {key: _filled(value, version) for key, value in stated.items()} | {"v": version}


def _filled(value: object, version: str) -> object:
    if isinstance(value, str):
        return value.replace("{v}", version)
    return [_filled(one, version) for one in value] if isinstance(value, list) else value


def _licence(
    family: str,
    entry: Mapping[str, Any],
    *,
    forms: Mapping[str, dict[str, Any]],
    entries: list[tuple[str, dict[str, Any]]],
) -> Licence:
    own = entry["id"]
    missing = {*entry["clauses"]} - {*forms}
    if missing:
        raise RulebookError(f"licence {own}: no such clause: {sorted(missing)}")
    clauses = tuple(Clause(**forms[key], cite=cite) for key, cite in entry["clauses"].items())
    cites = tuple(entry.get("cites", ())) or tuple(one.cite for one in clauses)
    if not cites or not all(cites):
        raise RulebookError(f"licence {own}: a clause without citation")
    return Licence(
        id=own,
        family=family,
        aliases=tuple(entry.get("aliases", ())),
        urls=tuple(entry.get("urls", ())),
        layers=tuple(entry.get("layers", _USUAL_LAYERS)),
        clauses=clauses,
        cites=cites,
        compatible_out=_compatible(entry, [one for _, one in entries]),
        irrevocable=entry.get("irrevocable", False),
        cure_days=entry.get("cure_days", 0),
        nc=entry.get("nc", False),
        ports=entry.get("ports", False),
        rung=entry.get("rung", ""),
        statutory=entry.get("statutory", False),
        reservable=entry.get("reservable", False),
        special=entry.get("special", ""),
    )


def _compatible(entry: Mapping[str, Any], entries: list[dict[str, Any]]) -> frozenset[str]:
    """The licences under which a result may go out."""
    stated = frozenset(entry.get("compatible_out", ()))
    if entry.get("compatible") == "itself":
        return stated | {entry["id"]}
    if entry.get("compatible") != "later":
        return stated
    same = [one for one in entries if one.get("series") == entry["series"]]
    return stated | {one["id"] for one in same if one["v"] >= entry["v"]}


def _form(stated: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a clause but its citation, checked."""
    key = stated["key"]
    unknown = {*stated} - _CLAUSE_KEYS
    when = stated.get("when", {"any": []})
    guard = stated.get("if")
    names = {*facts_of(when), *(facts_of(guard) if guard else ())} - _KNOWN_FACTS
    closed = (("actions", ACTIONS), ("ops", OPS), ("layers", LAYER_KINDS), ("profiles", PROFILES))
    stray = {word for field, known in closed for word in stated.get(field, ())} - {
        word for _, known in closed for word in known
    }
    if unknown or names or stray:
        raise RulebookError(f"clause {key}: nobody knows {sorted(unknown | names | stray)}")
    needed = {"condition": "fails", "doubt": "unknown", "duty": "duty"}.get(stated["effect"], "")
    if not stated.get(needed) or not stated.get("note"):
        raise RulebookError(f"clause {key}: effect {stated['effect']!r} says nothing")
    return {
        "key": key,
        "effect": stated["effect"],
        "note": stated["note"],
        "actions": tuple(stated.get("actions", ("use",))),
        "ops": tuple(stated.get("ops", ())),
        "layers": tuple(stated.get("layers", ())),
        "guard": guard,
        "when": when,
        "fails": stated.get("fails", ""),
        "unknown": stated.get("unknown", ""),
        "duty": stated.get("duty", ""),
        "binds": stated.get("binds", False),
        "profiles": stated.get("profiles", {}),
    }
