"""Read the lake: columns, byte ranges and whole files.

Bytes come back exactly as they were found. A range may cross pieces; a whole file is checked
against the sha256 of each piece, for Lance keeps no checksums of its own.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import lance
import pyarrow as pa

from pipelines.errors import LakeError
from pipelines.lake.datasets import open_dataset, refusals

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 256 << 10


@dataclass(frozen=True, slots=True)
class _Piece:
    row_id: int
    offset: int
    sha256: bytes


def scan_columns(
    uri: str, columns: Sequence[str], *, where: str = "", version: int | None = None
) -> pa.Table:
    """Read columns, all rows or those of an SQL predicate; never the blob column."""
    with refusals(uri):
        dataset = open_dataset(uri, version)
        return dataset.to_table(columns=list(columns), filter=where or None)


def scan_batches(
    uri: str, columns: Sequence[str], *, where: str = "", rows: int = 64
) -> Iterator[pa.RecordBatch]:
    """Yield columns some rows at a time, so that memory holds a few of them."""
    with refusals(uri):
        scanner = open_dataset(uri).scanner(
            columns=list(columns), filter=where or None, batch_size=rows, batch_readahead=2
        )
        yield from scanner.to_batches()


def read_ranges(uri: str, requests: Sequence[tuple[str, int, int]]) -> list[bytes]:
    """The bytes of each `(file_id, offset, length)`, in the order asked, across pieces if need be.

    Raises:
        LakeError: LAKE_FILE_MISSING for a file that is not stored, LAKE_RANGE past its end.
    """
    return _read_ranges(uri, open_dataset(uri), requests)


def range_reader(uri: str) -> Callable[[str, int, int], bytes]:
    """A function of (file id, offset, length) that reads one version, which is opened once.

    It raises what `read_ranges` raises.
    """
    dataset = open_dataset(uri)

    def read(file_id: str, offset: int, length: int) -> bytes:
        return _read_ranges(uri, dataset, [(file_id, offset, length)])[0]

    return read


def iter_pieces(uri: str, file_id: str) -> Iterator[bytes]:
    """The pieces of a stored file in order, each checked against its sha256.

    Raises:
        LakeError: LAKE_DAMAGED when the bytes are not those that were stored.
    """
    dataset = open_dataset(uri)
    for number, piece in enumerate(_pieces(uri, int(dataset.version), file_id)):
        with refusals(uri):
            data = dataset.read_blobs("media", ids=[piece.row_id], preserve_order=True)[0][1] or b""
        if hashlib.sha256(data).digest() != piece.sha256:
            raise LakeError(
                f"{uri}: piece {number} of {file_id} is not what was stored",
                code="LAKE_DAMAGED",
                subject=file_id,
                way_out="restore the lake from a backup, or ingest the source again",
            )
        yield data


def read_file(uri: str, file_id: str) -> bytes:
    """A whole stored file."""
    return b"".join(iter_pieces(uri, file_id))


def open_file(uri: str, file_id: str) -> io.BufferedReader:
    """A stored file as a seekable stream, read in bounded ranges."""
    return io.BufferedReader(_LakeFile(uri, file_id), buffer_size=_BUFFER_BYTES)


def file_ids(uri: str) -> frozenset[str]:
    """The files whose bytes are stored."""
    return frozenset(scan_columns(uri, ["file_id"], where="piece = 0")["file_id"].to_pylist())


def file_size(uri: str, file_id: str) -> int:
    """The size in bytes of a stored file."""
    dataset = open_dataset(uri)
    last = _pieces(uri, int(dataset.version), file_id)[-1]
    with refusals(uri):
        blob = dataset.take_blobs("media", ids=[last.row_id])[0]
    return last.offset + (int(blob.size()) if blob else 0)


def content_digest(media: str, streams: str) -> str:
    """What a source's lake holds, whatever order, worker or file names it was written with."""
    digest = hashlib.sha256()
    for uri, columns in (
        (media, ["file_id", "piece", "sha256"]),
        (streams, ["chunk_id", "sha256"]),
    ):
        table = scan_columns(uri, columns)
        rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
        for *key, raw in sorted(rows):
            digest.update(f"{key}:{raw.hex()}\n".encode())
        digest.update(b"\n")
    return digest.hexdigest()


class _LakeFile(io.RawIOBase):
    """The raw side of `open_file`."""

    def __init__(self, uri: str, file_id: str) -> None:
        super().__init__()
        self._uri, self._file_id, self._at = uri, file_id, 0
        self._size = file_size(uri, file_id)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be positioned."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill `buffer` from the position on."""
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self._size - self._at))
        if length:
            view[:length] = read_ranges(self._uri, [(self._file_id, self._at, length)])[0]
            self._at += length
        return length


@lru_cache(maxsize=16)
def _index(uri: str, version: int) -> dict[str, tuple[_Piece, ...]]:
    """Where the pieces of each file are; one scan per version, then from memory."""
    dataset = open_dataset(uri, version)
    columns = ["file_id", "piece", "offset", "sha256"]
    with refusals(uri):
        table = dataset.scanner(columns=columns, with_row_id=True).to_table()
    index: dict[str, list[tuple[int, _Piece]]] = {}
    for row in table.to_pylist():
        piece = _Piece(row["_rowid"], row["offset"], row["sha256"])
        index.setdefault(row["file_id"], []).append((row["piece"], piece))
    return {
        file_id: tuple(piece for _, piece in sorted(pieces, key=lambda one: one[0]))
        for file_id, pieces in index.items()
    }


def _pieces(uri: str, version: int, file_id: str) -> tuple[_Piece, ...]:
    found = _index(uri, version).get(file_id)
    if not found:
        raise LakeError(
            f"{uri}: no file {file_id}",
            code="LAKE_FILE_MISSING",
            subject=file_id,
            way_out="`clearway source files SOURCE` lists what is stored",
        )
    return found


def _read_ranges(
    uri: str, dataset: lance.LanceDataset, requests: Sequence[tuple[str, int, int]]
) -> list[bytes]:
    asked: list[tuple[int, int, int]] = []
    owners: list[int] = []
    for number, (file_id, offset, length) in enumerate(requests):
        for part in _parts(_pieces(uri, int(dataset.version), file_id), offset, length):
            asked.append(part)
            owners.append(number)
    found: list[list[bytes]] = [[] for _ in requests]
    for index, data in _ranges(uri, dataset, asked):
        found[owners[index]].append(data)
    out = [b"".join(parts) for parts in found]
    for request, data in zip(requests, out, strict=True):
        if len(data) != request[2]:
            raise _past_the_end(uri, request)
    return out


def _parts(pieces: tuple[_Piece, ...], offset: int, length: int) -> Iterator[tuple[int, int, int]]:
    ends = [piece.offset for piece in pieces[1:]]
    for piece, end in zip(pieces, [*ends, None], strict=True):
        low = max(offset, piece.offset)
        high = offset + length if end is None else min(offset + length, end)
        if low < high:
            yield piece.row_id, low - piece.offset, high - low


def _ranges(
    uri: str, dataset: lance.LanceDataset, asked: list[tuple[int, int, int]]
) -> Iterator[tuple[int, bytes]]:
    if not asked:
        return
    try:
        with refusals(uri):
            found = dataset.read_blob_ranges("media", asked, selector="ids", preserve_order=True)
    except ValueError as error:
        raise LakeError(
            f"{uri}: a range lies past the end of its file: {error}",
            code="LAKE_RANGE",
            subject=uri,
            way_out="the packet index and the bytes disagree: ingest the source again",
        ) from error
    for index, _, data in found:
        yield index, data or b""


def _past_the_end(uri: str, request: tuple[str, int, int]) -> LakeError:
    return LakeError(
        f"{uri}: {request[2]} bytes at {request[1]} of {request[0]} lie past its end",
        code="LAKE_RANGE",
        subject=request[0],
        way_out="ask within the size of the file",
    )
