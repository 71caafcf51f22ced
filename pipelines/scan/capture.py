"""Capture: every statement in the files of a source, before anything else touches the bytes.

One pass over the files reads what their places and containers hold; C2PA manifests are then read
together. Nothing here judges, and nothing raises: what cannot be read is a statement too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from licensing.signals import c2pa_signals, xmp_signals
from pipelines import storage
from pipelines.scan import credentials
from pipelines.scan.books import package_files
from pipelines.scan.companions import read_companion
from pipelines.scan.media import is_media, read_media
from pipelines.scan.statement import MANIFEST, Files, Statement, read_some, unreadable
from pipelines.statements import DOCUMENTS, statement_place
from pipelines.storage import Listed

_HEAD = 4 << 10
_LONGEST_BOOK = 256 << 20
_LONGEST_SIDECAR = 16 << 20
_BOOK = b"mimetypeapplication/epub+zip"
_RSL = b"rslstandard.org/rsl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """The statements of a source; what they would be unread, where manifests were read."""

    statements: tuple[Statement, ...]
    outdated: tuple[Statement, ...]
    companions: int


def capture(uri: str, listed: Sequence[Listed], keep: Path) -> Captured:
    """Return what the files below `uri` state; the bytes of statements are kept in `keep`."""
    files = Files.of(uri, (one.path for one in listed if not one.problem))
    places = [_place(files, one) for one in listed]
    found = [
        statement.kept(keep)
        for one, place in zip(listed, places, strict=True)
        for statement in (_problem(one, place) if one.problem else _stated(files, one, place))
    ]
    known, outdated = _manifests(files, [one for one in found if _is_open(one)])
    return Captured(
        statements=(*(one for one in found if not _is_open(one)), *known),
        outdated=tuple(outdated),
        companions=sum(
            bool(place) and not one.problem for one, place in zip(listed, places, strict=True)
        ),
    )


def _place(files: Files, one: Listed) -> str:
    """The kind of statement that a file is, by its bytes and then its name; empty for media."""
    named = statement_place(one.path)
    try:
        head = b"" if one.problem else _head(files, one)
    except OSError:
        return named
    if head.startswith(b"%PDF-"):
        return "PDF"
    if head.startswith(_BOOK, 30):
        return "EPUB"
    if one.path.lower().endswith(".xml") and _RSL in head:
        return "RSL"
    return named if one.problem or not (is_media(head) or named in DOCUMENTS) else ""


def _head(files: Files, one: Listed) -> bytes:
    with storage.opened(files.at(one.path)) as stream:
        return stream.read(_HEAD)


def _problem(one: Listed, place: str) -> Iterator[Statement]:
    if place:
        yield Statement(path=one.path, place=place, signals=unreadable(place))


def _stated(files: Files, one: Listed, place: str) -> Iterator[Statement]:
    try:
        if place == "EPUB":
            yield from _book(files, one)
        elif place == MANIFEST:
            raw = read_some(files.at(one.path), _LONGEST_SIDECAR)
            about = files.described_by(one.path)
            yield Statement(path=one.path, place=place, raw=raw, about=about)
        elif place:
            yield from read_companion(files, one.path, place)
        else:
            with storage.opened(files.at(one.path)) as stream:
                yield from read_media(stream, one.path, size=one.size_bytes)
    except OSError:
        yield from _problem(one, place)


def _book(files: Files, one: Listed) -> Iterator[Statement]:
    if one.size_bytes > _LONGEST_BOOK:
        yield from _problem(one, "EPUB")
        return
    with storage.opened(files.at(one.path)) as stream:
        packages = package_files(stream)
    if packages is None:
        yield from _problem(one, "EPUB")
    for raw in packages or ():
        if signals := xmp_signals(raw, place="tdmrep_epub"):
            yield Statement(path=one.path, place="EPUB", signals=signals, raw=raw)


def _is_open(one: Statement) -> bool:
    """Is it a manifest of which no more is known than that it is there?"""
    return one.place == MANIFEST and not one.signals


def _manifests(
    files: Files, manifests: Sequence[Statement]
) -> tuple[list[Statement], list[Statement]]:
    """What the manifests say, and what stood for those that are read by now."""
    if not manifests or not credentials.installed():
        return [_unread(one) for one in manifests], []
    stores = credentials.read_stores([_asset(files, one) for one in manifests])
    known, outdated = [], []
    for one, store in zip(manifests, stores, strict=True):
        if isinstance(store, Mapping):
            known.append(replace(one, signals=c2pa_signals(store)))
            outdated.append(_unread(one))
        else:
            known.append(_unread(one))
    return known, outdated


def _unread(one: Statement) -> Statement:
    return replace(one, signals=unreadable(MANIFEST))


def _asset(files: Files, one: Statement) -> credentials.Asset:
    if statement_place(one.path) == MANIFEST and one.about:
        return credentials.Asset(uri=files.at(one.about[0]), sidecar=files.at(one.path))
    return credentials.Asset(uri=files.at(one.path))
