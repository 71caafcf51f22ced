"""Statements as facts of the catalog: signals, and the bytes that they were read from as evidence.

What a declarer wrote is not trusted to be short, printable or of the form of its scheme: a value
that the rules could not read would block every later decision, and becomes an unread signal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from licensing.errors import BadCase
from licensing.facts import read_layers
from licensing.facts.layers import TDMREP_PLACES
from pipelines.scan.statement import Signal, Statement

Doc = Mapping[str, Any]
ALL_LAYERS = "*"
CAPTURED: Doc = {"layer_id": ALL_LAYERS, "by": "scan"}
_MOST_SIGNALS = 100  # of one statement
_LONGEST_VALUE = 2_000  # characters of one signal


def signal_docs(statements: Iterable[Statement]) -> list[Doc]:
    """The signals as documents of facts: on every layer of what they are about, each once."""
    return _once(
        {"layer_id": ALL_LAYERS, **about, "where": _where(one), **signal}
        for one in statements
        for signal in _bounded(one)
        for about in ([{"about": path} for path in one.about] or [{}])
    )


def evidence_docs(statements: Iterable[Statement]) -> list[Doc]:
    """The kept bytes that statements were read from as documents of facts, each once."""
    return _once(
        {
            "grade": "E0",
            "file": one.path,
            "sha256": one.sha256,
            "bytes": one.size_bytes,
            "found": f"{one.place}, captured by scan",
        }
        for one in statements
        if one.sha256
    )


def _where(one: Statement) -> Doc:
    digest = {"sha256": one.sha256} if one.sha256 else {}
    return {"path": one.path, "place": one.place, **digest}


def _bounded(one: Statement) -> Iterator[Signal]:
    for signal in one.signals[:_MOST_SIGNALS]:
        if not _lifts(signal):
            yield (
                signal
                if _readable(signal)
                else {"unread": f"{one.place}, a value of no known form"}
            )
    if len(one.signals) > _MOST_SIGNALS:
        yield {"unread": f"{one.place}, more than {_MOST_SIGNALS} statements"}


def _lifts(signal: Signal) -> bool:
    """Would this lift what a less specific place reserves, and that for other files too?"""
    return any(str(signal.get(place)) == "0" for place in TDMREP_PLACES[1:])


def _readable(signal: Signal) -> bool:
    try:
        read_layers([{"layer": "copyright", "basis": [], "signals": [dict(signal)]}])
        text = json.dumps(signal, ensure_ascii=False)
    except (BadCase, ValueError, RecursionError):
        return False
    return len(text) <= _LONGEST_VALUE and text.isprintable() and "\\u00" not in text


def _once(docs: Iterable[Doc]) -> list[Doc]:
    return list({json.dumps(one, sort_keys=True): one for one in docs}.values())
