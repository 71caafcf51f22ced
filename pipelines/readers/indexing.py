"""The packet index of a stream, out of what a walk has seen of it."""

from __future__ import annotations

import numpy as np

from pipelines.readers.packets import NS
from pipelines.readers.walked import Seen
from pipelines.records import Int64s, PacketIndex


def index_of(seen: Seen, file_id: str, ts_ns: Int64s) -> PacketIndex:
    """Return the packet index of a stream whose packets were all found in `file_id`.

    A packet stands at the time of the picture that comes out of it, whatever the container says;
    one that gives no picture that is shown keeps the container's time.
    """
    pts = fill_times(seen.unit_pts, seen.rate)
    if seen.sources:
        pts[seen.sources] = ts_ns
    return PacketIndex(
        file_id=file_id,
        offset=np.array(seen.offsets, np.int64),
        size=np.array(seen.sizes, np.int32),
        key=np.array(seen.keys, np.bool_),
        pts_ns=pts,
        extradata=seen.extradata,
    )


def fill_times(times: list[int | None], rate: float) -> Int64s:
    """Return times in ns; where one is missing it follows its neighbour by one period."""
    period, last = round(NS / rate) if rate > 0 else 40_000_000, -1
    filled = np.zeros(len(times), np.int64)
    for number, time in enumerate(times):
        filled[number] = time if time is not None else (last + period if number else 0)
        last = int(filled[number])
    return filled
