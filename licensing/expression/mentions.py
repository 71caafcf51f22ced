"""Where in a text a licence is named, and which one.

Four ways to name one: a name of the rulebook or an SPDX id, the elements of a Creative Commons
licence, a GNU licence with its version, the address of a licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from licensing.expression.trees import spdx_ids
from licensing.expression.vocabulary import COUNTRIES, NOISE, PORTS, SAYS_LICENSED
from licensing.expression.words import Word, words_of
from licensing.rulebook import load_rulebook

_LONGEST_NAME: Final = 14
_BY_PHRASE: Final = frozenset({"LicenseRef-research-only", "LicenseRef-noncommercial"})
_LAST_VERSION: Final = re.compile(r"-(\d\.\d)$")
_CC_ELEMENTS: Final = {
    "by": "by",
    "attribution": "by",
    "nc": "nc",
    "noncommercial": "nc",
    "sa": "sa",
    "sharealike": "sa",
    "nd": "nd",
    "noderivatives": "nd",
}
_CC_KINDS: Final = ("by", "by nc", "by sa", "by nd", "by nc sa", "by nc nd")
_CC_SCOPES: Final = frozenset({"international", "unported", "generic", "public"}) | NOISE
_CC_VERSION: Final = re.compile(r"\d(?:\.\d)?")
_GNU: Final = re.compile(
    r"(?:the )?(?:gnu )?(?:(?P<word>affero|lesser|library) )?(?:gnu )?"
    r"(?:(?:general|(?<=gnu )) ?public license|(?P<short>[al]?)gpl"
    r"|(?P<free>free documentation license|gfdl))"
    r"(?: license)?(?: (?P<again>[al]?)gpl| (?P<freely>g?fdl))?(?: license)?"
    r"(?: (?:v|version))*(?P<since> >=)? (?P<version>\d(?:\.\d)?)(?: license)?"
    r"(?: (?:(?P<later>or (?:at your option )?(?:any )?later(?: version)?|\+)|only))?"
    r"(?! \d)(?= |$)"
)
_GNU_KINDS: Final = {"affero": "a", "lesser": "l", "library": "l"}
_URL_TAIL: Final = re.compile(
    r"(?:/(?:legalcode|deed)(?:[.-][a-z_-]+)?)?(?:\.(?:html|txt|php))?/?$"
)
_CC_ADDRESS: Final = re.compile(
    r"creativecommons\.org/licenses/([a-z-]+)(?:/(\d\.\d))?(?:/([a-z]{2,3}))?"
)
_REGISTERS: Final = re.compile(
    r"(?:spdx\.org/licenses|opensource\.org/licenses?|choosealicense\.com/licenses)/([a-z0-9.-]+)"
)
_GNU_ADDRESS: Final = re.compile(
    r"gnu\.org/licenses/(?:old-licenses/)?([al]?gpl-\d\.\d)(?:\.en|-standalone)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """The words `[start, end)` name `licence`, or one that nobody can tell (None)."""

    start: int
    end: int
    licence: str | None


def mentions_of(words: Sequence[Word]) -> Iterator[Mention]:
    """Every licence that `words` name, in order, the longest name at each place."""
    at = 0
    while at < len(words):
        found = [
            one
            for one in (
                _gnu(words, at),
                _creative_commons(words, at),
                _known(words, at),
                _address(words, at),
            )
            if one
        ]
        best = max(found, key=lambda one: one.end, default=None)
        if best:
            yield best
        at = best.end if best else at + 1


def licence_at(address: str) -> str | None:
    """The licence at a known address (without scheme); a file in a repository names none."""
    plain = _URL_TAIL.sub("", re.sub(r"[?#].*", "", address))
    creative = _CC_ADDRESS.fullmatch(plain)
    if creative:
        return _cc_licence(creative[1].split("-"), creative[2] or "", creative[3] or "")
    listed = _REGISTERS.fullmatch(plain) or _GNU_ADDRESS.fullmatch(plain)
    own = load_rulebook().urls.get(plain)
    return own or (spdx_ids().get(listed[1]) if listed else None)


def _address(words: Sequence[Word], at: int) -> Mention | None:
    address = words[at].address
    licence = licence_at(address) if address else None
    named = licence or "creativecommons." in address
    return Mention(start=at, end=at + 1, licence=licence) if named else None


def _known(words: Sequence[Word], at: int) -> Mention | None:
    """The longest name of the rulebook or the SPDX list that starts at `at`."""
    if words[at].text in NOISE:
        return None
    key, best = "", None
    for end in range(at, min(len(words), at + _LONGEST_NAME)):
        word = words[end].text
        if word not in NOISE:
            key = f"{key} {word}".strip()
            if key in _names():
                best = _told(key, words, at=at, end=end + 1) or best
    return best


def _told(key: str, words: Sequence[Word], *, at: int, end: int) -> Mention | None:
    """The licence `key`, if the text says that it is one where the name could be something else."""
    near = {one.text for one in words[max(0, at - 2) : end + 1]}
    if key in _needs_the_word() and "license" not in near:
        return None
    alone = all(one.address or one.text in NOISE for one in (*words[:at], *words[end:]))
    sure = " " in key or alone or bool(near & SAYS_LICENSED)
    return Mention(start=at, end=end, licence=_names()[key] if sure else None)


def _creative_commons(words: Sequence[Word], at: int) -> Mention | None:
    """`CC BY-NC 4.0`, `Attribution-ShareAlike 3.0 Unported`, `by-nc-sa 2.0` and their kin."""
    start = at + 1 if words[at].text == "cc" else at
    while start > at and start < len(words) and words[start].text in NOISE:
        start += 1
    end = start
    while end < len(words) and words[end].text in _CC_ELEMENTS:
        end += 1
    elements = [_CC_ELEMENTS[one.text] for one in words[start:end]]
    if not elements or elements[0] != "by":
        return None
    version, after = _version(words, end)
    spelled = words[start].text == "attribution"
    if (
        start == at
        and not (len(elements) > 1 and (spelled or version))
        and not (spelled and version)
    ):
        return None
    port, after = _port(words, after) if version else ("", after)
    return Mention(start=at, end=after, licence=_cc_licence(elements, version, port))


def _version(words: Sequence[Word], at: int) -> tuple[str, int]:
    """The version after scope and filler words, and the place behind it."""
    end = at
    while end < len(words) and words[end].text in _CC_SCOPES:
        end += 1
    if end < len(words) and _CC_VERSION.fullmatch(words[end].text):
        return words[end].text, end + 1
    return "", at


def _port(words: Sequence[Word], at: int) -> tuple[str, int]:
    """The jurisdiction after the version: a country, or a code in capitals or behind a dash."""
    if at == len(words):
        return "", at
    word = words[at]
    if word.text in COUNTRIES:
        return COUNTRIES[word.text], at + 1
    if [one.text for one in words[at : at + 2]] == ["united", "states"]:
        return "us", at + 2
    coded = word.text in PORTS and (word.dashed or word.raw.isupper())
    return (word.text, at + 1) if coded else ("", at)


def _cc_licence(elements: Sequence[str], version: str, port: str) -> str | None:
    order = " ".join(one for one in ("by", "nc", "sa", "nd") if one in elements)
    if order not in _CC_KINDS or len(elements) != len(set(elements)):
        return None
    name = f"CC-{order.replace(' ', '-').upper()}"
    if not version:
        return f"LicenseRef-{name}"
    full = f"{name}-{version if '.' in version else version + '.0'}"
    ported = f"{full}-{port.upper()}"
    if port and ported.casefold() in spdx_ids():
        return spdx_ids()[ported.casefold()]
    found = load_rulebook().find(full)
    if found is None or not port:
        return full if found else None
    return f"LicenseRef-{ported}" if found.ports else None


def _gnu(words: Sequence[Word], at: int) -> Mention | None:
    said = " ".join(one.text for one in words[at : at + _LONGEST_NAME])
    found = _GNU.match(said)
    if not found:
        return None
    letters = {
        one for one in (_GNU_KINDS.get(found["word"] or ""), found["short"], found["again"]) if one
    }
    free = found["free"] or found["freely"]
    kind = "gfdl" if free else f"{''.join(sorted(letters))}gpl"
    number = found["version"]
    version = number if "." in number else f"{number}.0"
    later = "or-later" if found["later"] or found["since"] else "only"
    licence = spdx_ids().get(f"{kind}-{version}-{later}")
    return Mention(start=at, end=at + len(found[0].split()), licence=licence)


@cache
def _names() -> dict[str, str]:
    """Names as words without noise -> licence: the rulebook's own before the SPDX list's.

    The version of its licence may follow a name, and 2 stands for 2.0.
    """
    own = {_key(name): licence for name, licence in _own_names()}
    stated = {
        f"{key} {version[0]}": licence
        for key, licence in own.items()
        if not re.search(r"\d", key) and (version := _LAST_VERSION.findall(licence))
    }
    short = {
        key.removesuffix(".0"): licence
        for key, licence in (own | stated).items()
        if key.endswith(".0")
    }
    listed = {_key(name): licence for name, licence in spdx_ids().items()}
    return {key: licence for key, licence in (listed | short | stated | own).items() if key}


@cache
def _needs_the_word() -> frozenset[str]:
    """Names that mean something else without the word `license`: JSON, Intel, Microsoft Public."""
    own = {_key(name): False for name, _ in _own_names()}
    own |= {_key(name): True for name, _ in _own_names() if "license" not in _texts(name)}
    return frozenset(
        key for key in _names() if not re.search(r"\d", key) and not own.get(key, " " in key)
    )


@cache
def _own_names() -> tuple[tuple[str, str], ...]:
    """Every name of the rulebook but those of the classes, which a phrase states."""
    return tuple(
        (name, licence)
        for name, licence in load_rulebook().names.items()
        if licence not in _BY_PHRASE or name.startswith("licenseref")
    )


def _key(name: str) -> str:
    return " ".join(one for one in _texts(name) if one not in NOISE)


def _texts(name: str) -> list[str]:
    return [one.text for one in words_of(name)]
