"""Hash the files of a source, and remember the digests so that no file is hashed for nothing.

In: what was listed. Out: the same with its sha256. A digest is remembered under the file system's
own record of a file: device, inode, size, and both times of change, of which no program can set the
second. What changed within one tick of that clock before it was hashed is not remembered, for it
may change again and look the same. What is remembered holds no name of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from pipelines import storage
from pipelines.records import Found
from pipelines.settings import Settings
from pipelines.storage import Listed, Mark

Progress = Callable[[str, int, int], None]
_HASHERS = 4


def hashed(
    uri: str,
    listed: Sequence[Listed],
    known: Mapping[Mark, str],
    *,
    progress: Progress | None = None,
) -> Iterator[Found | Listed]:
    """Yield each file with its sha256, those in `known` unread; what cannot be read as listed."""
    with ThreadPoolExecutor(max_workers=_HASHERS) as hashers:  # hashing leaves the interpreter lock
        every = hashers.map(lambda each: _hash(uri, each, known), listed)
        for done, one in enumerate(every, start=1):
            if progress:
                progress("scan", done, len(listed))
            yield one


def digests_of(settings: Settings, source_id: str) -> Path:
    """The file in which the digests of a source are remembered; without it, all are hashed."""
    return settings.home / "digests" / source_id


def remembered(path: Path) -> dict[Mark, str]:
    """The digests kept at `path`; none when there is nothing that can be read."""
    try:
        rows = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return {Mark(*map(int, row[:-1])): row[-1] for row in rows}
    except (OSError, ValueError, IndexError, TypeError):
        return {}


def remember(
    path: Path, listed: Sequence[Listed], found: Sequence[Found | Listed], *, now: datetime
) -> None:
    """Keep the digests of the files that had been quiet for a while at `now`."""
    kept = {
        place.mark: one.sha256
        for place, one in zip(listed, found, strict=True)
        if isinstance(one, Found) and place.mark and place.mark.is_quiet(now)
    }
    lines = (" ".join(map(str, (*mark, sha256))) for mark, sha256 in sorted(kept.items()))
    storage.write_bytes(str(path), "\n".join(lines).encode())


def _hash(uri: str, one: Listed, known: Mapping[Mark, str]) -> Found | Listed:
    if one.problem:
        return one
    if one.mark and one.mark in known:
        return Found(path=one.path, sha256=known[one.mark], size_bytes=one.size_bytes)
    try:
        digest, size = storage.hash_file(storage.join(uri, one.path))
    except OSError as error:
        return replace(one, problem="UNREADABLE", evidence=f"{type(error).__name__}: {error}")
    return Found(path=one.path, sha256=digest, size_bytes=size)
