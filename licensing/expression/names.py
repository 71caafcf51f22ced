"""Licence names as people write them: one licence, or None when that is not certain.

Order of work: exact id or name, SPDX expression, address, one name in a sentence, class of phrase.
Not known is an answer; a laxer guess is never one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from licensing.expression.trees import leaves, parse, spdx_ids
from licensing.rulebook import load_rulebook, plain_name

_LONGEST: Final = 600
_URL: Final = re.compile(r"(?:https?://)?(?:www\.)?([a-z0-9.-]+\.[a-z]{2,}/\S*?)[\s/.,;)>\]]*")
_URL_TAIL: Final = re.compile(r"/(?:legalcode|deed)(?:[.-][a-z_-]+)?$|\.(?:html|txt|php)$")
_CC_URL: Final = re.compile(
    r"creativecommons\.org/licenses/([a-z-]+)/(\d\.\d)(?:/([a-z]{2,3}))?(?:/.*)?"
)
_SEPARATORS: Final = re.compile(r"[\s\-_/,;:()\[\]\"']+")
_CC_WORDS: Final = {
    "attribution": "by",
    "noncommercial": "nc",
    "noncomercial": "nc",
    "sharealike": "sa",
    "noderivatives": "nd",
    "noderivs": "nd",
    "noderiv": "nd",
}
_CC_PAIRS: Final = (
    ("non commercial", "nc"),
    ("share alike", "sa"),
    ("no derivatives", "nd"),
    ("no derivs", "nd"),
    ("creative commons", "cc"),
    ("creativecommons", "cc"),
)
_CC_FILLERS: Final = frozenset(
    [
        "international",
        "unported",
        "generic",
        "license",
        "licensed",
        "licenses",
        "public",
        "the",
        "v",
    ]
)
_CC_NAME: Final = re.compile(r"(cc )?((?:by|nc|sa|nd)(?: (?:by|nc|sa|nd))*)(?: v?(\d(?:\.\d)?))?")
_CC_ORDERS: Final = ("by", "by nc", "by sa", "by nd", "by nc sa", "by nc nd")
_CC_IN_TEXT: Final = re.compile(
    r"\bcc by(?: (?:nc|sa|nd))*(?: v?\d(?:\.\d)?)?(?: (?:international|unported|generic))?\b"
)
_GPL: Final = re.compile(
    r"(?:the )?(?:gnu )?(?:(affero|lesser|library) )?(?:gnu )?"
    r"(?:general public license|(a|l)?gpl)(?: license)?"
    r" ?(?:v|version |v\. )? ?(\d(?:\.\d)?)(\+| ?or later| or any later version)?"
    r"(?: only| license)?"
)
_VERSIONED: Final = re.compile(
    r"(?:the )?(mpl|mozilla public license|epl|eclipse public license)"
    r" ?(?:v|version )?(\d\.\d)(?: license)?"
)
_NEGATIONS: Final = frozenset(
    {
        *("not", "no", "never", "except", "excluding", "modified", "unlike", "non"),
        *("without", "neither", "nor", "cannot", "isn't", "based", "similar", "unless"),
        *("pending", "some", "parts", "partly", "mixed", "various"),
    }
)
_NAMES_AT_ALL: Final = re.compile(
    r"\b(?:cc|cc0|creative commons|a?l?gpl\w*|gnu|bsd|mit|apache|odbl|odc|cdla|openrail|llama\w*"
    r"|mozilla|mpl|proprietary|public domain|copyright|custom)\b"
)
_RESEARCH: Final = re.compile(
    r"\b(?:research|academic|educational?|scientific|scholarly)\b"
    r"[\w ,/&-]{0,60}\b(?:only|purposes?|use|usage)\b|\bresearch only\b"
)
_NONCOMMERCIAL: Final = re.compile(r"\bnon ?commercial\b|\bnot for commercial\b|\bno commercial\b")
_ALL_USES: Final = re.compile(
    r"\b(?:any|all) purposes?\b.*\b(?:acknowledge?ments?|attribution|credit|cite|citation)\b"
)
_AGREEMENT: Final = re.compile(r"\bagreement\b|\byou agree\b|\.\.\.|…")


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
    plain = plain_name(text)
    if not plain:
        return Normalised(licence=None, why="empty")
    for read, why in (
        (_exact, "id or name"),
        (_address, "address of the licence"),
        (_in_expression, "SPDX expression"),
        (_in_sentence, "the one licence that the text names"),
        (_class, "class of terms"),
    ):
        found = read(plain) if read is not _in_expression else _in_expression(text)
        if found:
            return Normalised(licence=found, why=why)
    return Normalised(licence=None, why="no single licence is named with certainty")


def _exact(plain: str) -> str | None:
    """An id, a name of the rulebook, or a name built to a known pattern."""
    book = load_rulebook()
    known = book.names.get(plain) or spdx_ids().get(plain)
    return known or _creative_commons(plain) or _gnu(plain) or _with_version(plain)


def _creative_commons(plain: str) -> str | None:
    words = " ".join(_SEPARATORS.split(plain)).strip()
    for pair, short in _CC_PAIRS:
        words = words.replace(pair, short)
    listed = [_CC_WORDS.get(word, word) for word in words.split()]
    listed = [word for word in listed if word not in _CC_FILLERS]
    found = _CC_NAME.fullmatch(" ".join(dict.fromkeys(listed)))
    if not found or not (found[1] or "attribution" in plain or (found[3] and " " in found[2])):
        return None
    return _cc_id(found[2].split(), found[3] or "")


def _cc_id(elements: list[str], version: str, port: str = "") -> str | None:
    order = " ".join(one for one in ("by", "nc", "sa", "nd") if one in elements)
    if order not in _CC_ORDERS or len(elements) != len(set(elements)):
        return None
    name = f"CC-{order.replace(' ', '-').upper()}"
    if not version:
        return f"LicenseRef-{name}"
    full = f"{name}-{version if '.' in version else version + '.0'}"
    if load_rulebook().find(full) is None:
        return None
    if port:
        ported = f"{full}-{port.upper()}"
        return spdx_ids().get(ported.casefold(), f"LicenseRef-{ported}")
    return full


def _gnu(plain: str) -> str | None:
    found = _GPL.fullmatch(" ".join(_SEPARATORS.split(plain)).strip())
    if not found:
        return None
    kind = {"affero": "A", "lesser": "L", "library": "L", "a": "A", "l": "L"}
    letter = kind.get(found[1] or found[2] or "", "")
    version = found[3] if "." in found[3] else f"{found[3]}.0"
    name = f"{letter}GPL-{version}-{'or-later' if found[4] else 'only'}"
    return spdx_ids().get(name.casefold())


def _with_version(plain: str) -> str | None:
    found = _VERSIONED.fullmatch(" ".join(_SEPARATORS.split(plain)).strip())
    if not found:
        return None
    family = "MPL" if found[1].startswith("m") else "EPL"
    return spdx_ids().get(f"{family}-{found[2]}".casefold())


def _address(plain: str) -> str | None:
    """The licence at a known address; a file in a repository names none."""
    found = _URL.fullmatch(plain)
    if not found:
        return None
    address = found[1]
    parts = _CC_URL.fullmatch(_URL_TAIL.sub("", address))
    if parts:
        return _cc_id(parts[1].split("-"), parts[2], parts[3] or "")
    return load_rulebook().urls.get(_URL_TAIL.sub("", address).rstrip("/"))


def _in_expression(text: str) -> str | None:
    """The text itself, ids in their usual case, if it joins known ids by operators."""
    tree = parse(text)
    if tree is None or isinstance(tree, str):
        return None
    names = {name: spdx_ids().get(name.casefold()) for name in leaves(tree)}
    if not all(found or name.startswith("LicenseRef-") for name, found in names.items()):
        return None
    words = re.split(r"([ ()]+)", " ".join(text.split()))
    return "".join(names.get(word) or word for word in words)


# what a text adds to a licence, or offers beside it
_QUALIFIED = re.compile(r"\0\s+with\b|\b(?:or|unless|except)\b")


def _in_sentence(plain: str) -> str | None:
    """Exactly one licence, with its version, in words that neither deny nor add anything."""
    rest = re.sub(r"https?://\S+", " ", plain)
    rest = " ".join(_SEPARATORS.split(rest)).strip()
    for pair, short in _CC_PAIRS[-2:]:
        rest = rest.replace(pair, short)
    found = set()
    for name, licence in _names_in(rest):
        found.add(licence)
        rest = rest.replace(name, " \0 ")
    denied = _NEGATIONS & set(rest.split())
    if (
        len(found) != 1
        or denied
        or _QUALIFIED.search(rest)
        or _NAMES_AT_ALL.search(rest)
        or _class(rest)
    ):
        return None
    return found.pop()


def _names_in(sentence: str) -> Iterator[tuple[str, str]]:
    for hit in _CC_IN_TEXT.finditer(sentence):
        licence = _creative_commons(hit[0])
        if licence:
            yield hit[0], licence
    for name, licence in _sentence_names().items():
        if f" {name} " in f" {sentence} ":
            yield name, licence
    for hit in _GPL.finditer(sentence):
        licence = _gnu(hit[0])
        if licence:
            yield hit[0], licence


@cache
def _sentence_names() -> dict[str, str]:
    """Names that mean a licence wherever they stand: with a version, or with the word itself."""
    spelled = {
        " ".join(_SEPARATORS.split(name)).strip(): licence
        for name, licence in load_rulebook().names.items()
    }
    told = {
        name: licence
        for name, licence in spelled.items()
        if len(name) > 4 and (any(map(str.isdigit, name)) or "license" in name)
    }
    return {name: told[name] for name in sorted(told, key=len, reverse=True)}


def _class(plain: str) -> str | None:
    """A restrictive phrase beats a permissive one; an agreement that is cut off says nothing."""
    words = " ".join(_SEPARATORS.split(plain))
    if _AGREEMENT.search(plain):
        return None
    if _RESEARCH.search(words):
        return "LicenseRef-research-only"
    if _NONCOMMERCIAL.search(words):
        return "LicenseRef-noncommercial"
    return "LicenseRef-all-uses-attribution" if _ALL_USES.search(words) else None
