"""HTTP answers, kept as raw header lines: TDMRep, AIPREF, tags against AI, links to RSL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

_NO_AI: Final = frozenset({"noai", "noimageai"})
_STATUS: Final = re.compile(r"HTTP/[\d.]+ +(\d{3})\b")
_LINK: Final = re.compile(r"<([^<>]{0,4000})>([^<]*)")
_REL: Final = re.compile(r"""\brel\s*+=\s*+("[^"]*"|'[^']*'|[^\s;,]+)""", re.IGNORECASE)
_RSL_NAME: Final = re.compile(r"\.(?:rsl|xml)$|(?:^|/)rsl[^/]*$", re.IGNORECASE)
RSL_TYPE: Final = "application/rsl+xml"


def read_headers(raw: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    """The status and the header fields of a captured answer; 0 where no status line stands.

    Read are bare header lines, the head of a raw answer, of several after redirects, and of a WARC
    record. A body after the head is left alone. Of no fields at all nothing is returned.
    """
    status, fields = 0, list[tuple[str, str]]()
    begun = after_gap = False
    for line in raw.decode("latin-1").splitlines():
        answer = _STATUS.match(line)
        if answer or line.startswith("WARC/"):
            status, begun, after_gap = int(answer[1]) if answer else status, True, False
        elif not line.strip():
            after_gap = begun
        elif after_gap:
            break
        elif line[0] in " \t" and fields:
            fields[-1] = (fields[-1][0], f"{fields[-1][1]} {line.strip()}")
        else:
            name, colon, value = line.partition(":")
            fields += [(name.strip().casefold(), value.strip())] if colon else []
            begun = True
    return status, tuple(fields)


def header_signals(headers: Iterable[tuple[str, str]]) -> tuple[dict[str, Any], ...]:
    """The signals of an HTTP answer: TDMRep, AIPREF and the tags against AI use."""
    stated = [(name.strip().casefold(), value.strip()) for name, value in headers]
    found: list[dict[str, Any]] = [
        {"tdmrep_header": value} for name, value in stated if name == "tdm-reservation"
    ]
    usage = [value for name, value in stated if name == "content-usage"]
    if usage:
        found.append({"aipref": ", ".join(usage).strip() or "="})
    if any(name == "x-robots-tag" and bars_ai(value) for name, value in stated):
        found.append({"natural_language": "reserved"})
    return tuple(found)


def header_licences(headers: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The addresses of RSL documents that `Link` fields name as a licence, in order."""
    links = [value for name, value in headers if name.strip().casefold() == "link"]
    found = [one for value in links for one in _LINK.findall(value)]
    return tuple(
        dict.fromkeys(
            address.strip()
            for address, parameters in found
            if (rel := _REL.search(parameters)) and names_rsl(address, rel[1], parameters)
        )
    )


def names_rsl(address: str, rel: str, kind: str) -> bool:
    """Is a link of this relation and type one to an RSL document? Its name may say so alone."""
    named = "license" in rel.strip("\"'").casefold().split()
    path = address.strip().partition("?")[0].partition("#")[0]
    return named and (RSL_TYPE in kind.casefold() or _RSL_NAME.search(path) is not None)


def bars_ai(value: str) -> bool:
    """Does a list of robot directives hold one against AI?"""
    words = value.casefold().replace(":", ",").split(",")
    return bool(_NO_AI & {word.strip() for word in words})
