"""Sample: read some pieces of the lake back, by chance, and name those that are not what they were.

In: a home, how many pieces, a seed. Out: how many were read, and findings. Every source gets its
fair share, in an order that the seed draws, so that another seed reads others. A source that
somebody writes to is left for another time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog.engine import open_catalog, source_lock
from catalog.errors import CatalogError
from pipelines.check import Finding
from pipelines.errors import LakeError
from pipelines.lake.datasets import dataset_uri, has_dataset
from pipelines.lake.sampling import PieceRead, read_pieces
from pipelines.storage import list_folders

if TYPE_CHECKING:
    from catalog.audit import Progress
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What was read back of the lake, and what of it is damaged."""

    num_pieces: int
    num_bytes: int
    num_sources: int
    findings: tuple[Finding, ...]


def sample_lake(
    settings: Settings, *, num: int, seed: str, progress: Progress | None = None
) -> Sampled:
    """Read back `num` pieces of all sources, or all of fewer, and compare each with its sha256."""
    there = [one for one in list_folders(settings.lake) if has_dataset(_media(one, settings))]
    names = sorted(there, key=_drawn(seed))
    sizes, findings = list[int](), list[Finding]()
    for number, name in enumerate(names):
        share = math.ceil((num - len(sizes)) / (len(names) - number))  # of what is left to read
        if share:
            read, found = _source(name, settings, num=share, seed=seed)
            sizes += read
            findings += found
        if progress:
            progress("sources", number + 1, len(names))
    return Sampled(
        num_pieces=len(sizes),
        num_bytes=sum(sizes),
        num_sources=len(names),
        findings=tuple(findings),
    )


def _source(
    name: str, settings: Settings, *, num: int, seed: str
) -> tuple[list[int], list[Finding]]:
    """The size of each piece that was read, and what is wrong."""
    engine, read = open_catalog(settings.catalog_url), list[PieceRead]()
    wrong = list[str]()
    try:
        with source_lock(engine, name, settings.locks_dir, timeout_s=0):  # no erasure meanwhile
            read.extend(read_pieces(_media(name, settings), num=num, seed=seed))
    except LakeError as error:
        wrong.append(f"{error.code}: {error}")
    except CatalogError as error:
        if error.code != "SOURCE_LOCKED":
            raise
    wrong += [
        f"piece {one.piece} of file {one.file_id[:16]} is not what was stored"
        for one in read
        if not one.is_whole
    ]
    subject = f"{name}/media"
    found = [Finding(part="lake", subject=subject, what=said) for said in wrong]
    return [one.size_bytes for one in read], found


def _media(name: str, settings: Settings) -> str:
    return dataset_uri(settings.lake, name, "media")


def _drawn(seed: str) -> Callable[[str], str]:
    return lambda name: hashlib.sha256(f"{seed}\x1f{name}".encode()).hexdigest()
