"""A site's robots.txt: who may fetch a path, and the preferences that stand in its groups.

Groups and longest match as in RFC 9309; `Content-Usage` (AIPREF) goes by the longest path prefix,
and of equal paths all speak; `Content-Signal` and `License` are read as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from licensing.signals.tdmrep import MOST_MATCHES, matches

AI_AGENTS: Final = (
    *("gptbot", "google-extended", "ccbot", "claudebot", "anthropic-ai", "applebot-extended"),
    *("bytespider", "meta-externalagent", "perplexitybot", "amazonbot", "cohere-ai"),
)
_LINE: Final = re.compile(r"\r\n|\r|\n")
_TOKEN: Final = re.compile(r"[a-z_-]+")
_KEPT: Final = "%/*$?&=#:;,@!+()'~[]"


@dataclass(slots=True, kw_only=True)
class _Group:
    """The lines that follow one run of `User-agent` lines."""

    agents: set[str] = field(default_factory=set)
    lines: list[tuple[str, str]] = field(default_factory=list)


def robots_txt(
    raw: bytes, path: str, *, agent: str, status: int = 200
) -> tuple[dict[str, str], ...]:
    """The signals of robots.txt about `path` for us (`agent`) and for the known AI crawlers.

    A site that has no file (4xx) is open; a site that cannot answer (5xx) is closed.
    """
    if 400 <= status < 500:
        return ()
    if status != 200:
        return ({"robots": "reserved"},)
    return robots_site(raw, (path,), agent=agent)


def robots_site(raw: bytes, paths: Sequence[str], *, agent: str) -> tuple[dict[str, str], ...]:
    """The signals of robots.txt about any of `paths`; unread where that is too much to compare."""
    groups = list(_groups(raw))
    chosen = {id(lines): lines for lines in _chosen(agent.casefold(), groups)}.values()
    if sum(map(len, chosen)) * len(paths) > MOST_MATCHES:
        return ({"unread": "robots.txt with too many rules"},)
    found: dict[str, dict[str, str]] = {}
    for path in paths:
        asked = quote("/" + path.lstrip("/"), safe=_KEPT)
        found |= {str(one): one for lines in chosen for one in _said(lines, asked)}
    return tuple(found.values())


def robots_licences(raw: bytes) -> tuple[str, ...]:
    """The addresses of RSL documents that the file names, in order."""
    listed = [value for key, value in _pairs(raw) if key == "license" and value]
    return tuple(dict.fromkeys(listed))


def _said(lines: Sequence[tuple[str, str]], path: str) -> Iterator[dict[str, str]]:
    rules = [
        (len(value), key == "allow")
        for key, value in lines
        if key in {"allow", "disallow"} and value and matches(value, path)
    ]
    if rules and not max(rules)[1]:
        yield {"robots": "reserved"}
    usages = [_usage(value) for key, value in lines if key == "content-usage"]
    near = [(len(where), said) for where, said in usages if path.startswith(where)]
    for size, said in near:
        if size == max(near)[0]:
            yield {"aipref": said or "="}
    for key, value in lines:
        if key == "content-signal":
            yield {"content_signal": value or "="}


def _usage(value: str) -> tuple[str, str]:
    if not value.startswith("/"):
        return "", value
    where, _, said = value.partition(" ")
    return quote(where, safe=_KEPT), said.strip()


def _chosen(agent: str, groups: Sequence[_Group]) -> Iterator[list[tuple[str, str]]]:
    """The lines for us and for each AI crawler; those without a group of their own share `*`."""
    everybody = _lines_for("*", groups)
    for name in (agent, *AI_AGENTS):
        yield _lines_for(name, groups) if any(name in one.agents for one in groups) else everybody


def _lines_for(agent: str, groups: Sequence[_Group]) -> list[tuple[str, str]]:
    """All groups of one agent together, what is matched against paths written as paths are."""
    return [
        (key, quote(value, safe=_KEPT)) if key in {"allow", "disallow"} else (key, value)
        for one in groups
        if agent in one.agents
        for key, value in one.lines
    ]


def _groups(raw: bytes) -> Iterator[_Group]:
    group = _Group(agents={"*"})
    for key, value in _pairs(raw):
        if key != "user-agent":
            group.lines.append((key, value))
            continue
        if group.lines or group.agents == {"*"}:
            yield group
            group = _Group()
        token = _TOKEN.match(value.casefold())
        group.agents.add(token[0] if token else value)
    yield group


def _pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    for line in _LINE.split(raw.decode("utf-8-sig", errors="replace")):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().casefold(), value.strip()
