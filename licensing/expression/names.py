"""Licence names as people write them: one licence, or None when that is not certain.

Order of work: SPDX expression, the one licence that the text names, class of terms. A licence
counts only when every other word of the text is known to add nothing: not known is an answer, a
laxer guess is never one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from licensing.expression.classes import class_of
from licensing.expression.mentions import Mention, mentions_of
from licensing.expression.trees import leaves, parse, spdx_ids
from licensing.expression.vocabulary import FILLERS, MONTHS, TURNS
from licensing.expression.words import Word, words_of
from licensing.rulebook import load_rulebook

_LONGEST: Final = 600
_OPERATORS: Final = frozenset({"AND", "OR", "WITH"})
_ELEMENT_WORDS: Final = {
    "BY": frozenset({"by", "attribution"}),
    "NC": frozenset({"nc", "noncommercial", "only", "usage", "purpose", "purposes"}),
    "SA": frozenset({"sa", "sharealike"}),
    "ND": frozenset({"nd", "noderivatives"}),
}
# "<whatever> is licensed under the": the words before the verb may be a title or a story.
_VERBS: Final = frozenset({"is", "are", "uses", "has", "carries"})
_DIGITS_OF_A_YEAR: Final = 4
_PLAIN: Final = re.compile(r"[a-z0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """The licence that a text names, or None, and why."""

    licence: str | None
    why: str


def normalise(text: str) -> Normalised:
    """The licence that `text` names; None when that is not certain."""
    if len(text) > _LONGEST:
        return Normalised(licence=None, why="too long for a name")
    return _normalise(text)


@lru_cache(maxsize=4096)
def _normalise(text: str) -> Normalised:
    expression = _expression(text)
    if expression:
        return Normalised(licence=expression, why="SPDX expression")
    words = _without_dates(words_of(text))
    if not words:
        return Normalised(licence=None, why="empty")
    mentions = tuple(mentions_of(words))
    named = _one_of({one.licence for one in mentions})
    if len(named) > 1:
        told = ", ".join(sorted(one or "a name that is not certain" for one in named))
        return Normalised(licence=None, why=f"several licences are named: {told}")
    for licence in named:
        if licence and _nothing_else(words, mentions, licence):
            return Normalised(licence=licence, why="the one licence that the text names")
    return _of_class(words, named)


def _without_dates(words: Sequence[Word]) -> tuple[Word, ...]:
    """`words` without `29 June 2007` and `January 2004`: the date of a licence adds nothing."""
    months = [at for at, word in enumerate(words) if word.text in MONTHS]
    dropped: set[int] = set()
    for at in months:
        day, year = words[max(0, at - 1)].text, words[min(at + 1, len(words) - 1)].text
        if year.isdigit() and len(year) == _DIGITS_OF_A_YEAR:
            dropped |= {at, at + 1} | ({at - 1} if day.isdigit() and len(day) <= 2 else set())
    return tuple(word for at, word in enumerate(words) if at not in dropped)


def _of_class(words: Sequence[Word], named: frozenset[str | None]) -> Normalised:
    """A class of terms; beside a licence it counts only if that one sets no condition itself."""
    kind = class_of(words)
    free = all(one is not None and _has_no_condition(one) for one in named)
    if kind and free and not (named and kind.endswith("attribution")):
        return Normalised(licence=kind, why="class of terms")
    return Normalised(licence=None, why="no single licence is named with certainty")


def _has_no_condition(licence: str) -> bool:
    found = load_rulebook().find(licence)
    return (
        found is not None
        and found.family == "software"
        and all(one.effect != "condition" for one in found.clauses)
    )


def _expression(text: str) -> str | None:
    """The text itself, ids in their usual case, if it joins known ids by operators."""
    if not _OPERATORS & set(text.replace("(", " ").replace(")", " ").split()):
        return None
    tree = parse(text)
    if tree is None:
        return None
    names = {name: spdx_ids().get(name.casefold()) for name in leaves(tree)}
    if not all(found or name.startswith("LicenseRef-") for name, found in names.items()):
        return None
    words = re.split(r"([ ()]+)", " ".join(text.split()))
    return "".join(names.get(word) or word for word in words)


def _one_of(licences: set[str | None]) -> frozenset[str | None]:
    """`licences` without those that another of them states more exactly."""
    stated = {one for one in licences if one}
    vague = {one for one in stated if any(_is_version(other, one) for other in stated)}
    if stated & {"CC0-1.0", "PDDL-1.0"}:
        vague.add("LicenseRef-public-domain")
    return frozenset(licences - vague)


def _is_version(licence: str, of: str) -> bool:
    """Is `licence` a version of `of`, which states the elements only?"""
    elements = re.escape(of.removeprefix("LicenseRef-"))
    return of.startswith("LicenseRef-CC-") and bool(re.fullmatch(rf"{elements}-\d.*", licence))


def _nothing_else(words: Sequence[Word], mentions: Sequence[Mention], licence: str) -> bool:
    """Is every other word a filler, or part of a sentence that leads up to the licence?"""
    inside = {at for one in mentions for at in range(one.start, one.end)}
    first = mentions[0].start
    before = [at for at in range(first) if not _adds_nothing(words[at], licence)]
    after = [words[at] for at in range(first, len(words)) if at not in inside]
    rest = [word for word in after if not _adds_nothing(word, licence)]
    return (not before or _leads_in(words[:first], after=before[-1])) and (
        not rest or _is_copyright(rest)
    )


def _adds_nothing(word: Word, licence: str) -> bool:
    """Is `word` a filler, an address, or does it say again what `licence` says?"""
    name = licence.removeprefix("LicenseRef-")
    again = {"cc"} if name.startswith("CC") else set()
    for element in name.split("-") if name.startswith("CC-") else ():
        again |= _ELEMENT_WORDS.get(element, frozenset())
    return word.text in FILLERS or word.text in again or bool(word.address)


def _leads_in(words: Sequence[Word], *, after: int) -> bool:
    """A plain sentence that turns nothing, its verb behind the last word that adds something."""
    said = [one.text for one in words]
    return _is_plain(said) and bool(_VERBS & set(said[after + 1 :]))


def _is_copyright(words: Sequence[Word]) -> bool:
    """`Copyright (c) 2020 Somebody` behind a licence."""
    said = [one.text for one in words]
    return said[0] == "copyright" and _is_plain(said[1:])


def _is_plain(said: Sequence[str]) -> bool:
    return all(_PLAIN.fullmatch(one) for one in said) and not TURNS & set(said)
