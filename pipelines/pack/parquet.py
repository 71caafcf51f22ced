"""A pack as one Parquet table and one mp4 a row: for every tool that reads a table.

`rows.parquet` has the columns of `data.lance` but the pictures, and `media_path`, the mp4 below the
pack; it is null for a clip without video.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.pack.rows import Work, read_rows
from pipelines.readers.muxing import mux_rendered

VERSION = "1"


def write_parquet(work: Work) -> None:
    """Write the rows of `work` as a table beside a folder of films."""
    media = work.folder / "media"
    media.mkdir()
    paths: list[str | None] = []
    for row in read_rows(work):
        path = f"media/{row.name}.mp4" if row.units else None
        if path is not None:
            (work.folder / path).write_bytes(mux_rendered(row.units, row.doc["fps"]))
        paths.append(path)
        work.told(1)
    table = work.rows.drop_columns(["_rowid", "shard"])
    table = table.append_column("media_path", pa.array(paths, type=pa.string()))
    with (work.folder / "rows.parquet").open("wb") as sink:
        pq.write_table(table, sink)
