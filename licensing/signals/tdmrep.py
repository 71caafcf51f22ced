"""TDMRep's site file, `/.well-known/tdmrep.json`: which rule speaks of a path, and what it says."""

from __future__ import annotations

import json
from typing import Final

_UNREADABLE: Final = "unreadable"


def tdmrep_file(raw: bytes, path: str) -> dict[str, object] | None:
    """The first rule of the file `raw` that matches `path`, relative to the site root, as a signal.

    None when no rule matches. A file or rule that breaks the protocol gives a value that is neither
    0 nor 1, so that it is read as malformed and never as silence.
    """
    try:
        rules = json.loads(raw)
    except (ValueError, RecursionError):
        return {"tdmrep_file": _UNREADABLE}
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        return {"tdmrep_file": _UNREADABLE}
    for rule in rules:
        location = rule.get("location")
        if not isinstance(location, str):
            return {"tdmrep_file": _UNREADABLE}
        if matches(location, "/" + path.lstrip("/")):
            return {"tdmrep_file": rule.get("tdm-reservation", _UNREADABLE)}
    return None


def matches(location: str, path: str) -> bool:
    """`*` stands for any text, a last `$` for the end; otherwise the location is a prefix."""
    anchored = location.endswith("$")
    first, *rest = location.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    if anchored and not rest:
        return path == first
    last = rest.pop() if anchored else ""
    at = len(first)
    for part in rest:
        at = path.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return path[at:].endswith(last)
