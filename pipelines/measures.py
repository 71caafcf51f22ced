"""What is measured: the figures of every picture, and of every clip with unit, range and formula.

The one list that the columns of the lake, the filters of a source and `docs/assess.md` are made of.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

KEY = {b"lance-schema:unenforced-primary-key": b"true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One figure of a clip; null where the clip has nothing that it could be taken from."""

    name: str
    unit: str
    low: float
    high: float  # `inf` where there is no bound
    what: str


_SHARE, _LUMA, _INF = "share", "of 255", float("inf")
MEASURES = (
    Measure(
        name="motion", unit=_LUMA, low=0, high=255,
        what="mean over the steps from picture to picture of the mean difference of luma",
    ),
    Measure(
        name="still", unit=_SHARE, low=0, high=1,
        what="steps whose mean difference of luma is below 0.5: noise of the encoder",
    ),
    Measure(
        name="frozen", unit=_SHARE, low=0, high=1,
        what="steps between two equal pictures",
    ),
    Measure(
        name="blur", unit=f"{_LUMA}, squared", low=0, high=_INF,
        what="mean variance of the Laplacian of luma: small where nothing is sharp",
    ),
    Measure(
        name="black", unit=_SHARE, low=0, high=1,
        what="pictures whose mean luma is below 24",
    ),
    Measure(
        name="white", unit=_SHARE, low=0, high=1,
        what="pictures whose mean luma is above 231",
    ),
    Measure(
        name="exposure", unit=_SHARE, low=0, high=1,
        what="mean luma of all pictures over 255",
    ),
    Measure(
        name="clipped", unit=_SHARE, low=0, high=1,
        what="pixels whose luma is at most 4 or at least 251: nothing can be seen in them",
    ),
    Measure(
        name="blockiness", unit="ratio", low=0, high=_INF,
        what="difference of luma across the borders of 8x8 blocks over that inside blocks, in the"
        " middle 512x512 pixels as coded, mean over a picture a second: 1 where no block shows",
    ),
    Measure(
        name="letterbox", unit=_SHARE, low=0, high=1,
        what="area of the dark bars that all pictures of the clip have, dark pictures left out",
    ),
    Measure(
        name="skew_p99_ms", unit="ms", low=0, high=_INF,
        what="99th percentile of the age of the latest row at each picture, in the worst stream",
    ),
    Measure(
        name="jitter_p99_ms", unit="ms", low=0, high=_INF,
        what="99th percentile of how far the steps between pictures are from the usual step",
    ),
    Measure(
        name="overlap", unit=_SHARE, low=0, high=1,
        what="part of the clip in which pictures and all streams of numbers run at once",
    ),
    Measure(
        name="coverage", unit=_SHARE, low=0, high=1,
        what="part of the clip that is no hole of over three usual steps between pictures, or"
        " between rows of the densest stream where there are none",
    ),
    Measure(
        name="action_entropy", unit="bit", low=0, high=4,
        what="entropy of each action channel, its range in the episode cut in 16, mean over the"
        " channels that vary in the episode",
    ),
    Measure(
        name="activity", unit=_SHARE, low=0, high=1,
        what="pictures whose action differs from that of the picture before",
    ),
    Measure(
        name="idle", unit=_SHARE, low=0, high=1,
        what="pictures without any action: every channel is 0, or unchanged where it is never 0",
    ),
    Measure(
        name="stuck", unit=_SHARE, low=0, high=1,
        what="pictures that stand still although there is action",
    ),
    Measure(
        name="lag_ms", unit="ms", low=-1000, high=1000,
        what="how much later than the action the pictures move: the shift within a second that"
        " correlates the two best over the whole episode, null below a correlation of 0.2",
    ),
    Measure(
        name="jerk", unit="unit/s³", low=0, high=_INF,
        what="root mean square of the third difference of positions, averaged over 50 ms, of the"
        " channel where it is largest",
    ),
    Measure(
        name="duplicate", unit=_SHARE, low=0, high=1,
        what="part of the clip that an episode recorded earlier shows too, in any source",
    ),
)  # fmt: skip
NAMES = tuple(one.name for one in MEASURES)


def required(kind: pa.DataType, names: str, *, key: bool = False) -> list[pa.Field]:
    """Return a column that is never null for each of `names`."""
    told = KEY if key else None
    return [pa.field(name, kind, nullable=False, metadata=told) for name in names.split()]


FIGURES = ("step", "chroma", "sharp", "luma", "clipped", "bars", "blocky")  # of one picture
_TIMES, _FIGURE, _BITS = pa.list_(pa.int64()), pa.list_(pa.float32()), pa.list_(pa.uint64())
FRAMES = pa.schema(
    [
        *required(pa.string(), "frames_id", key=True),
        *required(pa.string(), "source_id episode_id stream look_id batch_id"),
        *required(pa.int32(), "chunk_no count"),
        *required(_TIMES, "ts_ns"),
        *required(_FIGURE, " ".join(FIGURES)),
        *required(_TIMES, "hash_ns"),
        *required(_BITS, "hash_bits hash_mask"),
        *required(pa.binary(32), "luma_sha256 sha256"),
    ]
)
