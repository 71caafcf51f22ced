"""The pictures of a training set's rows, read as they lie in `data.lance`."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.lake.datasets import open_dataset, refusals


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
