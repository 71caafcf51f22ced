"""TDMRep's site file, `/.well-known/tdmrep.json`: which rule speaks of a path, and what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

_UNREADABLE: Final = "unreadable"
_STARS: Final = re.compile(r"\*\*+")
MOST_MATCHES: Final = 100_000_000  # of rules with paths: a minute or two


def tdmrep_file(raw: bytes, path: str) -> dict[str, object] | None:
    """The first rule of the file `raw` that matches `path`, relative to the site root, as a signal.

    None when no rule matches. A file or rule that breaks the protocol gives a value that is neither
    0 nor 1, so that it is read as malformed and never as silence.
    """
    return _said(_rules(raw), path)


def tdmrep_site(raw: bytes, paths: Sequence[str]) -> dict[str, object] | None:
    """The strictest of what the file says about each of `paths`; unread where that is too much."""
    rules = _rules(raw)
    if rules is not None and len(rules) * len(paths) > MOST_MATCHES:
        return {"unread": "TDMRep file with too many rules"}
    said = [one for one in (_said(rules, path) for path in paths) if one is not None]
    return max(said, key=_strictness, default=None)


def matches(location: str, path: str) -> bool:
    """`*` stands for any text, a last `$` for the end; otherwise the location is a prefix."""
    if len(location) - location.count("*") > len(path) + 1:
        return False
    location = _STARS.sub("*", location)
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


def _rules(raw: bytes) -> list[Mapping[str, Any]] | None:
    """The rules of the file; None when it breaks the protocol."""
    try:
        rules = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        return None
    return rules


def _said(rules: list[Mapping[str, Any]] | None, path: str) -> dict[str, object] | None:
    for rule in rules if rules is not None else ({},):
        location = rule.get("location")
        if not isinstance(location, str):
            return {"tdmrep_file": _UNREADABLE}
        if matches(location, "/" + path.lstrip("/")):
            return {"tdmrep_file": rule.get("tdm-reservation", _UNREADABLE)}
    return None


def _strictness(signal: Mapping[str, object]) -> int:
    """What is neither 0 nor 1 is malformed and leaves the matter open."""
    value = signal["tdmrep_file"]
    return {"1": 2, "0": 0}.get(str(value) if type(value) in {int, str} else "", 1)
