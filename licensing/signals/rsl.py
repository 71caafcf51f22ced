"""RSL 1.0 documents: which licences a site offers for a path, as bases of a layer.

Mapping is total: a limit that a basis has no field for makes the whole offer `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from licensing.signals.tdmrep import matches

_SPACE: Final = "{https://rslstandard.org/rsl}"
_FREE: Final = frozenset({"none", "free", "attribution"})
_TOKENS: Final[Mapping[str, frozenset[str]]] = {
    "usage": frozenset({"all", "ai-all", "ai-train", "ai-input", "ai-index", "search"}),
    "user": frozenset({"commercial", "non-commercial", "education", "government", "personal"}),
}
_PAYMENTS: Final = _FREE | {
    *("purchase", "subscription", "training", "crawl", "use", "contribution", "inference")
}
_UNREAD: Final[dict[str, Any]] = {"type": "unknown"}


def rsl_bases(raw: bytes, path: str) -> tuple[dict[str, Any], ...]:
    """The offers of the document `raw` for `path`; nothing said gives no basis."""
    try:
        root = fromstring(raw)
    except (ParseError, DefusedXmlException, ValueError, RecursionError, LookupError):
        return (_UNREAD,)
    if root.tag != f"{_SPACE}rsl":
        return (_UNREAD,)
    asked = "/" + path.lstrip("/")
    named = [one for one in root.findall(f"{_SPACE}content") if matches(one.get("url", "/"), asked)]
    if not named:
        return ()
    content = max(named, key=lambda one: len(one.get("url", "/")))
    offers = content.findall(f"{_SPACE}license")
    if content.get("server") or not offers:
        return (_UNREAD,)
    return tuple(_offer(one) for one in offers)


def _offer(licence: Any) -> dict[str, Any]:  # noqa: ANN401  an Element has no stub
    basis: dict[str, Any] = {"type": "rsl", "permits": [], "prohibits": [], "payment": "free"}
    for one in licence:
        kind = one.tag.removeprefix(_SPACE)
        if kind in {"permits", "prohibits"}:
            words = {word.strip() for word in (one.text or "").replace(",", " ").split()}
            if not words or not words <= _TOKENS.get(one.get("type", ""), frozenset()):
                return _UNREAD
            basis[kind] = sorted({*basis[kind], *words})
        elif kind == "payment":
            stated = one.get("type", "")
            if stated not in _PAYMENTS:
                return _UNREAD
            basis["payment"] = stated if basis["payment"] in _FREE else basis["payment"]
        else:
            return _UNREAD
    if not set(basis["permits"]) & _TOKENS["usage"]:
        basis["permits"] = sorted({*basis["permits"], "all"})
    return basis
