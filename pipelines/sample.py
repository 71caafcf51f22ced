"""Sample: read some of the lake back, by chance, and name what is not what it was.

In: a home, how many pieces of files, and as many rows of streams, a seed. Out: how many were read,
and findings. Every source gets its fair share, in an order that the seed draws, so that another
seed reads others. A source that somebody writes to is left for another time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from catalog.engine import open_catalog, source_lock
from catalog.errors import CatalogError
from pipelines.check import Finding
from pipelines.errors import LakeError
from pipelines.lake.datasets import dataset_uri, has_dataset
from pipelines.lake.sampling import read_pieces, read_rows
from pipelines.storage import list_folders

if TYPE_CHECKING:
    from catalog.audit import Progress
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What was read back of the lake, and what of it is damaged; bytes are those of both."""

    num_pieces: int
    num_rows: int
    num_bytes: int
    num_sources: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class _Read:
    """What was read of one source so far, or of all."""

    pieces: list[int] = field(default_factory=list)  # bytes of each
    rows: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: _Read) -> None:
        """Add what was read of another source."""
        self.pieces += other.pieces
        self.rows += other.rows
        self.findings += other.findings


def sample_lake(
    settings: Settings, *, num: int, seed: str, progress: Progress | None = None
) -> Sampled:
    """Read back `num` pieces and rows of all sources, or all of fewer, each against its sha256."""
    there = [one for one in list_folders(settings.lake) if has_dataset(_media(one, settings))]
    names, total = sorted(there, key=_drawn(seed)), _Read()
    for number, name in enumerate(names):
        left = len(names) - number
        shares = [math.ceil((num - len(one)) / left) for one in (total.pieces, total.rows)]
        if any(shares):
            total.add(_source(name, settings, shares=(shares[0], shares[1]), seed=seed))
        if progress:
            progress("sources", number + 1, len(names))
    return Sampled(
        num_pieces=len(total.pieces),
        num_rows=len(total.rows),
        num_bytes=sum(total.pieces) + sum(total.rows),
        num_sources=len(names),
        findings=tuple(total.findings),
    )


def _source(name: str, settings: Settings, *, shares: tuple[int, int], seed: str) -> _Read:
    """What was read of a source: so many pieces, so many rows."""
    engine, read = open_catalog(settings.catalog_url), _Read()
    try:
        with source_lock(engine, name, settings.locks_dir, timeout_s=0):  # no erasure meanwhile
            _pieces(read, name, _media(name, settings), num=shares[0], seed=seed)
            rows = dataset_uri(settings.lake, name, "streams")
            if has_dataset(rows):
                _rows(read, name, rows, num=shares[1], seed=seed)
    except CatalogError as error:
        if error.code != "SOURCE_LOCKED":
            raise
    return read


def _pieces(read: _Read, name: str, uri: str, *, num: int, seed: str) -> None:
    with _named(read, f"{name}/media"):
        for one in read_pieces(uri, num=num, seed=seed):
            read.pieces.append(one.size_bytes)
            if not one.is_whole:
                what = f"piece {one.piece} of file {one.file_id[:16]} is not what was stored"
                read.findings.append(Finding(part="lake", subject=f"{name}/media", what=what))


def _rows(read: _Read, name: str, uri: str, *, num: int, seed: str) -> None:
    with _named(read, f"{name}/streams"):
        for one in read_rows(uri, num=num, seed=seed):
            read.rows.append(one.size_bytes)
            if not one.is_whole:
                what = f"row {one.chunk_id[:16]} is not what was stored"
                read.findings.append(Finding(part="lake", subject=f"{name}/streams", what=what))


@contextmanager
def _named(read: _Read, subject: str) -> Iterator[None]:
    """What cannot be read is a finding, too."""
    try:
        yield
    except LakeError as error:
        what = f"{error.code}: {error}"
        read.findings.append(Finding(part="lake", subject=subject, what=what))


def _media(name: str, settings: Settings) -> str:
    return dataset_uri(settings.lake, name, "media")


def _drawn(seed: str) -> Callable[[str], str]:
    return lambda name: hashlib.sha256(f"{seed}\x1f{name}".encode()).hexdigest()
