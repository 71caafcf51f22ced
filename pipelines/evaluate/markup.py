"""HTML that any value survives: text is escaped here and nowhere else.

In: plain strings. Out: strings of markup. What a function takes as `str` is text, what it takes as
`Markup` was made by one of these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final, NewType

Markup = NewType("Markup", str)
_NONE: Final = "-"


def text(words: object) -> Markup:
    """Words as text of an element or an attribute; control characters are in no document."""
    plain = "".join(one if one.isprintable() else " " for one in str(words))
    return Markup(escape(plain, quote=True))


def element(name: str, /, *inside: Markup, **attributes: str | float) -> Markup:
    """One element; `class_` is `class`, `_` in names is `-`."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{given}>{''.join(inside)}</{name}>")


def empty(name: str, /, **attributes: str | float) -> Markup:
    """An element that holds nothing, closed in itself."""
    whole = element(name, **attributes)
    return Markup(whole.removesuffix(f"></{name}>") + "/>")


def paragraph(words: str, /, **attributes: str) -> Markup:
    """A paragraph of text."""
    return element("p", text(words), **attributes)


def joined(parts: Iterable[Markup]) -> Markup:
    """Parts one after the other."""
    return Markup("\n".join(parts))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table with a caption; the first cell of each row is its head. Numbers stand to the right.

    A wide table scrolls for itself, and takes the focus so that keys can do it.
    """
    top = element("tr", *(element("th", text(one), scope="col") for one in heads))
    body = [
        element(
            "tr",
            element("th", text(first), scope="row"),
            *(element("td", text(one or _NONE)) for one in rest),
        )
        for first, *rest in rows
    ]
    whole = element(
        "table",
        element("caption", text(caption)),
        element("thead", top),
        element("tbody", *body),
    )
    return element("div", whole, class_="wide", tabindex="0", role="region", aria_label=caption)


def facts(caption: str, pairs: Mapping[str, str]) -> Markup:
    """A table of two columns without heads of columns: what, and its value."""
    rows = [
        element("tr", element("th", text(name), scope="row"), element("td", text(value)))
        for name, value in pairs.items()
    ]
    whole = element(
        "table", element("caption", text(caption)), element("tbody", *rows), class_="facts"
    )
    return element("div", whole, class_="wide", tabindex="0", role="region", aria_label=caption)
