"""A column of lists as one flat array: a row's list is a view, and nothing is converted twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.windows import Ints


class Lists:
    """The lists of one column; a null is an empty list."""

    def __init__(self, column: pa.ChunkedArray, dtype: type[np.generic]) -> None:
        lists = _whole(column)
        values = lists.values.to_numpy(zero_copy_only=False)
        self.values: NDArray[Any] = values.astype(dtype, copy=False)
        self.ends: Ints = lists.offsets.to_numpy().astype(np.int64)

    def of(self, row: int) -> NDArray[Any]:
        """The list of a row; not to be written to."""
        return self.values[self.ends[row] : self.ends[row + 1]]


class Texts:
    """The lists of texts of one column, made into Python strings when asked for."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        lists = _whole(column)
        self._values = lists.values
        self._ends = lists.offsets.to_numpy()

    def of(self, row: int, first: int, last: int) -> list[str]:
        """Texts `first` .. `last - 1` of a row."""
        start = int(self._ends[row])
        texts: list[str] = self._values.slice(start + first, last - first).to_pylist()
        return texts


def numbers(column: pa.ChunkedArray) -> Ints:
    """A column of whole numbers; a null is 0."""
    values: Ints = column.combine_chunks().fill_null(0).to_numpy(zero_copy_only=False)
    return values.astype(np.int64)


def _whole(column: pa.ChunkedArray) -> pa.ListArray:
    found = column.combine_chunks()
    if isinstance(found, pa.ChunkedArray):  # too long for one array of 32-bit offsets
        found = pa.concat_arrays(
            [one.cast(pa.large_list(one.type.value_type)) for one in found.chunks]
        )
    return found
