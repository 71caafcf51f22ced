"""Read what was seen: the figures of each picture, and the hashes of each recording as a series."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.lake.checks import quoted
from pipelines.lake.datasets import dataset_uri, has_dataset
from pipelines.lake.reading import scan_columns
from pipelines.lake.streams import flat, runs
from pipelines.look.copies import Hashes, Series
from pipelines.measures import FIGURES
from pipelines.pictures.rows import HASH_NS

_ORDER = [(name, "ascending") for name in ("episode_id", "stream", "chunk_no")]
_HASHES = ("count", "hash_ns", "hash_bits", "hash_mask", "luma_sha256")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What one camera of an episode showed: times, and the figures of each picture by name."""

    episode_id: str
    stream: str
    ts_ns: npt.NDArray[np.int64]
    figures: dict[str, npt.NDArray[np.float32]]


def read_seen(uri: str, episode_ids: Iterable[str]) -> dict[tuple[str, str], Seen]:
    """Return what the cameras of some episodes showed, by (episode, stream)."""
    if not has_dataset(uri):
        return {}
    where = f"episode_id IN ({', '.join(map(quoted, episode_ids))})"
    table, keys = _in_order(uri, ("ts_ns", *FIGURES), where=where)
    found = {}
    for (episode_id, stream), low, high in runs(keys):
        rows = table.slice(low, high - low)
        ts_ns = flat(rows, "ts_ns", np.int64)
        order = np.argsort(ts_ns, kind="stable")
        found[episode_id, stream] = Seen(
            episode_id=episode_id,
            stream=stream,
            ts_ns=ts_ns[order],
            figures={name: flat(rows, name, np.float32)[order] for name in FIGURES},
        )
    return found


def read_series(lake: str, source_id: str, version: int | None = None) -> list[Series]:
    """Return the hashes of every camera of every episode of a source."""
    uri = dataset_uri(lake, source_id, "frames")
    if not has_dataset(uri):
        return []
    table, keys = _in_order(uri, _HASHES, version=version)
    times = flat(table, "hash_ns", np.int64)
    bits, mask = (flat(table, name, np.uint64) for name in ("hash_bits", "hash_mask"))
    ends = np.cumsum([0, *pc.list_value_length(table["hash_ns"]).to_pylist()]).tolist()
    digests, counts = table["luma_sha256"].to_pylist(), table["count"].to_pylist()
    found = []
    for (episode_id, stream), low, high in runs(keys):
        own = times[ends[low] : ends[high]]
        start_ns = int(own.min()) if len(own) else 0
        slots, first = np.unique((own - start_ns) // HASH_NS, return_index=True)  # ascending
        some = ends[low] + first
        found.append(
            Series(
                source_id=source_id,
                episode_id=episode_id,
                stream=stream,
                start_ns=start_ns,
                count=sum(counts[low:high]),
                digest=hashlib.sha256(b"".join(digests[low:high])).hexdigest(),
                slots=slots,
                hashes=Hashes.of(bits[some], mask[some]),
            )
        )
    return found


def _in_order(
    uri: str, columns: Iterable[str], *, where: str = "", version: int | None = None
) -> tuple[pa.Table, list[tuple[str, str]]]:
    """Read columns, the chunks of each camera in order, and the camera of each row."""
    wanted = ["episode_id", "stream", "chunk_no", *columns]
    table = scan_columns(uri, wanted, where=where, version=version).sort_by(_ORDER)
    names = (table[name].to_pylist() for name in ("episode_id", "stream"))
    return table, list(zip(*names, strict=True))
