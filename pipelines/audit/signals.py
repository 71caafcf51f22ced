"""What the signals of a source state, what each means for training, and where it was found.

In: a source. Out: one row a statement that stands, for the command line and for the console.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog.rights import ends_of, facts_of
from licensing.facts import read_layers
from licensing.signals import read_signals
from pipelines.scan import credentials

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ACTION = "train_generative"
_ELSEWHERE = ("layer_id", "where", "about", "valid", "same_holder")


def signal_rows(session: Session, source_id: str) -> list[dict[str, Any]]:
    """One row a statement that stands, with every path at which it was found, and its state.

    The state is that of ACTION alone; `allowed` never grants, it only reserves nothing.
    """
    facts = [one for one in facts_of(session, source_id) if one.kind == "signal"]
    ended = {one.fact_id for one in ends_of(session, (one.fact_id for one in facts))}
    rows: dict[str, dict[str, Any]] = {}
    for one in facts:
        if one.fact_id not in ended:
            row, path = _row(one.doc)
            first = {**row, "paths": [], "fact": one.fact_id}
            rows.setdefault(str(row), first)["paths"] += [path] if path else []
    return list(rows.values())


def _row(doc: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    signal = {key: value for key, value in doc.items() if key not in {"layer_id", "where", "about"}}
    scheme = next(key for key in signal if key not in _ELSEWHERE)
    (layer,) = read_layers([{"layer": "copyright", "basis": [], "signals": [signal]}])
    found = read_signals(layer.signals or (), ACTION, "conservative")
    where = doc.get("where") or {}
    row = {
        "signal": scheme,
        "value": signal[scheme],
        "state": found[0].state if found else "unset",
        "action": ACTION,
        "place": where.get("place", "attached"),
    }
    flags = {key: signal[key] for key in ("valid", "same_holder") if key in signal}
    return row | flags | _way_out(signal), str(where.get("path", ""))


def _way_out(signal: Mapping[str, Any]) -> dict[str, str]:
    manifest = str(signal.get("unread", "")).startswith("C2PA manifest not readable")
    return {"way_out": credentials.WAY_OUT} if manifest and not credentials.installed() else {}
