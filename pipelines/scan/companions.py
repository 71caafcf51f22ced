"""Companions: files that speak about recordings, each read as its place is read.

In: a file's path and the view of its neighbours. Out: statements. Every read is bounded: what is
longer, or cannot be read at all, is unread and never silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from licensing.signals import (
    header_licences,
    header_signals,
    natural_language,
    page_licences,
    page_signals,
    pdf_signals,
    plain_text,
    read_headers,
    robots_licences,
    robots_site,
    robots_txt,
    rsl_signals,
    tdmrep_site,
    xmp_signals,
)
from pipelines.scan.statement import MANIFEST, Files, Signal, Statement, read_some, unreadable

AGENT = "clearway"
LONGEST: Mapping[str, int] = {
    "TDMRep file": 1 << 20,
    "robots.txt": 1 << 20,
    "HTTP headers": 1 << 20,
    "RSL": 2 << 20,
    "XMP": 2 << 20,
    "page": 4 << 20,
    "text": 4 << 20,
    "PDF": 64 << 20,
}
KEPT_IN_ANY_CASE = frozenset({"TDMRep file", "robots.txt", "HTTP headers", "RSL", "text"})
_SIDECARS = frozenset({"XMP", "HTTP headers"})
_MOST_LINKS = 100
_POINTER = b"version https://git-lfs"


def read_companion(files: Files, path: str, place: str) -> Iterator[Statement]:
    """Yield what a companion says, if anything, and the statement that it is kept for."""
    about = files.described_by(path) if place in _SIDECARS else ()
    try:
        raw = read_some(files.at(path), LONGEST[place])
        signals = unreadable(place) if raw is None else _read(files, path, place, raw=raw)
    except OSError:
        raw, signals = None, unreadable(place)
    if signals or (raw is not None and place in KEPT_IN_ANY_CASE):
        yield Statement(path=path, place=place, signals=signals, raw=raw, about=about)
    if place == "PDF" and raw is not None and b"/C2PA_Manifest" in raw:
        yield Statement(path=path, place=MANIFEST)


def _read(files: Files, path: str, place: str, *, raw: bytes) -> tuple[Signal, ...]:
    if raw.startswith(_POINTER):
        return unreadable(place)
    return tuple(_READ[place](files, path, raw))


def _tdmrep(files: Files, path: str, raw: bytes) -> Iterator[Signal]:
    site = PurePosixPath(path).parent
    site = site.parent if site.name == ".well-known" else site
    found = tdmrep_site(raw, files.below(site, without=path))
    if found is not None:
        yield found


def _robots(files: Files, path: str, raw: bytes) -> Iterator[Signal]:
    """Of a site that answered with an error, the status speaks and not what came with it."""
    status = _status(files, path)
    if status >= 400:
        yield from robots_txt(raw, "/", agent=AGENT, status=status)
        return
    paths = files.below(PurePosixPath(path).parent, without=path)
    yield from robots_site(raw, paths, agent=AGENT)
    yield from _linked(files, path, robots_licences(raw))


def _status(files: Files, path: str) -> int:
    for sidecar in (f"{path}.headers", f"{path}.http"):
        if sidecar in files.paths:
            raw = read_some(files.at(sidecar), LONGEST["HTTP headers"])
            return read_headers(raw or b"")[0]
    return 0


def _rsl(_: Files, __: str, raw: bytes) -> Iterator[Signal]:
    yield from rsl_signals(raw)


def _headers(files: Files, path: str, raw: bytes) -> Iterator[Signal]:
    _, fields = read_headers(raw)
    if not fields:
        yield from unreadable("HTTP headers")
    yield from header_signals(fields)
    yield from _linked(files, path, header_licences(fields))


def _page(files: Files, path: str, raw: bytes) -> Iterator[Signal]:
    yield from page_signals(raw)
    yield from _linked(files, path, page_licences(raw))


def _text(files: Files, path: str, raw: bytes) -> Iterator[Signal]:
    if raw.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        yield from _page(files, path, raw)
    else:
        yield from natural_language(plain_text(raw))


def _xmp(_: Files, __: str, raw: bytes) -> Iterator[Signal]:
    yield from xmp_signals(raw)


def _pdf(_: Files, __: str, raw: bytes) -> Iterator[Signal]:
    yield from pdf_signals(raw)


def _linked(files: Files, path: str, addresses: tuple[str, ...]) -> Iterator[Signal]:
    """What the RSL documents at these addresses say, as far as they lie beside."""
    for address in addresses[:_MOST_LINKS]:
        beside = _beside(files, path, address)
        raw = read_some(files.at(beside), LONGEST["RSL"]) if beside else None
        yield from ({"unread": "RSL elsewhere"},) if raw is None else rsl_signals(raw)
    if len(addresses) > _MOST_LINKS:
        yield {"unread": "RSL in too many places"}


def _beside(files: Files, path: str, address: str) -> str:
    """The file of the source that an address means: by its path, or by its last name alone."""
    folder = PurePosixPath(path).parent
    try:
        named = PurePosixPath(unquote(urlsplit(address).path).lstrip("/"))
    except ValueError:
        return ""
    meant = (str(folder / named), str(folder / named.name))
    return next((path for path in meant if path in files.paths), "")


_READ: Mapping[str, Callable[[Files, str, bytes], Iterator[Signal]]] = {
    "TDMRep file": _tdmrep,
    "robots.txt": _robots,
    "HTTP headers": _headers,
    "RSL": _rsl,
    "XMP": _xmp,
    "page": _page,
    "text": _text,
    "PDF": _pdf,
}
