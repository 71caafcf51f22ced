"""RSL 1.0 documents: which licences a site offers for a path, as bases and as signals of a layer.

Mapping is total: a limit that a basis has no field for makes the whole offer `unknown`. As a basis
an offer may be taken; as a signal, of a document that merely lay among files, it grants nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from licensing.signals.markup import parse_xml
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
_COVERED: Final[Mapping[str, frozenset[str]]] = {  # by which words each use is spoken of
    "all": frozenset({"all"}),
    "ai-train": frozenset({"all", "ai-all", "ai-train"}),
    "ai-input": frozenset({"all", "ai-all", "ai-input"}),
    "ai-index": frozenset({"all", "ai-all", "ai-index"}),
    "search": frozenset({"all", "search"}),
}
_FREEST: Final = ("allowed", "conditional", "reserved")


def rsl_bases(raw: bytes, path: str) -> tuple[dict[str, Any], ...]:
    """The offers of the document `raw` for `path`; nothing said gives no basis."""
    root = parse_xml(raw)
    if root is None or root.tag != f"{_SPACE}rsl":
        return (_UNREAD,)
    asked = "/" + path.lstrip("/")
    named = [one for one in root.findall(f"{_SPACE}content") if matches(_place(one), asked)]
    return _offers(max(named, key=lambda one: len(_place(one)))) if named else ()


def rsl_signals(raw: bytes) -> tuple[dict[str, Any], ...]:
    """What a document found among files says: one signal for each `<content>`, feeds included.

    Addresses of a site are not paths among files, so that every `<content>` counts here. Of several
    licences for one content the freest may be chosen.
    """
    root = parse_xml(raw)
    contents = [] if root is None else [*root.iter(f"{_SPACE}content")]
    if not contents:
        return ({"unread": "RSL"},)
    said = [_states(_offers(one)) for one in contents]
    return tuple({"rsl": states} for states in {str(one): one for one in said}.values())


def _place(content: Any) -> str:  # noqa: ANN401  an Element has no stub
    """The path that a content is about; an absolute address names its host too."""
    url = str(content.get("url", "/"))
    scheme, _, rest = url.partition("://")
    return url if not rest or "/" in scheme else "/" + rest.partition("/")[2]


def _states(offers: tuple[dict[str, Any], ...]) -> dict[str, str]:
    return {
        use: min((_state(offer, words) for offer in offers), key=_FREEST.index)
        for use, words in _COVERED.items()
    }


def _state(offer: Mapping[str, Any], words: frozenset[str]) -> str:
    if offer["type"] == "unknown":
        return "conditional"
    permitted, prohibited = set(offer["permits"]), set(offer["prohibits"])
    if words & prohibited or not words & permitted:
        return "reserved"
    limited = (permitted | prohibited) & _TOKENS["user"] or offer["payment"] not in _FREE
    return "conditional" if limited else "allowed"


def _offers(content: Any) -> tuple[dict[str, Any], ...]:  # noqa: ANN401  an Element has no stub
    licences = content.findall(f"{_SPACE}license")
    if content.get("server") or not licences:
        return (_UNREAD,)
    return tuple(_offer(one) for one in licences)


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
