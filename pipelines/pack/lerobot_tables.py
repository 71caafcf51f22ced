"""The Parquet tables of a LeRobot data set: frames, episodes, tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.pack.rows import grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One clip: its number, its rows (one a camera) and where its frames begin."""

    number: int
    rows: tuple[int, ...]
    first_frame: int
    num_frames: int
    doc: dict[str, Any]


def frame_table(rows: pa.Table, episodes: Sequence[Episode], sources: Sequence[str]) -> pa.Table:
    """One line a frame; every camera of a clip shares its numbers."""
    places = [one.rows[0] for one in episodes]
    counts = [one.num_frames for one in episodes]
    columns: dict[str, pa.Array] = {}
    valid = np.concatenate([grid(rows, "valid", at, dtype=np.bool_) for at in places])
    begin = 0
    for kind, name in (("action", "action"), ("state", "observation.state")):
        values = np.concatenate([grid(rows, kind, at) for at in places])
        width = values.shape[1]
        if width:
            columns[name] = _column(values)
            columns[f"valid.{kind}"] = _column(valid[:, begin : begin + width])
        begin += width
    times = [rows["frame_ts_ns"][at].values.to_numpy(zero_copy_only=False) for at in places]
    steps = np.concatenate([np.arange(one) for one in counts])
    fps = rows["fps"][places[0]].as_py()
    tasks = [sources.index(one.doc["source_id"]) for one in episodes]
    columns["frame_ts_ns"] = pa.array(np.concatenate(times), pa.int64())
    columns["timestamp"] = pa.array((steps / fps).astype(np.float32))
    columns["frame_index"] = pa.array(steps, pa.int64())
    numbers = np.repeat([one.number for one in episodes], counts)
    columns["episode_index"] = pa.array(numbers, pa.int64())
    columns["index"] = pa.array(steps + np.repeat([one.first_frame for one in episodes], counts))
    columns["task_index"] = pa.array(np.repeat(tasks, counts), pa.int64())
    return pa.table(columns)


def episode_table(lines: Sequence[dict[str, Any]]) -> pa.Table:
    """One line an episode: where its frames and its pictures stand."""
    return pa.Table.from_pylist(list(lines))


def task_table(tasks: Sequence[str]) -> pa.Table:
    """The tasks as LeRobot reads them: a pandas frame whose index is the text."""
    table = pa.table(
        {"task_index": pa.array(range(len(tasks)), pa.int64()), "task": pa.array(tasks)}
    )
    kinds = (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    told = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": as_numpy,
             "metadata": None}
            for name, kind, as_numpy in kinds
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.0.0",
    }  # fmt: skip
    return table.replace_schema_metadata({"pandas": json.dumps(told)})


def write_table(path: Path, table: pa.Table) -> None:
    """Write one Parquet file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as sink:
        pq.write_table(table, sink)


def _column(values: NDArray[Any]) -> pa.Array:
    """A list a frame; a single channel is a plain number, as LeRobot has it."""
    if values.shape[1] == 1:
        return pa.array(np.ascontiguousarray(values[:, 0]))
    flat = pa.array(np.ascontiguousarray(values).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
