"""The rows of a training set on their way into another format: numbers and packets, proven.

In: a set that passed the gate. Out: rows in the order of source, clip and camera, each with the
pictures that the signed index promises, or an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from licensing.manifest import sha256_hex
from pipelines.errors import PackError
from pipelines.lake.rendered import read_pictures
from pipelines.storage import join

if TYPE_CHECKING:
    from training.gate import Cleared

LONGEST = 100  # letters of a camera in a file name, which ends at 255
AT_ONCE = 16  # rows whose pictures are held at once
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a format writes: the rows of a cleared set, into an empty folder."""

    cleared: Cleared
    rows: pa.Table
    folder: Path
    told: Callable[[int], None]  # rows done since the last call


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One row: arrays of frames x columns, `valid` with the actions first; `units` may be empty."""

    doc: dict[str, Any]
    action: NDArray[np.float32]
    state: NDArray[np.float32]
    valid: NDArray[np.bool_]
    units: tuple[tuple[bytes, bool], ...]

    @property
    def name(self) -> str:
        """A name for files: the clip, and the camera if there is one."""
        camera = str(self.doc["camera"])
        return f"{self.doc['clip_id']}-{plain_name(camera)}" if camera else self.doc["clip_id"]


def plain_name(text: str) -> str:
    """`text` as a part of a file name; what had to change gets a digest, so that none collide."""
    plain = _UNSAFE.sub("_", text)[:LONGEST]
    return plain if plain == text else f"{plain}-{sha256_hex(text.encode())[:8]}"


def chosen_rows(cleared: Cleared, split: str | None) -> pa.Table:
    """The rows of one split, or of all, sorted by source, clip and camera."""
    keys = [(name, "ascending") for name in ("source_id", "clip_id", "camera")]
    rows = cleared.index.sort_by(keys)
    return rows if split is None else rows.filter(pa.compute.equal(rows["split"], split))


def read_rows(work: Work, positions: Sequence[int] | None = None) -> Iterator[Row]:
    """The rows at `positions` of the work, all of them by default, with their pictures.

    Raises:
        PackError: MEDIA_CHANGED for pictures that are not those of the index.
    """
    wanted = range(work.rows.num_rows) if positions is None else positions
    for start in range(0, len(wanted), AT_ONCE):
        part = work.rows.take(list(wanted[start : start + AT_ONCE])).combine_chunks()
        yield from _with_pictures(work, part)


def grid(
    rows: pa.Table, column: str, at: int, *, dtype: type[np.generic] = np.float32
) -> NDArray[Any]:
    """A list column of one row as frames x columns."""
    frames = rows["num_frames"][at].as_py()
    widths = [rows[f"{one}_width"][at].as_py() or 0 for one in ("action", "state")]
    width = {"action": widths[0], "state": widths[1]}.get(column, sum(widths))
    cell = rows[column][at]
    if not cell.is_valid:
        return np.zeros((frames, width), dtype=dtype)
    values: NDArray[Any] = cell.values.to_numpy(zero_copy_only=False)
    return values.astype(dtype, copy=False).reshape(frames, width)


def _with_pictures(work: Work, part: pa.Table) -> Iterator[Row]:
    data = work.cleared.manifest["data"]
    docs = part.to_pylist()
    shown = [doc for doc in docs if doc["media_sha256"] is not None]
    uri = join(work.cleared.uri, data["path"])
    media = read_pictures(uri, data["version"], [doc["_rowid"] for doc in shown])
    pictures = {doc["_rowid"]: raw for doc, raw in zip(shown, media, strict=True)}
    for at, doc in enumerate(docs):
        yield Row(
            doc=doc,
            action=grid(part, "action", at),
            state=grid(part, "state", at),
            valid=grid(part, "valid", at, dtype=np.bool_),
            units=_units(doc, pictures.get(doc["_rowid"])),
        )


def _units(doc: dict[str, Any], raw: bytes | None) -> tuple[tuple[bytes, bool], ...]:
    if raw is None:
        return ()
    if sha256_hex(raw) != doc["media_sha256"]:
        raise PackError(
            f"clip {doc['clip_id']}: its pictures do not have the digest of the index",
            code="MEDIA_CHANGED",
            subject=doc["clip_id"],
            way_out="fetch the training set again from its issuer, or export it anew",
        )
    places = zip(doc["unit_offset"], doc["unit_size"], doc["unit_key"], strict=True)
    return tuple((raw[offset : offset + size], key) for offset, size, key in places)
