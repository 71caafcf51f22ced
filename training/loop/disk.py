"""What a run says of a disk that takes no more: one code, whatever file it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import CheckpointError


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Turn what the disk says of writing `path` into a typed error.

    Raises:
        CheckpointError: CHECKPOINT_WRITE_FAILED.
    """
    try:
        yield
    except OSError as error:
        raise not_written(path, str(error)) from error


def not_written(path: Path, why: str) -> CheckpointError:
    """The error of a file or folder of the run that could not be written."""
    return CheckpointError(
        f"{path} could not be written: {why}",
        code="CHECKPOINT_WRITE_FAILED",
        subject=str(path),
        way_out="make room or mend the disk, then start the run again: it goes on from the"
        " last sealed checkpoint",
    )
