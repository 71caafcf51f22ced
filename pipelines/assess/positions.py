"""How jerkily positions move: the third difference of joints and places; pure."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from pipelines.assess.pictures import Span

STEP_NS = 50_000_000  # rows are averaged over it first: the jerk of sensor noise says nothing
POSITION = re.compile(
    r"(?:^|[._/])(?:q?pos(?:ition)?s?|joints?|angles?)(?:[._/\d]|$)", re.IGNORECASE
)
OTHER = re.compile(r"vel|acc|effort|torque|force|current|temp", re.IGNORECASE)


def is_position(channel: str) -> bool:
    """Say whether a channel's name speaks of a position."""
    return POSITION.search(channel) is not None and OTHER.search(channel) is None


def jerk(ts_ns: npt.NDArray[np.int64], values: npt.NDArray[np.float64], span: Span) -> float | None:
    """Return the root mean square jerk of the jerkiest channel in a span."""
    low, high = np.searchsorted(ts_ns, span).tolist()
    slots = (ts_ns[low:high] - span[0]) // STEP_NS
    rows = values[low:high]
    present, first = np.unique(slots, return_index=True)
    if not rows.shape[1] or len(present) < 4:
        return None
    counts = np.diff(np.append(first, len(slots)))[:, None]
    means = np.add.reduceat(rows, first, axis=0) / counts
    whole = present[3:] - present[:-3] == 3  # over a hole there is no third difference
    thirds = np.diff(means, n=3, axis=0)[whole] / (STEP_NS / 1e9) ** 3
    known = (channel[~np.isnan(channel)] for channel in thirds.T)
    return max((float(np.sqrt((one**2).mean())) for one in known if len(one)), default=None)
