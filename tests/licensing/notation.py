"""The short notation of the golden table: layers and requests as counsel can read them.

    copyright part=media signal.tdmrep=1: public_licence id=MIT; contract & voice: none
    train_generative commercial=yes territory=EU+US

`yes no ?` are true, false and null; `a+b` a list, `a..b` an interval, `never` the empty one.
"""

from __future__ import annotations

import shlex
from typing import Any

_LISTS = frozenset(
    [
        "actions",
        "territory",
        "release",
        "model_kind",
        "purpose",
        "streams",
        "survival",
        "scope",
        "permits",
        "prohibits",
    ]
)
_WORDS: dict[str, Any] = {"yes": True, "no": False, "?": None, "never": []}


def layers_of(text: str) -> list[dict[str, Any]]:
    """The layer documents that `text` states."""
    return [_layer(one) for one in text.split(" & ")]


def request_of(text: str) -> dict[str, Any]:
    """The request document that `text` states."""
    action, *pairs = shlex.split(text)
    listed = frozenset({"territory", "streams"})
    return {"action": action} | {key: _value(key, raw, listed) for key, raw in _pairs(pairs)}


def _layer(text: str) -> dict[str, Any]:
    head, _, tail = text.partition(": ")
    kind, *pairs = shlex.split(head.rstrip(":"))
    doc: dict[str, Any] = {"layer": kind}
    signal: dict[str, Any] = {}
    for key, raw in _pairs(pairs):
        if key.startswith("signal."):
            _say(signal, key.split(".")[1:], raw)
        elif key == "signals":
            doc["signals"] = []
        elif key == "breach":
            found, _, cured = raw.partition("..")
            doc["breach"] = {"found": found, "cured": cured or None}
        else:
            doc[key] = _value(key, raw, frozenset())
    if signal:
        doc["signals"] = [signal]
    doc["basis"] = [_basis(one) for one in tail.split(";") if one.strip()]
    return doc


def _basis(text: str) -> dict[str, Any]:
    kind, *pairs = shlex.split(text)
    return {"type": kind} | {key: _value(key, raw, _LISTS) for key, raw in _pairs(pairs)}


def _pairs(words: list[str]) -> list[tuple[str, str]]:
    return [(key, raw) for key, _, raw in (word.partition("=") for word in words)]


def _value(key: str, raw: str, lists: frozenset[str]) -> Any:
    if raw in _WORDS:
        return _WORDS[raw]
    if key in lists:
        return [] if raw == "-" else raw.split("+")
    return raw.split("..") if ".." in raw else raw


def _say(signal: dict[str, Any], path: list[str], raw: str) -> None:
    if len(path) == 2:
        signal.setdefault(path[0], {})[path[1]] = raw
    elif path[0].startswith("tdmrep"):
        signal[path[0]] = int(raw) if raw.isdigit() else raw
    else:
        signal[path[0]] = _value(path[0], raw, frozenset())
