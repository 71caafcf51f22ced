"""What the rulebook is made of: clauses, licences, and the book that finds a licence by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from licensing.logic import When

_PORT: Final = re.compile(r"(?:licenseref-)?(cc-by(?:-nc)?(?:-nd|-sa)?-[\d.]{3})-[a-z]{2,3}")
_LONGEST_NAME: Final = 200
_NAME_JUNK: Final = re.compile(r"[\s#*_\"'`]+")
_DASHES: Final = dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause of one licence: when it speaks, what must hold, what follows, where it stands."""

    key: str
    effect: str
    cite: str
    note: str
    actions: tuple[str, ...]
    ops: tuple[str, ...]
    layers: tuple[str, ...]
    guard: When | None
    when: When
    fails: str
    unknown: str
    duty: str
    binds: bool
    profiles: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A public licence, a class of terms, or a statutory exception."""

    id: str
    family: str
    aliases: tuple[str, ...]
    urls: tuple[str, ...]
    layers: tuple[str, ...]
    clauses: tuple[Clause, ...]
    cites: tuple[str, ...]
    compatible_out: frozenset[str]
    irrevocable: bool
    cure_days: int
    nc: bool
    ports: bool
    rung: str
    statutory: bool
    reservable: bool
    special: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All licences, by id and by name, and the digest of the files they come from."""

    digest: str
    licences: Mapping[str, Licence]
    names: Mapping[str, str]
    urls: Mapping[str, str]

    def find(self, name: str) -> Licence | None:
        """The licence with this id or alias; a national port is read as its unported text."""
        plain = plain_name(name) if len(name) <= _LONGEST_NAME else ""
        if plain in self.names:
            return self.licences[self.names[plain]]
        port = _PORT.fullmatch(plain)
        base = self.licences.get(self.names.get(port[1], "")) if port else None
        return base if base and base.ports else None

    def facts(self, licence: Licence) -> Mapping[str, Any]:
        """What a condition may read about `licence`."""
        return {"compatible_out": licence.compatible_out, "rung": licence.rung}


def plain_name(text: str) -> str:
    """`text` as names are compared: trimmed, one kind of dash, one kind of space, lower case.

    Letters beyond ASCII stay as they are: one that looks like a letter of a name is none.
    """
    name = _NAME_JUNK.sub(" ", text.translate(_DASHES)).strip().strip(".")
    return name.lower().replace("licence", "license") if name.isascii() else name
