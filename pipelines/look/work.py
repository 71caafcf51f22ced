"""What a worker does: decode the pictures of some episodes, write their figures as fragments.

In: a place and a bundle, small values. Out: `Written`. Packets are read from the lake by byte
ranges and pictures decoded at 160x90; memory holds a few packets, a block of small pictures and one
chunk of figures, however long the recording is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from pipelines.lake.reading import read_ranges
from pipelines.lake.streams import UNITS, StreamRows, read_streams
from pipelines.lake.writing import Written, write_fragments
from pipelines.measures import FRAMES
from pipelines.pictures.rows import chunks, frame_rows
from pipelines.readers.decode import Coding, small_frames

UNITS_AT_ONCE, UNIT_BYTES = 256, 8 << 20


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
            pictures = small_frames(told, read_units(place.media, stream), stream.ts_ns)
            yield from frame_rows(
                place.source_id,
                sight.episode_id,
                camera,
                figures_of=chunks(pictures),
                batch_id=place.batch_id,
            )
