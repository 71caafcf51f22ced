"""What the pictures of a clip measure, from the figures of each of them; pure."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pipelines.look.reading import Seen
from pipelines.pictures.figures import BLACK, WHITE

STILL: Final = 0.5  # mean difference of luma, of 255: less is noise of the encoder
Measures = dict[str, float | None]
Span = tuple[int, int]  # [start_ns, end_ns)


def picture_measures(seen: Seen, span: Span) -> Measures:
    """Return the measures of the pictures in a span; none without a picture in it."""
    low, high = np.searchsorted(seen.ts_ns, span).tolist()
    if low == high:
        return {}
    inside = {name: values[low:high].astype(np.float64) for name, values in seen.figures.items()}
    steps, luma = inside["step"][1:], inside["luma"]
    return {
        "motion": float(steps.mean()) if len(steps) else 0.0,
        "still": _share(steps < STILL) if len(steps) else 1.0,
        "frozen": _share(steps == 0.0) if len(steps) else 1.0,
        "blur": float(inside["sharp"].mean()),
        "black": _share(luma < BLACK),
        "white": _share(luma > WHITE),
        "exposure": float(luma.mean()) / 255,
        "clipped": float(inside["clipped"].mean()),
        "blockiness": _known_mean(inside["blocky"]),
        "letterbox": _known_least(inside["bars"]),
    }


def _share(true: npt.NDArray[np.bool_]) -> float:
    return float(true.mean())


def _known_mean(values: npt.NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _known_least(values: npt.NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.min()) if len(known) else None
