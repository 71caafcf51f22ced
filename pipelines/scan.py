"""Scan a source: list its files, capture what they say about rights, hash them.

Signals are captured before anything else touches the bytes, since a mere remux can remove them. A
reservation in `tdmrep.json` becomes a signal on every copyright layer of the source; texts of
licences become evidence. Nothing here judges them. Files are known by their sha256 only: size and
time of change never decide whether bytes are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from catalog.engine import open_catalog, reading, transaction
from catalog.rights import attach
from catalog.sources import source
from licensing.signals import tdmrep_file
from pipelines import storage
from pipelines.errors import RegistrationError
from pipelines.records import Found
from pipelines.settings import Settings
from pipelines.storage import Listed

Progress = Callable[[str, int, int], None]
LICENCE_TEXT = re.compile(r"(licen[cs]e|notice|copying)([._-].*)?", re.IGNORECASE)
LONGEST_TEXT = 1 << 20  # of a reservation that is parsed
_HASHERS = 4
_ALL_LAYERS = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What lies in a source: files with their sha256, paths that cannot be read, facts captured."""

    source_id: str
    uri: str
    found: tuple[Found, ...]
    problems: tuple[Listed, ...]
    num_signals: int = 0
    num_evidence: int = 0

    @property
    def paths(self) -> frozenset[str]:
        """Every path below the source."""
        return frozenset((*(one.path for one in self.found), *(one.path for one in self.problems)))

    @property
    def num_found(self) -> int:
        """Every path below the source, readable or not."""
        return len(self.found) + len(self.problems)

    @property
    def num_bytes(self) -> int:
        """The bytes of all files, as far as they could be told."""
        readable = sum(one.size_bytes for one in self.found)
        return readable + sum(one.size_bytes for one in self.problems)

    @property
    def companions(self) -> int:
        """Files that speak about the recordings: licence texts and reservations."""
        return sum(_speaks_of_rights(one.path) for one in self.found)

    def counts(self) -> dict[str, int]:
        """The figures of the report."""
        return {
            "num_found": self.num_found,
            "num_bytes": self.num_bytes,
            "num_unreadable": len(self.problems),
            "companions": self.companions,
            "num_signals": self.num_signals,
            "num_evidence": self.num_evidence,
        }


def scan(
    source_id: str,
    settings: Settings,
    *,
    now: datetime,
    run_id: str,  # noqa: ARG001 - every station takes it
    progress: Progress | None = None,
) -> Scanned:
    """List and hash the files of a registered source and record what they say about rights.

    Raises:
        NotFound: no such source.
        RegistrationError: SOURCE_PATH_MISSING when its folder does not exist.
    """
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        uri = source(session, source_id).uri
    listed = _listed(source_id, uri)
    facts = _facts(uri, listed)
    if facts:
        with transaction(engine) as session:
            for kind, doc in facts:
                attach(session, source_id, kind, doc, now=now)
    hashed = list(_hashed(uri, listed, progress))
    return Scanned(
        source_id=source_id,
        uri=uri,
        found=tuple(one for one in hashed if isinstance(one, Found)),
        problems=tuple(one for one in hashed if isinstance(one, Listed)),
        num_signals=sum(kind == "signal" for kind, _ in facts),
        num_evidence=sum(kind == "evidence" for kind, _ in facts),
    )


def _listed(source_id: str, uri: str) -> tuple[Listed, ...]:
    if not storage.exists(uri):
        raise RegistrationError(
            f"source {source_id}: its folder {uri} does not exist",
            code="SOURCE_PATH_MISSING",
            subject=uri,
            way_out="create or mount the folder, or register the source again with another --uri",
        )
    return tuple(storage.list_files(uri))


def _hashed(
    uri: str, listed: tuple[Listed, ...], progress: Progress | None
) -> Iterator[Found | Listed]:
    with ThreadPoolExecutor(max_workers=_HASHERS) as hashers:  # hashing leaves the interpreter lock
        for done, one in enumerate(hashers.map(lambda each: _hash(uri, each), listed), start=1):
            if progress:
                progress("scan", done, len(listed))
            yield one


def _hash(uri: str, one: Listed) -> Found | Listed:
    if one.problem:
        return one
    try:
        digest, size = storage.hash_file(storage.join(uri, one.path))
    except OSError as error:
        return replace(one, problem="UNREADABLE", evidence=f"{type(error).__name__}: {error}")
    return Found(path=one.path, sha256=digest, size_bytes=size)


def _facts(uri: str, listed: tuple[Listed, ...]) -> list[tuple[str, Mapping[str, Any]]]:
    """What the files say about rights, as (kind of fact, document)."""
    speaking = [one for one in listed if not one.problem and _speaks_of_rights(one.path)]
    return [fact for one in speaking for fact in _facts_in(uri, one, listed)]


def _facts_in(
    uri: str, one: Listed, listed: tuple[Listed, ...]
) -> list[tuple[str, Mapping[str, Any]]]:
    """An unreadable reservation is not silence: it is a signal that says neither yes nor no."""
    try:
        facts: list[tuple[str, Mapping[str, Any]]] = [("evidence", _evidence(uri, one))]
        signal = _reservation(uri, one, listed) if _is_reservation(one.path) else None
    except OSError:
        facts, signal = [], {"tdmrep_file": "unreadable"} if _is_reservation(one.path) else None
    return facts if signal is None else [("signal", {"layer_id": _ALL_LAYERS, **signal}), *facts]


def _speaks_of_rights(path: str) -> bool:
    name = PurePosixPath(path).name
    return _is_reservation(path) or LICENCE_TEXT.fullmatch(name) is not None


def _is_reservation(path: str) -> bool:
    return PurePosixPath(path).name == "tdmrep.json"


def _evidence(uri: str, one: Listed) -> Mapping[str, Any]:
    digest, size = storage.hash_file(storage.join(uri, one.path))
    found = "a reservation" if _is_reservation(one.path) else "a licence text"
    return {
        "grade": "E0",
        "file": one.path,
        "sha256": digest,
        "bytes": size,
        "found": f"{found} among the files of the source",
    }


def _reservation(uri: str, one: Listed, listed: tuple[Listed, ...]) -> Mapping[str, Any] | None:
    """The strictest of what the file says about each path below its folder."""
    if one.size_bytes > LONGEST_TEXT:
        return {"tdmrep_file": "too long"}
    raw = storage.read_bytes(storage.join(uri, one.path))
    site = PurePosixPath(one.path).parent
    site = site.parent if site.name == ".well-known" else site
    signals = {
        json.dumps(signal): signal
        for each in listed
        if each.path != one.path and PurePosixPath(each.path).is_relative_to(site)
        if (signal := tdmrep_file(raw, str(PurePosixPath(each.path).relative_to(site))))
    }
    strictness = {"1": 2, "0": 0}  # what is neither is malformed and leaves the matter open
    ranked = sorted(
        signals.values(), key=lambda doc: strictness.get(str(doc["tdmrep_file"]), 1), reverse=True
    )
    return ranked[0] if ranked else None
