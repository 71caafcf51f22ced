"""Store files as they are: the system copies their bytes into packs, where they are hashed.

A pack is the file beside a data file of Lance that holds its blobs, one after the other. Copied by
the system, bytes do not pass through Lance's buffers, and through this process only to be hashed, a
MiB at a time: memory stays small and a copy costs what `cp` does. What is hashed is read back from
the pack: the bytes that will be served, not those that were meant to be.

In: files with the digests they were found under. Out: `Written`, as other fragments are written.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

import lance
import pyarrow as pa
from lance.file import LanceFileSession
from lance.fragment import DataFile, FragmentMetadata

from pipelines.errors import Unreadable
from pipelines.lake.datasets import open_dataset, refusals
from pipelines.lake.schemas import MEDIA, STORAGE_VERSION, key_columns, key_lines
from pipelines.lake.writing import Written, files_of, unwritable
from pipelines.records import PIECE_BYTES
from pipelines.storage import copy_bytes, feed, is_local, join, local_path

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

MAX_PIECES = 64  # of a fragment: 512 MiB
AHEAD = 4  # pieces that are copied and not hashed yet: they are read back from memory, not a disk
BLOB_ID = 1
PACK_NAME = f"{BLOB_ID:032b}"[::-1] + ".blob"  # as Lance names the file of that number


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A file to be stored as it is, under the sha256 that it was found with."""

    source_id: str
    file_id: str
    path: Path


def store_files(
    uri: str, files: Iterable[Whole], *, batch_id: str, scratch: Path, stop: Event
) -> Written:
    """Write `files` as fragments of the media dataset at `uri`, which exists; commit nothing.

    The packs of a lake in a bucket are filled below `scratch` and sent from there.

    Raises:
        CancelledError: soon after `stop` is set.
        Unreadable: CHANGED_WHILE_READ for a file that is no longer what was found.
        LakeError: DISK_FULL, DATASET_MISSING, LAKE_UNWRITABLE.
        OSError: when a file cannot be read.
    """
    with refusals(uri), _Store(uri, batch_id=batch_id, scratch=scratch, stop=stop) as store:
        for one in files:
            store.take(one)
        return store.finished()


class _Piece(NamedTuple):
    """Bytes of a file, where they lie in their pack, and what two threads do with them there."""

    whole: Whole
    number: int
    start: int
    size: int
    digest: Future[Hash]
    followed: Future[Hash]

    def wait(self) -> None:
        """Wait until both have read them."""
        self.digest.result()
        self.followed.result()


class _Pack:
    """A pack that is being filled."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self.file = folder, (folder / PACK_NAME).open("w+b", buffering=0)
        self.pieces: list[_Piece] = []
        self.size = 0


class _Store:
    """The fragments of one call; where it fails, none of their files is left."""

    def __init__(self, uri: str, *, batch_id: str, scratch: Path, stop: Event) -> None:
        self._uri, self._batch_id, self._stop = uri, batch_id, stop
        self._data = local_path(join(uri, "data")) if is_local(uri) else scratch
        self._pack: _Pack | None = None
        self._folders: list[Path] = []
        self._texts: list[str] = []
        self._keys: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # a thread that follows whole files, and one for the pieces
            self._wholes = stack.enter_context(ThreadPoolExecutor(1))
            self._parts = stack.enter_context(ThreadPoolExecutor(1))
            self._hashing = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._hashing.close()
        if self._pack:
            self._pack.file.close()
        for folder in self._folders if kind else ():
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # as above: the next run sweeps what cannot be removed now
                folder.with_suffix(".lance").unlink(missing_ok=True)

    def take(self, one: Whole) -> None:
        """Copy a file, and compare what lies in the packs with what was found."""
        whole = hashlib.sha256()
        waiting: deque[_Piece] = deque()
        with one.path.open("rb", buffering=0) as source:
            for number in count():
                pack = self._with_room()
                size = copy_bytes(source.fileno(), pack.file.fileno(), PIECE_BYTES)
                if not size:
                    break
                read = partial(feed, descriptor=pack.file.fileno(), start=pack.size, size=size)
                digest = self._parts.submit(read, hashlib.sha256())
                followed = self._wholes.submit(read, whole)
                pack.pieces.append(_Piece(one, number, pack.size, size, digest, followed))
                pack.size += size
                waiting.append(pack.pieces[-1])
                if len(waiting) > AHEAD:
                    waiting.popleft().wait()
                if self._stop.is_set():
                    raise CancelledError
        for piece in waiting:
            piece.wait()
        if whole.hexdigest() != one.file_id:
            raise Unreadable(
                f"{one.path.name} is no longer what was scanned",
                code="CHANGED_WHILE_READ",
                subject=str(one.path),
                way_out="wait until nothing writes to the source, then ingest again",
            )

    def finished(self) -> Written:
        """Close the last pack and return all fragments."""
        self._close()
        texts = tuple(self._texts)
        return Written(fragments=texts, files=files_of(self._uri, texts), keys=tuple(self._keys))

    def _with_room(self) -> _Pack:
        if self._pack and len(self._pack.pieces) == MAX_PIECES:
            self._close()
        if self._pack is None:
            stem = uuid.uuid4().hex  # noqa: TID251 - one that no process ever writes to again
            self._folders.append(self._data / stem)
            with _writing(self._uri):
                self._pack = _Pack(self._folders[-1])
        return self._pack

    def _close(self) -> None:
        """Write the rows of the pack that is full, or the last; one that stayed empty goes."""
        pack, self._pack = self._pack, None
        if pack is None:
            return
        with pack.file:
            for piece in pack.pieces:
                piece.wait()
        if not pack.pieces:
            shutil.rmtree(pack.folder)
            return
        rows, name = _rows(pack, self._batch_id), f"{pack.folder.name}.lance"
        with _writing(self._uri):
            session = LanceFileSession(join(self._uri, "data"))
            if not is_local(self._uri):
                session.upload_file(pack.folder / PACK_NAME, f"{pack.folder.name}/{PACK_NAME}")
            with session.open_writer(name, schema=rows.schema, version=STORAGE_VERSION) as writer:
                writer.write_batch(rows)
            file = DataFile.create(open_dataset(self._uri), name)
        fragment = FragmentMetadata(id=0, files=[file], physical_rows=rows.num_rows)
        self._texts.append(json.dumps(fragment.to_json()))
        self._keys += key_lines(rows, key_columns(MEDIA))


@contextmanager
def _writing(uri: str) -> Iterator[None]:
    """Whatever goes wrong in here is the lake's: no file of the source is read."""
    try:
        with refusals(uri):
            yield
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
        raise unwritable(uri, error) from error


def _rows(pack: _Pack, batch_id: str) -> pa.RecordBatch:
    """A row a piece, its blob named by where it lies in the pack."""
    blobs = lance.BlobDescriptorArrayBuilder("media")
    blobs.extend_packed(
        BLOB_ID, [one.start for one in pack.pieces], [one.size for one in pack.pieces]
    )
    rows = [
        (
            *(one.whole.source_id, one.whole.file_id, one.number, one.number * PIECE_BYTES),
            *(one.digest.result().digest(), batch_id),
        )
        for one in pack.pieces
    ]
    fields = list(MEDIA)[:-1]
    cells = zip(fields, zip(*rows, strict=True), strict=True)
    columns = [pa.array(values, field.type) for field, values in cells]
    schema = pa.schema([*fields, blobs.field])
    return pa.record_batch([*columns, blobs.finish()], schema=schema)
