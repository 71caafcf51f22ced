"""The door to a training set's bytes: its index, its verified video ranges, its batches.

`read_index` and `digest_row` are what the gate and the export need; they are named here because
both sides of the digest must meet in one place.
"""

from training.loader.feed import Asked, Batch, Feed, Shapes, domains_of, shapes_of, windows_in
from training.loader.index import COLUMNS, digest_row, read_index
from training.loader.media import Frames

__all__ = [
    "COLUMNS",
    "Asked",
    "Batch",
    "Feed",
    "Frames",
    "Shapes",
    "digest_row",
    "domains_of",
    "read_index",
    "shapes_of",
    "windows_in",
]
