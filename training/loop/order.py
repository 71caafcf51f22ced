"""Which order a run keeps when its training set was replaced by a successor.

After an erasure the old manifest is refused. A run goes on with a set that descends from its own,
holds no row that its own did not hold, and names as a tombstone each one that is gone: then every
window keeps its number, and the order stays that of the first manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from licensing.manifest import open_manifest, sha256_hex
from training.checkpoint import Sealed
from training.errors import CheckpointError
from training.gate import files
from training.loop.disk import on_disk
from training.windows import Windows

if TYPE_CHECKING:
    from training.gate import Cleared

ROWS: Final = "rows.bin"  # of the run folder: which rows the first set had
_HALF: Final = 16  # bytes of each of the two digests of a row
_Rows = NDArray[np.uint8]


def order_of(cleared: Cleared, sealed: Sealed | None, windows: Windows) -> str:
    """The digest that keys the order: that of the set that the run began with.

    Raises:
        CheckpointError: CHECKPOINT_OTHER_SET.
    """
    if sealed is None:
        return cleared.manifest_digest
    seal = sealed.seal
    if cleared.manifest_digest not in {seal.cursor.manifest, seal.set_digest}:
        if not {seal.cursor.manifest, seal.set_digest} & set(_ancestors(cleared)):
            raise _other(sealed, f"{cleared.uri} does not descend from the set of the run")
        _check_rows(_first_rows(sealed), _rows_of(windows, cleared), sealed)
    return seal.cursor.manifest


def write_rows(folder: Path, windows: Windows, cleared: Cleared) -> None:
    """Note the rows of the first set, 32 bytes each, for the day when it is gone.

    Raises:
        CheckpointError: CHECKPOINT_WRITE_FAILED.
    """
    scratch = folder / f"{ROWS}.tmp"
    with on_disk(folder / ROWS):
        folder.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(_rows_of(windows, cleared).tobytes())
        scratch.replace(folder / ROWS)


def rows_digest(folder: Path) -> str:
    """The digest of what was noted, for the seal; empty where nothing was."""
    path = folder / ROWS
    return sha256_hex(path.read_bytes()) if path.exists() else ""


def _ancestors(cleared: Cleared) -> Iterator[str]:
    """Digests of the sets before this one, nearest first, as far as their manifests are there."""
    above, number = cleared.manifest["predecessor"], int(cleared.manifest["version"])
    versions = cleared.uri.rpartition("/")[0]
    while above:
        yield above
        above, number = _predecessor(above, versions, below=number)


def _predecessor(wanted: str, versions: str, *, below: int) -> tuple[str | None, int]:
    """What came before the manifest of this digest, and its number; None if it is not there."""
    for number in range(below - 1, 0, -1):
        raw = files.read(f"{versions}/{number}/manifest.json")
        if raw is not None and sha256_hex(raw) == wanted:
            return open_manifest(raw)["predecessor"], number
    return None, 0


def _rows_of(windows: Windows, cleared: Cleared) -> _Rows:
    """Two half digests a row: which clip it is, and what it holds; zeros for a tombstone."""
    held = cleared.index.column("sha256")
    out = np.zeros((len(windows.spans), 2 * _HALF), dtype=np.uint8)
    for at, span in enumerate(windows.spans):
        name = f"{span.source_id}|{span.clip_id}|{span.camera}|{span.num_frames}"
        out[at, :_HALF] = np.frombuffer(hashlib.sha256(name.encode()).digest()[:_HALF], np.uint8)
        if span.row >= 0:
            digest = bytes.fromhex(held[span.row].as_py())
            out[at, _HALF:] = np.frombuffer(digest[:_HALF], np.uint8)
    return out


def _first_rows(sealed: Sealed) -> _Rows:
    folder = sealed.path.parent
    if not sealed.seal.rows_digest or rows_digest(folder) != sealed.seal.rows_digest:
        raise _other(sealed, f"{folder / ROWS} is not what the run began with")
    raw = np.frombuffer((folder / ROWS).read_bytes(), np.uint8)
    return raw.reshape(-1, 2 * _HALF)


def _check_rows(before: _Rows, now: _Rows, sealed: Sealed) -> None:
    if before.shape != now.shape or not np.array_equal(before[:, :_HALF], now[:, :_HALF]):
        raise _other(sealed, "rows and tombstones of the successor are not the rows of the run")
    living = now[:, _HALF:].any(axis=1)
    if not np.array_equal(before[living, _HALF:], now[living, _HALF:]):
        raise _other(sealed, "a row of the successor is not what it was")


def _other(sealed: Sealed, why: str) -> CheckpointError:
    first = sealed.seal.cursor.manifest[:12]
    return CheckpointError(
        f"{sealed.path} was trained on {first}: {why}",
        code="CHECKPOINT_OTHER_SET",
        subject=str(sealed.path),
        way_out="give the set that the checkpoint names or its successor, or begin a new run",
    )
