"""Reservations in words, as terms, readme files and metadata hold them.

A sentence reserves when it names machine use (training, text and data mining) and bars or reserves
it nearby. The answer is reserved or nothing, never allowed: a permission in words is for a person
to read. Any text takes time in proportion to its length.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Any, Final

from licensing.signals import phrases

_WINDOW, _OVERLAP = 800, 200  # characters of one sentence that are looked at together
_SPLIT: Final = re.compile(
    r"[.!?;](?=\s)|\n\s*\n|\n\s*[-*•#|>]+"
    r"|,?\s\b(?:but(?! not limited)|however|whereas|aber|jedoch|mais)\b"
)
_ORNAMENTS: Final = re.compile(r"[*_`\"“”„«»]")
_MACHINES: Final = re.compile(f"{phrases.MACHINES}|{phrases.MINING}")
_EVERY: Final = (*phrases.ENGLISH_BARS, *phrases.ENGLISH, *phrases.FOREIGN)


def natural_language(text: str) -> tuple[dict[str, Any], ...]:
    """One signal if a sentence of `text` reserves machine use, else nothing."""
    found = any(_reserves(one) for one in _sentences(text))
    return ({"natural_language": "reserved"},) if found else ()


def plain_text(raw: bytes) -> str:
    """The characters of a text file; UTF-16 by its mark, else UTF-8, what is neither replaced."""
    marked = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    return raw.decode("utf-16" if marked else "utf-8-sig", errors="replace")


def _sentences(text: str) -> frozenset[str]:
    """The sentences that may matter, each once; a long one in windows that overlap."""
    plain = (
        " ".join(_ORNAMENTS.sub("", piece).replace("\u2019", "'").split())
        for piece in set(_SPLIT.split(text.lower()))
        if phrases.NAMES.search(piece)
    )
    windows = (
        piece[start : start + _WINDOW]
        for piece in plain
        for start in range(0, max(1, len(piece) - _OVERLAP), _WINDOW - _OVERLAP)
    )
    return frozenset(one for one in windows if phrases.BARS.search(one))


def _reserves(sentence: str) -> bool:
    if phrases.HELD_OUT.search(sentence) and not _MACHINES.search(sentence):
        return False
    chains = phrases.ENGLISH_BARS if phrases.FREED.search(sentence) else _EVERY
    return any(_met(chain, sentence) for chain in chains)


def _met(chain: phrases.Chain, sentence: str) -> bool:
    (first, _), *rest = chain
    ends = [one.end() for one in first.finditer(sentence)]
    for pattern, within in rest:
        ends = [
            one.end()
            for one in pattern.finditer(sentence)
            if (at := bisect_right(ends, one.start())) and one.start() - ends[at - 1] <= within
        ]
    return bool(ends)
