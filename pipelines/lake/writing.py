"""Workers write fragments: files on the store that no reader sees until the driver commits them.

In: record batches, as a stream, so that memory stays bounded. Out: `Written`, a small value that
travels back to the driver. A worker touches no catalog and commits nothing; killed, it leaves dead
files only.
"""

from __future__ import annotations

import ctypes
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
from lance.fragment import write_fragments as lance_write_fragments

from pipelines.errors import LakeError
from pipelines.lake.datasets import refusals
from pipelines.lake.schemas import STORAGE_VERSION, key_columns, key_lines
from pipelines.storage import join, list_files, size_of

MAX_ROWS = 1_024
M_ARENA_MAX = -8  # of glibc's mallopt
CACHE_BYTES = 32 << 20  # that Lance gathers before it writes: by default it may hold all texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Fragments on the store: as Lance names them, their files with sizes, and the keys in them."""

    fragments: tuple[str, ...] = ()
    files: tuple[tuple[str, int], ...] = ()
    keys: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.keys)


def write_fragments(
    uri: str,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch] | pa.Table,
    *,
    max_rows: int = MAX_ROWS,
) -> Written:
    """Write `batches` as fragments of the dataset at `uri`, which exists; commit nothing.

    Raises:
        LakeError: DISK_FULL, DATASET_MISSING, LAKE_UNWRITABLE.
        Exception: what the iterator of `batches` raised, as it was raised.
    """
    stream = _batches(batches)
    first = next(stream, None)
    if first is None:
        return Written()
    keys: list[str] = []
    raised: list[Exception] = []
    rows = _noted(_chained(first, stream), key_columns(schema), keys)
    reader = pa.RecordBatchReader.from_batches(schema, _minded(rows, raised))
    try:
        with refusals(uri), _plain_memory():
            fragments = lance_write_fragments(
                reader,
                uri,
                mode="append",
                data_storage_version=STORAGE_VERSION,
                max_rows_per_file=max_rows,
                data_cache_bytes=CACHE_BYTES,
            )
    except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
        if raised:
            raise raised[0] from None  # the rows' own error, which Lance only quotes
        raise unwritable(uri, error) from error
    except LakeError:
        if raised:
            raise raised[0] from None
        raise
    texts = tuple(json.dumps(one.to_json()) for one in fragments)
    return Written(fragments=texts, files=files_of(uri, texts), keys=tuple(keys))


@contextmanager
def _plain_memory() -> Iterator[None]:
    """Have Arrow take memory from the system while rows are made and written.

    Lance holds on to small buffers of many batches until a page is full. Those of Arrow's own pool
    keep whole segments alive between them: 180 MB more for 14,000 clips, where these take 20.
    """
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def merge_written(parts: Sequence[Written]) -> Written:
    """One value for several, in the order given."""
    return Written(
        fragments=tuple(text for part in parts for text in part.fragments),
        files=tuple(file for part in parts for file in part.files),
        keys=tuple(key for part in parts for key in part.keys),
    )


def data_paths(fragment: str) -> tuple[str, ...]:
    """The data files of a fragment, as Lance's JSON names them."""
    return tuple(str(one["path"]) for one in json.loads(fragment)["files"])


def files_of(uri: str, fragments: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Every file of the fragments with its size; Lance's own figure leaves the blob files out."""
    wanted = [path for text in fragments for path in data_paths(text)]
    stems = {path.removesuffix(".lance") for path in wanted}
    sizes: dict[str, int] = {}
    for path in wanted:
        sizes[f"data/{path}"] = size_of(join(uri, "data", path))
    for stem in stems:
        for one in list_files(join(uri, "data", stem)):
            sizes[f"data/{stem}/{one.path}"] = one.size_bytes
    return tuple(sorted(sizes.items()))


def unwritable(uri: str, error: Exception) -> LakeError:
    """What the lake cannot hold, as an error with a way out."""
    return LakeError(
        f"{uri}: cannot be written: {error}",
        code="LAKE_UNWRITABLE",
        subject=uri,
        way_out="check the folder or bucket and its rights, then run the same command again",
    )


def _batches(batches: Iterable[pa.RecordBatch] | pa.Table) -> Iterator[pa.RecordBatch]:
    source = batches.to_batches() if isinstance(batches, pa.Table) else batches
    return (one for one in source if one.num_rows)


def _chained(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _noted(
    batches: Iterator[pa.RecordBatch], columns: Sequence[str], keys: list[str]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        keys.extend(key_lines(batch, columns))
        yield batch


def _minded(batches: Iterator[pa.RecordBatch], raised: list[Exception]) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except Exception as error:
        raised.append(error)
        raise


def _share_one_arena() -> None:
    """Have all threads of this process take memory from one arena of glibc.

    Rows are made in whatever thread Lance asks for them in. With an arena for each, all come to
    hold what one decoder needs at most: 280 MB after 4,000 clips, where one arena stays at 155.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other libraries know no arenas
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


_share_one_arena()  # before Lance starts its threads
