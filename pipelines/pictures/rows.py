"""Small pictures -> their figures, in chunks that become rows of FRAMES.

The same pictures give the same rows, whether a reader saw them pass or somebody decoded them later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.measures import FRAMES
from pipelines.pictures import figures
from pipelines.pictures.hashes import difference_hashes
from pipelines.pictures.small import Small
from pipelines.records import CHUNK_ENTRIES, content_id, row_sha256

LOOK = (
    "look@2"  # who looked: other figures are another version, and every picture is looked at anew
)
BLOCK = 64
HASH_NS = 250_000_000  # a hash for each quarter of a second, from the first picture on
_PLANES = ("luma", "chroma")


def look_key(episode_id: str, reader: str, streams: Iterable[Mapping[str, Any]]) -> str:
    """Return the digest of all that the figures of an episode depend on."""
    shown = [[one["name"], one["num_frames"], one["start_ns"], one["end_ns"]]
             for one in streams if one["kind"] == "video"]  # fmt: skip
    return content_id(LOOK, episode_id, reader, shown)


def chunks(pictures: Iterable[Small]) -> Iterator[dict[str, Any]]:
    """Yield the figures of CHUNK_ENTRIES pictures at a time."""
    stream, chunk = iter(pictures), _Chunk()
    while block := list(islice(stream, BLOCK)):
        chunk.add(block)
        if chunk.count >= CHUNK_ENTRIES:
            yield chunk.taken()
    if chunk.count:
        yield chunk.taken()


def frame_rows(
    source_id: str,
    episode_id: str,
    stream: str,
    *,
    figures_of: Iterable[Mapping[str, Any]],
    batch_id: str,
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of FRAMES for the chunks of one camera, one batch a row."""
    named = {"source_id": source_id, "episode_id": episode_id, "stream": stream, "look_id": LOOK}
    for number, chunk in enumerate(figures_of):
        row = named | dict(chunk) | {"chunk_no": number}
        row["frames_id"] = content_id(source_id, episode_id, stream, number)
        row["sha256"] = row_sha256(row)
        yield pa.RecordBatch.from_pylist([row | {"batch_id": batch_id}], schema=FRAMES)


def times_of(figures_of: Sequence[Mapping[str, Any]]) -> npt.NDArray[np.int64]:
    """Return the times of the pictures that some chunks tell of."""
    return np.concatenate([np.zeros(0, np.int64), *(one["ts_ns"] for one in figures_of)])


@dataclass(slots=True)
class _Chunk:
    """The figures of one chunk so far, and what the next picture is measured against."""

    count: int = 0
    columns: dict[str, list[npt.NDArray[Any]]] = field(default_factory=dict)
    digest: Any = field(default_factory=hashlib.sha256)
    luma: npt.NDArray[np.uint8] | None = None
    chroma: npt.NDArray[np.uint8] | None = None
    start_ns: int | None = None
    quarter: int = -1

    def add(self, block: list[Small]) -> None:
        """Take the next pictures."""
        ts_ns = np.array([one.ts_ns for one in block], np.int64)
        luma, chroma = (np.stack([getattr(one, name) for one in block]) for name in _PLANES)
        self._keep("ts_ns", ts_ns)
        self._keep("step", figures.steps(luma, self.luma))
        self._keep("chroma", figures.steps(chroma, self.chroma))
        self._keep("sharp", figures.sharpness(luma))
        self._keep("luma", figures.brightness(luma))
        self._keep("clipped", figures.clipping(luma))
        self._keep("bars", figures.bars(luma))
        details = [
            np.nan if one.detail is None else figures.blockiness(one.detail) for one in block
        ]
        self._keep("blocky", np.array(details, np.float32))
        self._hash(ts_ns, luma)
        self.digest.update(np.ascontiguousarray(luma))
        self.luma, self.chroma, self.count = luma[-1], chroma[-1], self.count + len(block)

    def taken(self) -> dict[str, Any]:
        """Return the chunk and begin the next."""
        row: dict[str, Any] = {
            name: np.concatenate(parts) for name, parts in self.columns.items()
        } | {"count": self.count, "luma_sha256": self.digest.digest()}
        self.count, self.columns, self.digest = 0, {}, hashlib.sha256()
        return row

    def _hash(self, ts_ns: npt.NDArray[np.int64], luma: npt.NDArray[np.uint8]) -> None:
        if self.start_ns is None:
            self.start_ns = int(ts_ns[0])
        quarters = np.concatenate([[self.quarter], (ts_ns - self.start_ns) // HASH_NS])
        first = np.flatnonzero(np.diff(quarters) > 0)
        self.quarter = int(quarters[-1])
        bits, mask = difference_hashes(luma[first])
        self._keep("hash_ns", ts_ns[first])
        self._keep("hash_bits", bits)
        self._keep("hash_mask", mask)

    def _keep(self, name: str, values: npt.NDArray[Any]) -> None:
        self.columns.setdefault(name, []).append(values)
