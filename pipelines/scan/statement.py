"""What one place of a source says about its use, and where its files lie: small values."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines import storage
from pipelines.statements import statement_place

Signal = Mapping[str, Any]
MANIFEST = "C2PA manifest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The signals of one place in one file, and the bytes that they were read from, until kept."""

    path: str
    place: str  # as people call it: robots.txt, XMP, C2PA manifest …
    signals: tuple[Signal, ...] = ()
    about: tuple[str, ...] = ()  # the files that it speaks of; none is the whole source
    raw: bytes | None = None
    sha256: str = ""
    size_bytes: int = 0

    def kept(self, folder: Path) -> Statement:
        """Keep the bytes in `folder` under their sha256; return the statement that names them."""
        if self.raw is None:
            return self
        digest = hashlib.sha256(self.raw).hexdigest()
        if not (folder / digest).exists():
            storage.write_bytes(str(folder / digest), self.raw)
        return replace(self, raw=None, sha256=digest, size_bytes=len(self.raw))


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The files of a source by path, and by path without the last suffix."""

    uri: str
    ordered: tuple[str, ...]
    paths: frozenset[str]
    by_stem: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, uri: str, paths: Iterable[str]) -> Files:
        """Return the view of these paths below `uri`."""
        ordered = tuple(sorted(paths))
        stems: dict[str, list[str]] = {}
        for path in ordered:
            stems.setdefault(str(PurePosixPath(path).with_suffix("")), []).append(path)
        by_stem = {key: tuple(own) for key, own in stems.items()}
        return cls(uri=uri, ordered=ordered, paths=frozenset(ordered), by_stem=by_stem)

    def at(self, path: str) -> str:
        """The address of one of the files."""
        return storage.join(self.uri, path)

    def below(self, folder: PurePosixPath, *, without: str) -> list[str]:
        """The paths below `folder`, relative to it, but for the one file that asks."""
        start = "" if str(folder) == "." else f"{folder}/"
        first = bisect_left(self.ordered, start)
        last = bisect_left(self.ordered, f"{start}\U0010ffff")
        return [one.removeprefix(start) for one in self.ordered[first:last] if one != without]

    def described_by(self, sidecar: str) -> tuple[str, ...]:
        """The recordings that a sidecar stands beside: to `film.mp4.xmp` and `film.xmp` `film.mp4`.

        None when it stands beside no recording: then it speaks of the whole source.
        """
        stem = str(PurePosixPath(sidecar).with_suffix(""))
        beside = (stem,) if stem in self.paths else self.by_stem.get(stem, ())
        return tuple(path for path in beside if not statement_place(path))


def read_some(uri: str, most: int) -> bytes | None:
    """The whole content of a file, or None when it is longer than `most` bytes."""
    with storage.opened(uri) as stream:
        raw = stream.read(most + 1)
    return None if len(raw) > most else raw


def unreadable(place: str) -> tuple[Signal, ...]:
    """What stands for a statement that is there and cannot be read."""
    if place == "TDMRep file":
        return ({"tdmrep_file": "unreadable"},)
    return ({"unread": f"{place} not readable"},)
