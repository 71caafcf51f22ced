"""What `clearway rights show` prints about signals: what was stated, what it means, and where."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ACTION = "train_generative"
COLUMNS = ("signal", "value", "state", "place", "found", "way_out")
_ELSEWHERE = ("layer_id", "where", "about", "valid", "same_holder")


def signal_rows(session: "Session", source_id: str) -> list[dict[str, Any]]:
    """One row a statement that stands, with every path at which it was found, and its state.

    The state is that of ACTION alone; `allowed` never grants, it only reserves nothing.
    """
    from catalog.rights import ends_of, facts_of

    facts = [one for one in facts_of(session, source_id) if one.kind == "signal"]
    ended = {one.fact_id for one in ends_of(session, (one.fact_id for one in facts))}
    rows: dict[str, dict[str, Any]] = {}
    for one in facts:
        if one.fact_id not in ended:
            row, path = _row(one.doc)
            rows.setdefault(str(row), {**row, "paths": []})["paths"] += [path] if path else []
    return list(rows.values())


def shortened(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows as a table shows them: the first path, and how many more there are."""
    return [{**row, "found": _found(row["paths"])} for row in rows]


def _row(doc: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    from licensing.facts import read_layers
    from licensing.signals import read_signals

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
    from pipelines.scan.credentials import WAY_OUT, installed

    manifest = str(signal.get("unread", "")).startswith("C2PA manifest not readable")
    return {"way_out": WAY_OUT} if manifest and not installed() else {}


def _found(paths: list[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}" if paths else ""
