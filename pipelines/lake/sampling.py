"""Read pieces of stored files back, by chance, and compare each with the sha256 beside it.

Lance keeps no checksums: a byte that a disk has turned is read without an error.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.errors import LakeError
from pipelines.lake.datasets import open_dataset, refusals

_AT_ONCE = 8  # pieces in memory, of at most 8 MiB each


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceRead:
    """One piece of a stored file, as it was read back."""

    file_id: str
    piece: int
    size_bytes: int
    is_whole: bool  # its bytes are those that were stored


def read_pieces(uri: str, *, num: int, seed: str) -> Iterator[PieceRead]:
    """Yield `num` pieces of `media.lance`, or all of fewer; the same for the same seed and rows.

    Raises:
        LakeError: LAKE_DAMAGED where the store has lost a file.
    """
    try:
        with refusals(uri):
            yield from _read(uri, num=num, seed=seed)
    except (OSError, ValueError, RuntimeError) as error:
        raise LakeError(
            f"{uri}: its pieces cannot be read: {error}",
            code="LAKE_DAMAGED",
            subject=uri,
            way_out="restore the lake from a backup, or ingest the source again",
        ) from error


def _read(uri: str, *, num: int, seed: str) -> Iterator[PieceRead]:
    dataset = open_dataset(uri)
    columns = ["file_id", "piece", "sha256"]
    rows = dataset.scanner(columns=columns, with_row_id=True).to_table().to_pylist()
    chosen = heapq.nsmallest(num, rows, key=lambda row: _draw(seed, row["file_id"], row["piece"]))
    for start in range(0, len(chosen), _AT_ONCE):
        some = chosen[start : start + _AT_ONCE]
        ids = [row["_rowid"] for row in some]
        blobs = dataset.read_blobs("media", ids=ids, preserve_order=True)
        for row, (_, data) in zip(some, blobs, strict=True):
            raw = data or b""
            yield PieceRead(
                file_id=row["file_id"],
                piece=row["piece"],
                size_bytes=len(raw),
                is_whole=hashlib.sha256(raw).digest() == row["sha256"],
            )


def _draw(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
