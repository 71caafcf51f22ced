"""A training set's `data.lance`: commit its shards at once, then leave no older version inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import lance
from lance import LanceOperation, Transaction

from pipelines.errors import LakeError
from pipelines.lake.datasets import open_dataset, refusals
from pipelines.lake.writing import Written, merge_written
from pipelines.storage import join, list_files, size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFragment:
    """One fragment of a training set: a shard."""

    fragment_id: int
    num_rows: int
    source_ids: tuple[str, ...]


def commit_set(uri: str, parts: Sequence[Written]) -> int:
    """Commit the fragments of all sources to the empty dataset at `uri`; return the version.

    Raises:
        LakeError: KEY_PRESENT when the dataset has rows, LAKE_FILE_MISSING when a file is gone.
    """
    dataset, all_parts = open_dataset(uri), merge_written(parts)
    if dataset.count_rows():
        raise LakeError(
            f"{uri}: {dataset.count_rows()} rows are there already, expected an empty dataset",
            code="KEY_PRESENT",
            subject=uri,
            way_out="delete the unfinished training set and export again",
        )
    for path, size in all_parts.files:
        if size_of(join(uri, path)) != size:
            raise LakeError(
                f"{uri}: {path} is missing or not {size} bytes",
                code="LAKE_FILE_MISSING",
                subject=path,
                way_out="export again",
            )
    if not all_parts.fragments:
        return int(dataset.version)
    fragments = [lance.FragmentMetadata.from_json(text) for text in all_parts.fragments]
    transaction = Transaction(
        read_version=dataset.version, operation=LanceOperation.Append(fragments)
    )
    with refusals(uri):
        return int(lance.LanceDataset.commit(uri, transaction).version)


def seal(uri: str) -> int:
    """Remove older versions and files that the last one does not use; return its number."""
    dataset = open_dataset(uri)
    with refusals(uri):
        dataset.cleanup_old_versions(older_than=timedelta(microseconds=1), delete_unverified=True)
    return int(open_dataset(uri).version)


def sweep(uri: str) -> None:
    """Remove the files of dead writers and keep every version.

    The caller holds the source's lock and knows of no batch that is written and not yet committed:
    its files are in no version and would go too.
    """
    with refusals(uri):
        open_dataset(uri).cleanup_old_versions(
            older_than=timedelta(days=36_500), delete_unverified=True
        )


def set_fragments(uri: str) -> tuple[SetFragment, ...]:
    """The fragments in order, each with its rows and the sources they are from."""
    return tuple(
        SetFragment(
            fragment_id=int(one.fragment_id),
            num_rows=int(one.count_rows()),
            source_ids=tuple(
                sorted(set(one.to_table(columns=["source_id"])["source_id"].to_pylist()))
            ),
        )
        for one in open_dataset(uri).get_fragments()
    )


def all_files(uri: str) -> tuple[str, ...]:
    """Every file below `uri`, relative to it, whether the last version uses it or not."""
    return tuple(one.path for one in list_files(uri))
