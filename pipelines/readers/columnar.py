"""The rows of Parquet and Arrow files, batch by batch: times as int64 ns, nothing rounded.

In: a path. Out: mappings, and in `units` which columns hold times that their type says. Parquet
checks the sums of its pages where they were written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.readers.reading import Refused

BATCH = 4_096
ARROW_FILE = b"ARROW1"


def table_rows(path: Path, name: str, units: dict[str, str]) -> Iterator[Mapping[str, Any]]:
    """Yield each row of the file at `path`; `name` is for messages."""
    try:
        for batch in _batches(path):
            yield from _timed(batch, units).to_pylist()
    except (pa.ArrowException, OSError, ValueError, SystemError) as error:  # a negative size
        if isinstance(error, OSError) and error.errno:
            raise
        cut = "expected to" in str(error).lower()
        raise Refused(
            f"{name}: {error}", code="TRUNCATED" if cut else "CORRUPT", subject=name
        ) from error


def is_arrow_stream(path: Path) -> bool:
    """Say whether the file opens as a stream of Arrow batches, which has no mark of its own."""
    try:
        with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file):
            return True
    except (pa.ArrowException, OSError, ValueError):
        return False


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(b"PAR1"):
        with pq.ParquetFile(path, page_checksum_verification=True) as table:
            yield from table.iter_batches(batch_size=BATCH)
    elif magic == ARROW_FILE:
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
    else:
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_stream(source) as reader:
            yield from reader


def _timed(batch: pa.RecordBatch, units: dict[str, str]) -> pa.RecordBatch:
    """Return the batch with points and lengths of time as int64 ns."""
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("ns")).cast(pa.int64())
        elif pa.types.is_duration(column.type):
            column = column.cast(pa.duration("ns")).cast(pa.int64())
        elif pa.types.is_time(column.type):
            column = column.cast(pa.time64("ns")).cast(pa.int64())
        else:
            columns.append(column)
            continue
        units[name] = "ns"
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
