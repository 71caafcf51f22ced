"""Read pieces of files and rows of streams back, by chance, and compare each with its sha256.

Lance keeps no checksums: a byte that a disk has turned is read without an error.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.errors import LakeError
from pipelines.lake.datasets import open_dataset, refusals
from pipelines.records import STREAMS, row_sha256

_AT_ONCE = 8  # pieces in memory, of at most 8 MiB each
_AFTER = ("sha256", "batch_id")  # what a row got once it was digested


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceRead:
    """One piece of a stored file, as it was read back."""

    file_id: str
    piece: int
    size_bytes: int
    is_whole: bool  # its bytes are those that were stored


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRead:
    """One row of a stream, as it was read back."""

    chunk_id: str
    size_bytes: int
    is_whole: bool  # it says what was stored


def read_pieces(uri: str, *, num: int, seed: str) -> Iterator[PieceRead]:
    """Yield `num` pieces of `media.lance`, or all of fewer; the same for the same seed and rows.

    Raises:
        LakeError: LAKE_DAMAGED where the store has lost a file.
    """
    with _told(uri, "pieces"):
        dataset = open_dataset(uri)
        columns = ["file_id", "piece", "sha256"]
        rows = dataset.scanner(columns=columns, with_row_id=True).to_table().to_pylist()
        chosen = heapq.nsmallest(
            num, rows, key=lambda row: _draw(seed, row["file_id"], row["piece"])
        )
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


def read_rows(uri: str, *, num: int, seed: str) -> Iterator[RowRead]:
    """Yield `num` rows of `streams.lance`, or all of fewer; the same for the same seed and rows.

    Raises:
        LakeError: LAKE_DAMAGED where the store has lost a file, or holds what is no row.
    """
    with _told(uri, "rows"):
        dataset = open_dataset(uri)
        ids = dataset.scanner(columns=["chunk_id"]).to_table()["chunk_id"].to_pylist()
        places = heapq.nsmallest(num, range(len(ids)), key=lambda at: _draw(seed, ids[at]))
        for at in places:
            (row,) = dataset.take([at], columns=STREAMS.names).to_batches()
            yield RowRead(
                chunk_id=ids[at], size_bytes=row.nbytes,
                is_whole=_digest_of(row) == row["sha256"][0].as_py(),
            )  # fmt: skip


@contextmanager
def _told(uri: str, what: str) -> Iterator[None]:
    try:
        with refusals(uri):
            yield
    except (OSError, ValueError, RuntimeError) as error:
        raise LakeError(
            f"{uri}: its {what} cannot be read: {error}",
            code="LAKE_DAMAGED",
            subject=uri,
            way_out="restore the lake from a backup, or ingest the source again",
        ) from error


def _digest_of(row: pa.RecordBatch) -> bytes:
    """The digest of a stored row: of the cells that it was made with, each in its own type."""
    found: dict[str, Any] = {}
    for one in STREAMS:
        cell = row[one.name][0]
        if one.name in _AFTER or not cell.is_valid:
            continue
        is_numbers = pa.types.is_list(one.type) and not pa.types.is_string(one.type.value_type)
        found[one.name] = _numbers(cell, one.type) if is_numbers else cell.as_py()
    return row_sha256(found)


def _numbers(cell: pa.ListScalar, kind: pa.ListType) -> np.ndarray[Any, Any]:
    made = cell.values.to_numpy(zero_copy_only=False)
    return np.asarray(made, kind.value_type.to_pandas_dtype())


def _draw(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
