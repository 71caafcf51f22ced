"""Erase whole folders once nobody has a file of them open, and read back that they are gone.

A file that a process holds open keeps its bytes on the disk whatever its name: such a reader is
waited for, and named when it does not go.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pipelines.errors import ErasureError
from pipelines.storage import delete_prefix, is_local, list_files, local_path

STEP_S = 0.1
_PROCESSES = Path("/proc")


def held_by(uri: str) -> tuple[int, int]:
    """How many files lie below `uri`, and their bytes."""
    sizes = [one.size_bytes for one in list_files(uri)]
    return len(sizes), sum(sizes)


def erase_prefix(uri: str, *, wait_s: float) -> tuple[int, int]:
    """Delete everything below `uri`; return how many files went, and their bytes.

    Raises:
        ErasureError: READER_IN_THE_WAY, ERASURE_RESIDUE.
    """
    found = held_by(uri)
    wait_for_readers(uri, wait_s=wait_s)
    delete_prefix(uri)
    left = [one.path for one in list_files(uri)]
    if left or (is_local(uri) and local_path(uri).exists()):
        raise ErasureError(
            f"{uri}: {len(left)} files are there after they were deleted: {', '.join(left[:3])}",
            code="ERASURE_RESIDUE",
            subject=uri,
            way_out="end whatever writes there, then run the same command again",
        )
    wait_for_readers(uri, wait_s=wait_s)
    return found


def wait_for_readers(uri: str, *, wait_s: float) -> None:
    """Wait until no other process of this machine holds a file at or below `uri` open.

    Raises:
        ErasureError: READER_IN_THE_WAY, with the number and name of the process.
    """
    if not is_local(uri):
        return
    waited = 0.0
    while readers := sorted(set(_readers(local_path(uri)))):
        if waited >= wait_s:
            number, name, path = readers[0]
            raise ErasureError(
                f"process {number} ({name}) has {path} open for {wait_s:.0f} s",
                code="READER_IN_THE_WAY",
                subject=str(number),
                way_out="end it, then run the same command again: it goes on where it stopped",
            )
        time.sleep(STEP_S)
        waited += STEP_S


def _readers(root: Path) -> Iterator[tuple[int, str, str]]:
    """Other processes with an open file at or below `root`, deleted or not; only where /proc is."""
    found = _PROCESSES.iterdir() if _PROCESSES.is_dir() else ()
    for process in [one for one in found if one.name.isdecimal()]:
        if int(process.name) == os.getpid():
            continue
        with suppress(OSError):  # it ended, or is another user's
            name = (process / "comm").read_text().strip()
            yield from ((int(process.name), name, path) for path in _opened_by(process, root))


def _opened_by(process: Path, root: Path) -> Iterator[str]:
    for handle in (process / "fd").iterdir():
        path = str(handle.readlink())
        if path.startswith(f"{root}/") or path.removesuffix(" (deleted)") == str(root):
            yield path
