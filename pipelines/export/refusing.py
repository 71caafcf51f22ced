"""What a disk or a bucket says when it takes no more of a training set, as an error with a way out.

A version that was begun has no clearance: the gate takes none of it, and the next run removes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.errors import ExportError
from pipelines.lake.datasets import refusals


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn what the store of the set at `uri` refuses into a typed error.

    Raises:
        ExportError: STORE_REFUSED.
        LakeError: DISK_FULL.
    """
    try:
        with refusals(uri):
            yield
    except OSError as error:
        raise ExportError(
            f"{uri}: the disk or bucket refuses: {error}",
            code="STORE_REFUSED",
            subject=uri,
            way_out="look at its rights and state, then run the same command again: what was begun "
            "is removed or finished",
        ) from error
