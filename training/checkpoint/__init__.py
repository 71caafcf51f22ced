"""Checkpoints that are whole or not there, and the few kilobytes that a run remembers.

Weights and optimiser are written by torch's distributed checkpoint, each rank its part; then rank 0
writes `checkpoint.json` by rename, with the digest of every file. No `checkpoint.json`, no
checkpoint. On the way back the digests are checked first, for the format's index is a pickle.
"""

from training.checkpoint.lineage import cursors_of, lineage_doc, lost_in, stopped_doc
from training.checkpoint.records import RunRecord, record_of
from training.checkpoint.seals import (
    SEAL,
    Seal,
    Sealed,
    checkpoints,
    latest,
    prune,
    read_cursor,
    read_seal,
    sealed_at,
)
from training.checkpoint.weights import Weights, check_set, load, load_averaged, start_save

__all__ = [
    "SEAL",
    "RunRecord",
    "Seal",
    "Sealed",
    "Weights",
    "check_set",
    "checkpoints",
    "cursors_of",
    "latest",
    "lineage_doc",
    "load",
    "load_averaged",
    "lost_in",
    "prune",
    "read_cursor",
    "read_seal",
    "record_of",
    "sealed_at",
    "start_save",
    "stopped_doc",
]
