"""What a worker does: decode the pictures of some episodes, write their figures as fragments.

In: a place and a bundle, small values. Out: `Written`. Packets are read from the lake by byte
ranges and pictures decoded at 160x90; memory holds a few packets, a block of small pictures and one
chunk of figures, however long the recording is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.lake.reading import read_ranges
from pipelines.lake.streams import UNITS, StreamRows, read_streams
from pipelines.lake.writing import Written, write_fragments
from pipelines.look import figures
from pipelines.look.hashes import difference_hashes
from pipelines.measures import FRAMES
from pipelines.readers.decode import Coding, Small, small_frames
from pipelines.records import CHUNK_ENTRIES, content_id, row_sha256

LOOK = (
    "look@1"  # who looked: other figures are another version, and every picture is looked at anew
)
BLOCK = 64
UNITS_AT_ONCE, UNIT_BYTES = 256, 8 << 20
HASH_NS = 250_000_000  # a hash for each quarter of a second, from the first picture on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """An episode with its cameras, in the order of the episode."""

    episode_id: str
    cameras: Mapping[str, Coding]
    num_pictures: int
    key: str  # digest of all that its figures depend on


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a batch reads and writes."""

    source_id: str
    media: str
    streams: str
    frames: str
    batch_id: str = ""


def look_bundle(place: Place, bundle: tuple[Sight, ...]) -> Written:
    """Look at the episodes of `bundle` and write their figures; runs in a worker."""
    rows = (row for sight in bundle for row in _rows(place, sight))
    return write_fragments(place.frames, FRAMES, rows)


def read_units(media: str, stream: StreamRows) -> Iterator[tuple[int, bytes]]:
    """Yield (time, bytes) of each packet, read by ranges, some at a time."""
    low, total = 0, len(stream.unit_offset)
    ends = np.cumsum(stream.unit_size, dtype=np.int64)
    while low < total:
        before = int(ends[low - 1]) if low else 0
        high = int(np.searchsorted(ends, before + UNIT_BYTES))
        some = slice(low, max(low + 1, min(high, low + UNITS_AT_ONCE)))
        places = [
            (stream.file_id, offset, size)
            for offset, size in zip(
                stream.unit_offset[some].tolist(), stream.unit_size[some].tolist(), strict=True
            )
        ]
        yield from zip(stream.unit_pts_ns[some].tolist(), read_ranges(media, places), strict=True)
        low = some.stop


def _rows(place: Place, sight: Sight) -> Iterator[pa.RecordBatch]:
    for camera, coding in sight.cameras.items():
        found = read_streams(place.streams, sight.episode_id, camera, columns=("ts_ns", *UNITS))
        for stream in found:
            told = replace(coding, extradata=stream.extradata)
            pictures = small_frames(told, read_units(place.media, stream))
            named = {
                "source_id": place.source_id,
                "episode_id": sight.episode_id,
                "stream": camera,
                "look_id": LOOK,
            }
            for number, row in enumerate(_chunks(pictures, stream.ts_ns)):
                own = named | row | {"chunk_no": number}
                own["frames_id"] = content_id(place.source_id, sight.episode_id, camera, number)
                own["sha256"] = row_sha256(own)
                whole = own | {"batch_id": place.batch_id}
                yield pa.RecordBatch.from_pylist([whole], schema=FRAMES)


def _chunks(pictures: Iterable[Small], shown_ns: npt.NDArray[np.int64]) -> Iterator[dict[str, Any]]:
    """Yield the figures of some pictures at a time; what an edit list hides is no picture."""
    stream, chunk = iter(pictures), _Chunk()
    while len(shown_ns) and (block := list(islice(stream, BLOCK))):
        at = np.array([one.ts_ns for one in block], np.int64)
        place = np.minimum(np.searchsorted(shown_ns, at), len(shown_ns) - 1)
        shown = shown_ns[place] == at
        if shown.any():
            chunk.add([one for one, is_shown in zip(block, shown, strict=True) if is_shown])
        if chunk.count >= CHUNK_ENTRIES:
            yield chunk.taken()
    if chunk.count:
        yield chunk.taken()


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


_PLANES = ("luma", "chroma")
