"""Open a container by its bytes: nothing else on the disk can be reached from inside it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer

from pipelines.readers.reading import Refused


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open the container at `path`.

    Raises:
        Refused: NOT_THE_FORMAT.
    """
    with path.open("rb") as file:
        try:
            container = av.open(cast("io.BufferedReader", _Bytes(file)), "r")
        except (av.error.FFmpegError, ValueError) as error:
            raise Refused(
                f"{path.name}: no container that can be opened",
                code="NOT_THE_FORMAT",
                evidence={"tool": "pyav", "message": getattr(error, "strerror", "") or str(error)},
            ) from error
        with container:
            yield container


class _Bytes:
    """A file that says -1 to a seek to nowhere, as the library expects, and does not raise."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.read, self.tell, self._seek = file.read, file.tell, file.seek

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, if there can be such a one."""
        try:
            return self._seek(offset, whence)
        except (OSError, OverflowError):
            return -1
