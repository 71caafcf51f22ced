"""A text as the words that licence names are made of: one spelling each, noise of layout gone.

What is read: ASCII letters, numbers, addresses. A sign or a foreign letter that could change the
meaning stays as a word of its own, which no name holds; so a look-alike never passes for a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_PIECE: Final = re.compile(
    r"(?P<address><?(?i:https?://|www\.)[^\s>]+>?"
    r"|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/[^\s>]*)"
    r"|(?P<letters>[A-Za-z]+)|(?P<number>[0-9]+(?:\.[0-9]+)*)|\.{2,}|>=|[.;](?=\s+\S)|\S"
)
_LAYOUT: Final = frozenset("-_/,;:()[]{}\"'`*#.|=")
STOP: Final = ";"
_SIGNS: Final = {"&": "and", "\u00a9": "copyright", "\u2026": "...", ".": STOP}
_ONE_KIND: Final = {
    **dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-"),
    **dict.fromkeys((0x2018, 0x2019, 0x201A, 0x201B, 0x2032), "'"),
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0x201F, 0x00AB, 0x00BB), '"'),
}
_SPELLINGS: Final = {
    **dict.fromkeys(("licence", "licences", "licenses", "lisence", "liscense"), "license"),
    **dict.fromkeys(("liscence", "lincense", "licens"), "license"),
    **dict.fromkeys(("licenced", "lisenced", "liscensed"), "licensed"),
    **dict.fromkeys(("acknowledgment", "acknowledgments", "acknowledgements"), "acknowledgement"),
    **dict.fromkeys(("noderivs", "noderiv", "noderivative", "noderivates"), "noderivatives"),
    **dict.fromkeys(("derivs", "deriv", "derivative", "derivates", "derivate"), "derivatives"),
    "creativecommons": "cc",
}
_GLUED: Final = {
    "gplv": ("gpl", "v"),
    "agplv": ("agpl", "v"),
    "lgplv": ("lgpl", "v"),
    "apachev": ("apache", "v"),
    "mplv": ("mpl", "v"),
    "eplv": ("epl", "v"),
}
_GLUED_CC: Final = re.compile(r"(cc)?(by)((?:nc|nd|sa)*)(v?)")
_PAIRS: Final = {
    ("creative", "commons"): "cc",
    ("non", "commercial"): "noncommercial",
    ("share", "alike"): "sharealike",
    ("no", "derivatives"): "noderivatives",
}
# Words that a slip of the pen still names, and words that only look like one.
_LONG_WORDS: Final = (
    *("attribution", "noncommercial", "sharealike", "noderivatives", "creative", "commons"),
    *("international", "unported", "generic", "license", "licensed", "public", "domain"),
    *("general", "affero", "lesser", "apache", "mozilla", "eclipse", "commercial", "derivatives"),
    *("community", "purposes"),
)
_NO_SLIP: Final = frozenset({"licensee", "licenser", "lessor", "generics", "unlicensed", "publics"})
_SHORTEST_SLIP: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word: `text` in its one spelling, `raw` as written, `dashed` to the word before it."""

    text: str
    raw: str
    dashed: bool = False

    @property
    def address(self) -> str:
        """The address without scheme and closing marks; empty if the word is none."""
        return self.text if "/" in self.text else ""


@lru_cache(maxsize=16_384)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of `text`, in order."""
    found = list(_pieces(text.translate(_ONE_KIND)))
    joined: list[Word] = []
    for word in found:
        pair = _PAIRS.get((joined[-1].text, word.text)) if joined else None
        if pair:
            joined[-1] = Word(text=pair, raw=f"{joined[-1].raw} {word.raw}")
        else:
            joined.append(word)
    return tuple(joined)


def _pieces(text: str) -> Iterator[Word]:
    end, before = 0, ""
    for hit in _PIECE.finditer(text):
        raw = hit[0]
        gap, dashed = text[end : hit.start()], before == "-"
        before, end = ("" if gap else raw), hit.end()
        if hit["address"]:
            yield Word(text=_bare_address(raw), raw=raw)
        elif hit["letters"]:
            spelled = _spelled(raw.lower())
            yield Word(text=spelled[0], raw=raw, dashed=dashed and not gap)
            yield from (Word(text=one, raw=one) for one in spelled[1:])
        elif raw not in _LAYOUT or (raw in ".;" and text[end : end + 1].isspace()):
            known = "..." if raw.startswith("..") else _SIGNS.get(raw, raw)
            yield Word(text=known, raw=raw, dashed=dashed and not gap)


def _bare_address(raw: str) -> str:
    plain = re.sub(r"[^a-z0-9+]+$", "", raw.lower().strip("<>"))
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", plain) + "/"


def _spelled(word: str) -> tuple[str, ...]:
    if word in _GLUED:
        return _GLUED[word]
    glued = _GLUED_CC.fullmatch(word)
    if glued and (glued[1] or glued[3] or glued[4]):
        elements = re.findall("..", glued[3])
        return tuple(one for one in (glued[1], "by", *elements, glued[4]) if one)
    return (_SPELLINGS.get(word) or _without_slip(word),)


def _without_slip(word: str) -> str:
    if len(word) < _SHORTEST_SLIP or word in _NO_SLIP or word in _LONG_WORDS:
        return word
    near = [known for known in _LONG_WORDS if _one_slip(word, known)]
    return near[0] if len(near) == 1 else word


def _one_slip(word: str, known: str) -> bool:
    """Is `word` one letter too many, too few, wrong, or two letters swapped away from `known`?"""
    if abs(len(word) - len(known)) > 1:
        return False
    same = next((at for at, pair in enumerate(zip(word, known, strict=False)) if len({*pair}) > 1),
                min(len(word), len(known)))  # fmt: skip
    left, right = word[same:], known[same:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return swapped or left[1:] == right[1:] or left[1:] == right or left == right[1:]
