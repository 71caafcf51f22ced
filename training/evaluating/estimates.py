"""A mean and how sure one may be of it: windows of one clip are no independent witnesses.

The interval is a bootstrap over clips: clips are drawn with replacement, each with all its windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.evaluating.plan import drawn

FEW_CLIPS: Final = 8  # below it an interval says little
_TIMES: Final = 1_000
_INSIDE: Final = (2.5, 97.5)  # percent
_DIGITS: Final = 4

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One mean a column, and the 95 % interval of each."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def at(self, columns: Sequence[int]) -> tuple[float, ...]:
        """The means of some columns."""
        return tuple(self.mean[one] for one in columns)


def estimate(values_WK: NDArray[Any], clips: Sequence[str], *, seed: int) -> Curve:
    """The mean of each column over windows; `clips` names the clip of each window."""
    values = np.asarray(values_WK, np.float64)
    names = sorted(set(clips))
    own = np.array([[one == name for one in clips] for name in names], np.float64)
    sums, counts = own @ values, own.sum(1)
    often = drawn(seed, "bootstrap").multinomial(
        len(names), np.full(len(names), 1 / len(names)), size=_TIMES
    )
    means = (often @ sums) / (often @ counts)[:, None]
    low, high = np.percentile(means, _INSIDE, axis=0)
    return Curve(mean=rounded(values.mean(0)), low=rounded(low), high=rounded(high))


def rounded(values: NDArray[Any]) -> tuple[float, ...]:
    """Floats as they are reported."""
    return tuple(round(float(one), _DIGITS) for one in values)
