"""How the measures of a source's clips are spread: quantiles and a histogram of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pipelines.lake.datasets import dataset_uri, has_dataset
from pipelines.lake.reading import scan_columns
from pipelines.measures import MEASURES
from pipelines.settings import Settings

BARS = 12
Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One measure over the clips that have it; `bars` count them from the least to the greatest."""

    measure: str
    unit: str
    num_clips: int
    least: float
    p05: float
    median: float
    p95: float
    greatest: float
    bars: tuple[int, ...]


def spreads(source_id: str, settings: Settings) -> Iterator[Spread]:
    """Yield each measure that any clip of a source has, a column in memory at a time."""
    uri = dataset_uri(settings.lake, source_id, "clips")
    if not has_dataset(uri):
        return
    for one in MEASURES:
        column = scan_columns(uri, [one.name], where=f"{one.name} IS NOT NULL")[one.name]
        values = column.to_numpy().astype(np.float64)
        values = values[np.isfinite(values)]
        if len(values):
            yield _spread(one.name, one.unit, values)


def _spread(
    measure: str, unit: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Spread:
    least, p05, median, p95, greatest = np.quantile(values, [0, 0.05, 0.5, 0.95, 1]).tolist()
    edges = np.linspace(least, greatest, BARS + 1) if greatest > least else [least, greatest]
    places = np.searchsorted(np.sort(values), edges[1:-1], side="left")
    counts = [int(b - a) for a, b in pairwise([0, *places.tolist(), len(values)])]
    return Spread(
        measure=measure,
        unit=unit,
        num_clips=len(values),
        least=least,
        p05=p05,
        median=median,
        p95=p95,
        greatest=greatest,
        bars=tuple(counts),
    )
