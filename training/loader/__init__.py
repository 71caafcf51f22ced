"""The door to a training set's bytes: its index, its verified video ranges, its batches.

`read_index` and `digest_row` are what the gate and the export need; they are named here because
both sides of the digest must meet in one place.
"""

from training.loader.batch import Asked, Batch, Shapes, shapes_from, shapes_of, windows_at
from training.loader.channels import domains_of
from training.loader.decoder import Frames
from training.loader.feed import Feed, FeedSpec, windows_in
from training.loader.index import COLUMNS, digest_row, read_index
from training.loader.numbering import Numbering, renumbered, with_sources
from training.loader.signals import Lookback, lookback_of

__all__ = [
    "COLUMNS",
    "Asked",
    "Batch",
    "Feed",
    "FeedSpec",
    "Frames",
    "Lookback",
    "Numbering",
    "Shapes",
    "digest_row",
    "domains_of",
    "lookback_of",
    "read_index",
    "renumbered",
    "shapes_from",
    "shapes_of",
    "windows_at",
    "windows_in",
    "with_sources",
]
