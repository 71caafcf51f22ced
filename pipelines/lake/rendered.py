"""The rows of a training set, some at a time, and their pictures, as they lie in `data.lance`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pyarrow as pa

from pipelines.lake.datasets import open_dataset, refusals
from pipelines.lake.writing import files_of


def scan_rows(
    uri: str, version: int, columns: Sequence[str], *, rows: int = 256
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield columns some rows at a time in storage order, each with the number of its shard."""
    with refusals(uri):
        for one in open_dataset(uri, version).get_fragments():
            scanner = one.scanner(columns=list(columns), batch_size=rows, batch_readahead=2)
            for batch in scanner.to_batches():
                yield int(one.fragment_id), batch


def shard_files(uri: str, version: int) -> dict[int, tuple[str, ...]]:
    """The files of each shard, by its number; paths are below `uri`."""
    with refusals(uri):
        shards = {
            int(one.fragment_id): json.dumps(one.metadata.to_json())
            for one in open_dataset(uri, version).get_fragments()
        }
    return {key: tuple(path for path, _ in files_of(uri, [one])) for key, one in shards.items()}


def read_pictures(uri: str, version: int, row_ids: Sequence[int]) -> list[bytes]:
    """The media of rows of `data.lance`, in the order asked for.

    The caller compares each with its digest.
    """
    if not row_ids:
        return []
    with refusals(uri):
        found = open_dataset(uri, version).read_blobs(
            "media", ids=list(row_ids), preserve_order=True
        )
    return [bytes(raw or b"") for _, raw in found]
