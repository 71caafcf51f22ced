"""Read the streams of episodes, as columns: no number becomes an object of its own.

A stream lies in chunks; here they are joined in their order. Columns that were not asked for come
back empty, so that whoever needs times alone reads no values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lake.checks import quoted
from pipelines.lake.reading import scan_batches, scan_columns
from pipelines.ondisk import Filled

Key = TypeVar("Key")
Scalar = TypeVar("Scalar", bound=np.generic)
_NAMED = ("stream", "kind", "clock", "file_id", "reader")
_ALWAYS = ("episode_id", "chunk_no", "start_ns", "end_ns", *_NAMED)
UNITS = ("unit_offset", "unit_size", "unit_key", "unit_pts_ns", "extradata")
NUMBERS = ("values", "width", "channels")
COLUMNS = ("ts_ns", *NUMBERS, "events", *UNITS)
NUMBERS_AT_ONCE = 4_000_000  # of the episodes that one scan reads: 32 MB
_NAMES_AT_ONCE = 200  # a longer list of names makes the scan itself slow


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRows:
    """One stream of one episode, its chunks joined in order."""

    stream: str
    kind: str
    clock: str
    file_id: str
    reader: str
    start_ns: int
    end_ns: int
    channels: tuple[str, ...]
    ts_ns: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    events: tuple[str, ...]
    unit_offset: npt.NDArray[np.int64]
    unit_size: npt.NDArray[np.int32]
    unit_key: npt.NDArray[np.bool_]
    unit_pts_ns: npt.NDArray[np.int64]
    extradata: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of one stream of one episode."""

    stream: str
    kind: str
    clock: str
    ts_ns: npt.NDArray[np.int64]


def read_times(
    uri: str, episode_ids: Iterable[str], *, scratch: Path | None = None
) -> dict[str, tuple[Times, ...]]:
    """The times of every stream of some episodes, sorted by name.

    Those of a long stream lie in a file of the folder `scratch`, and memory holds what is gone
    over (`ondisk.let_go`).
    """
    where = f"episode_id IN ({', '.join(map(quoted, episode_ids))})"
    names = ["episode_id", "stream", "chunk_no"]
    table = scan_columns(uri, [*names, "kind", "clock", "count"], where=where)
    table = table.sort_by([(name, "ascending") for name in names])
    heads = table.filter(pc.equal(table["chunk_no"], 0)).to_pylist()
    chunks = zip(*(table[name].to_pylist() for name in (*names, "count")), strict=True)
    places: dict[tuple[str, str, int], int] = {}
    ends: dict[tuple[str, str], int] = {}
    for episode_id, stream, number, count in chunks:
        key = (episode_id, stream)
        places[*key, number] = ends.get(key, 0)
        ends[key] = ends.get(key, 0) + count
    del table
    times = {key: Filled(total, scratch) for key, total in ends.items()}
    for batch in scan_batches(uri, [*names, "ts_ns"], where=where):
        keys = zip(*(batch[name].to_pylist() for name in names), strict=True)
        for (episode_id, stream, number), ts_ns in zip(keys, batch["ts_ns"], strict=True):
            own = ts_ns.values.to_numpy()
            times[episode_id, stream].put(own, places[episode_id, stream, number])
    found: dict[str, list[Times]] = {}
    for one in heads:
        ts_ns = times[one["episode_id"], one["stream"]].whole()
        told = Times(stream=one["stream"], kind=one["kind"], clock=one["clock"], ts_ns=ts_ns)
        found.setdefault(one["episode_id"], []).append(told)
    return {episode_id: tuple(streams) for episode_id, streams in found.items()}


def read_streams(
    uri: str, episode_id: str, stream: str | None = None, *, columns: Sequence[str] = COLUMNS
) -> tuple[StreamRows, ...]:
    """The streams of an episode (or the one named), sorted by name."""
    names = None if stream is None else [stream]
    return read_episodes(uri, [episode_id], names, columns=columns).get(episode_id, ())


def read_episodes(
    uri: str,
    episode_ids: Iterable[str],
    streams: Iterable[str] | None = None,
    *,
    columns: Sequence[str] = COLUMNS,
    span: tuple[int, int] | None = None,
) -> dict[str, tuple[StreamRows, ...]]:
    """The streams of several episodes, all of them or those named, read in one scan.

    Of a `span` of ns, both ends included, all chunks are read that have an entry in it.
    """
    where = f"episode_id IN ({', '.join(map(quoted, episode_ids))})"
    if streams is not None:
        where += f" AND stream IN ({', '.join(map(quoted, streams))})"
    if span is not None:
        where += f" AND end_ns >= {span[0]} AND start_ns <= {span[1]}"
    table = scan_columns(uri, [*_ALWAYS, *columns], where=where)
    table = table.sort_by([(name, "ascending") for name in ("episode_id", "stream", "chunk_no")])
    keys = list(zip(table["episode_id"].to_pylist(), table["stream"].to_pylist(), strict=True))
    found: dict[str, list[StreamRows]] = {}
    for (episode_id, _), low, high in runs(keys):
        found.setdefault(episode_id, []).append(_joined(table.slice(low, high - low)))
    return {episode_id: tuple(rows) for episode_id, rows in found.items()}


def each_episode(
    uri: str, episode_ids: Sequence[str], *, at_once: int = NUMBERS_AT_ONCE
) -> Iterator[tuple[str, tuple[StreamRows, ...]]]:
    """Each episode in the given order with its streams, sorted by name; none where it has none.

    A scan goes over the whole source, so it reads as many episodes as hold `at_once` numbers, and
    one at least.
    """
    sizes = _numbers(uri)
    group: list[str] = []
    total = 0
    for episode_id in episode_ids:
        size = sizes.get(episode_id, 0)
        if group and (total + size > at_once or len(group) == _NAMES_AT_ONCE):
            yield from _in_order(uri, group)
            group, total = [], 0
        group.append(episode_id)
        total += size
    if group:
        yield from _in_order(uri, group)


def rows_digest(uri: str, episode_ids: Collection[str]) -> str:
    """What is stored of the streams of some episodes, whatever order it was written in.

    One scan of the source, however many episodes: an SQL list of them all would be slower.
    """
    table = scan_columns(uri, ["episode_id", "chunk_id", "sha256"])
    wanted = pa.array(list(episode_ids), pa.string())
    rows = table.filter(pc.is_in(table["episode_id"], value_set=wanted))
    digest = hashlib.sha256()
    for batch in rows.sort_by("chunk_id").to_batches(max_chunksize=1_024):
        for chunk_id, raw in zip(batch["chunk_id"], batch["sha256"], strict=True):
            digest.update(f"{chunk_id.as_py()}:{raw.as_py().hex()}\n".encode())
    return digest.hexdigest()


def runs(keys: Sequence[Key]) -> Iterator[tuple[Key, int, int]]:
    """Yield each key with the rows `[low, high)` that have it, where equal ones stand together."""
    low = 0
    for high in range(1, len(keys) + 1):
        if high == len(keys) or keys[high] != keys[low]:
            yield keys[low], low, high
            low = high


def flat(table: pa.Table, name: str, kind: type[Scalar]) -> npt.NDArray[Scalar]:
    """The entries of a column of lists, one after the other; none where the column is not there."""
    if name not in table.column_names or not table.num_rows:
        return np.zeros(0, kind)
    return np.asarray(
        pc.list_flatten(table[name]).combine_chunks().to_numpy(zero_copy_only=False), dtype=kind
    )


def _in_order(uri: str, episode_ids: Sequence[str]) -> Iterator[tuple[str, tuple[StreamRows, ...]]]:
    found = read_episodes(uri, episode_ids)
    for episode_id in episode_ids:
        yield episode_id, found.pop(episode_id, ())


def _numbers(uri: str) -> dict[str, int]:
    """How many numbers the streams of each episode of a source hold, their times among them."""
    found: dict[str, int] = {}
    table = scan_columns(uri, ["episode_id", "count", "width"])
    columns = (table[name].to_pylist() for name in table.column_names)
    for episode_id, count, width in zip(*columns, strict=True):
        found[episode_id] = found.get(episode_id, 0) + count * (1 + (width or 0))
    return found


def _joined(rows: pa.Table) -> StreamRows:
    first, last = rows.slice(0, 1), rows.slice(rows.num_rows - 1)
    width = max(_present(rows, "width"), default=0)
    values = flat(rows, "values", np.float64)
    return StreamRows(
        **{name: str(first[name][0].as_py()) for name in _NAMED},
        start_ns=int(first["start_ns"][0].as_py()),
        end_ns=int(last["end_ns"][0].as_py()),
        channels=tuple(next(iter(_present(first, "channels")), ())),
        ts_ns=flat(rows, "ts_ns", np.int64),
        values=values.reshape(-1, width) if width else values.reshape(0, 0),
        events=tuple(text for some in _present(rows, "events") for text in some),
        unit_offset=flat(rows, "unit_offset", np.int64),
        unit_size=flat(rows, "unit_size", np.int32),
        unit_key=flat(rows, "unit_key", np.bool_),
        unit_pts_ns=flat(rows, "unit_pts_ns", np.int64),
        extradata=next(iter(_present(first, "extradata")), b""),
    )


def _present(rows: pa.Table, name: str) -> list[Any]:
    """What is not null in a column, if the column is there."""
    found = rows[name].to_pylist() if name in rows.column_names else []
    return [one for one in found if one is not None]
