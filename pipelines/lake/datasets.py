"""Naming, creating and opening the Lance datasets of a source, and Lance's errors as ours.

Creation is a step of its own, under the source's lock: Lance lets two racing creations both
succeed, the second wiping the first.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import lance
import pyarrow as pa

from pipelines.errors import LakeError
from pipelines.lake.schemas import STORAGE_VERSION
from pipelines.storage import join

NAMES = ("media", "streams", "frames", "clips")


def dataset_uri(lake: str, source_id: str, name: str) -> str:
    """The URI of one of a source's datasets: `media`, `streams`, `frames` or `clips`."""
    return join(lake, source_id, f"{name}.lance")


def dataset_name(uri: str) -> str:
    """The name of the dataset at `uri`, as the ledger knows it."""
    return uri.rstrip("/").rpartition("/")[2].removesuffix(".lance")


def has_dataset(uri: str) -> bool:
    """Whether a dataset exists at `uri`; an error other than its absence is raised."""
    try:
        with refusals(uri):
            lance.dataset(uri)
    except LakeError as error:
        if error.code == "DATASET_MISSING":
            return False
        raise
    return True


def create_dataset(uri: str, schema: pa.Schema) -> None:
    """Create an empty dataset unless it is there; the caller holds the source's lock."""
    if has_dataset(uri):
        return
    with refusals(uri):
        dataset = lance.write_dataset(
            pa.Table.from_batches([], schema=schema),
            uri,
            schema=schema,
            mode="create",
            data_storage_version=STORAGE_VERSION,
            enable_stable_row_ids=True,
        )
        # Erasure relies on it: by default compaction leaves fragments with few deletions alone.
        dataset.update_config({"lance.compaction.materialize_deletions_threshold": "0.0"})


def open_dataset(uri: str, version: int | None = None) -> lance.LanceDataset:
    """Open a dataset, at one version when given.

    Raises:
        LakeError: DATASET_MISSING when there is none.
    """
    with refusals(uri):
        return lance.dataset(uri, version=version)


def version_of(uri: str) -> int:
    """The latest version number, 0 when there is no dataset."""
    return int(open_dataset(uri).version) if has_dataset(uri) else 0


def count_rows(uri: str) -> int:
    """The number of rows, 0 when there is no dataset."""
    return int(open_dataset(uri).count_rows()) if has_dataset(uri) else 0


@contextmanager
def refusals(uri: str) -> Iterator[None]:
    """Turn an error of Lance or of the disk below it into a `LakeError` with a way out."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        found = _refusal(uri, error)
        if found is None:
            raise
        raise found from error


def _refusal(uri: str, error: Exception) -> LakeError | None:
    text = str(error)
    if _is_full(error):
        return LakeError(
            f"{uri}: the disk is full, nothing of this batch was published",
            code="DISK_FULL",
            subject=uri,
            way_out="free some space and run the same command again: it repairs what was begun",
        )
    if "was not found" in text and "Dataset at path" in text:
        return LakeError(
            f"{uri}: there is no dataset",
            code="DATASET_MISSING",
            subject=uri,
            way_out="run `clearway ingest` for this source first",
        )
    if "commit conflict" in text.lower():
        return LakeError(
            f"{uri}: another process committed at the same time: {text}",
            code="LAKE_CONFLICT",
            subject=uri,
            way_out="run the same command again",
        )
    return None


def _is_full(error: Exception) -> bool:
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if isinstance(error, OSError) and error.errno in numbers:
        return True
    words = (
        "no space left",
        "disk quota exceeded",
        "file too large",
        "os error 28",
        "storagefull",
        "exceeds blob object size",  # a pack of blobs that was cut short without a word
    )
    return any(word in str(error).lower() for word in words)
