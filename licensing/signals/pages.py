"""HTML pages: TDMRep and robot directives in `<meta>`, RSL in it or linked, and its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from licensing.signals.headers import RSL_TYPE, bars_ai, names_rsl
from licensing.signals.language import natural_language, plain_text
from licensing.signals.rsl import rsl_signals

# Patterns that take linear time on any text; the parser of the standard library does not.
_META: Final = re.compile(r"<meta(?=[\s/])", re.IGNORECASE)
_LINK: Final = re.compile(r"<(?:link|a)(?=[\s/])", re.IGNORECASE)
_TAG: Final = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*+""")
_ATTRIBUTE: Final = re.compile(r"""(?<![\w:-])([\w:-]++)\s*+=\s*+("[^"]*"|'[^']*'|[^\s>"']+)""")
_LONGEST_TAG: Final = 4_000
_BLOCK: Final = re.compile(r"<(?=/?(?:p|div|li|h\d|br|td|tr|section|article)\b)", re.IGNORECASE)
_UNSEEN: Final = re.compile(r"<(script|style)\b", re.IGNORECASE)
_MARK: Final = re.compile(r"<[^<>]{0,4000}>")
_RSL: Final = re.compile(r"<(?:rsl:)?rsl(?=[\s>])", re.IGNORECASE)


def page_signals(raw: bytes) -> tuple[dict[str, Any], ...]:
    """The signals of an HTML page: its `<meta>` elements, RSL inside it, and what its words say."""
    shown = _without_comments(plain_text(raw))
    found: list[dict[str, Any]] = []
    for stated in _elements(_META, shown):
        name, content = stated.get("name", "").casefold(), stated.get("content", "")
        if name == "tdm-reservation":
            found.append({"tdmrep_html": content})
        elif name == "robots" and bars_ai(content):
            found.append({"natural_language": "reserved"})
    found += [signal for one in _embedded(shown) for signal in rsl_signals(one.encode())]
    if RSL_TYPE in shown.casefold() and not _RSL.search(shown) and not page_licences(raw):
        found.append({"unread": "RSL"})
    words = natural_language(_words(shown))
    return (*found, *(one for one in words if one not in found))


def page_licences(raw: bytes) -> tuple[str, ...]:
    """The addresses of RSL documents that the page names as its licence, in order."""
    listed = [
        (stated.get("href", ""), stated.get("rel", ""), stated.get("type", ""))
        for stated in _elements(_LINK, _without_comments(plain_text(raw)))
    ]
    return tuple(dict.fromkeys(one[0] for one in listed if one[0] and names_rsl(*one)))


def _without_comments(text: str) -> str:
    pieces = text.split("<!--")
    return "".join([pieces[0], *(one.partition("-->")[2] for one in pieces[1:])])


def _elements(start: re.Pattern[str], text: str) -> Iterator[dict[str, str]]:
    for piece in start.split(text)[1:]:
        yield _attributes(piece[:_LONGEST_TAG])


def _attributes(text: str) -> dict[str, str]:
    """The attributes of one tag, up to its end; of repeated ones the first counts."""
    listed = _ATTRIBUTE.findall(text[: _TAG.match(text).end()])  # type: ignore[union-attr]
    return {key.casefold(): unescape(value).strip("\"' \t\r\n") for key, value in reversed(listed)}


def _embedded(text: str) -> Iterator[str]:
    """Each RSL document that stands in the page."""
    for piece in _RSL.split(text)[1:]:
        inside, end, _ = piece.partition("</rsl>")
        yield f"<rsl{inside}{end}"


def _words(text: str) -> str:
    """What a reader of the page sees, block by block."""
    pieces = _UNSEEN.split(text)
    seen = [pieces[0]]
    for kind, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        seen.append(re.split(f"</{kind}", piece, maxsplit=1, flags=re.IGNORECASE)[-1])
    return unescape(_MARK.sub(" ", _BLOCK.sub("\n\n<", "<".join(seen))))
