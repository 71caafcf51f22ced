"""A pack as WebDataset shards: tars in which the members of one clip and camera stand together.

A sample has `.mp4` (unless the clip has no video), `.json` (ids, rate, times, split, notice) and
`.npy` for actions, states and their masks. Members have no date and no owner: the same set gives
the same bytes. Names longer than the 100 bytes of a plain header stand in a pax record.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from licensing.manifest import canonical
from pipelines.pack.rows import Row, Work, read_rows
from pipelines.readers.muxing import mux_rendered

VERSION: Final = "1"
SHARD_BYTES: Final = 1 << 30
_FACTS: Final = (
    *("clip_id", "camera", "source_id", "episode_id", "split", "notice_id", "num_frames", "fps"),
    *("width", "height", "action_width", "state_width"),
)


def write_webdataset(work: Work, *, shard_bytes: int = SHARD_BYTES) -> None:
    """Write the rows of `work` into tars of about `shard_bytes`; a sample is never parted."""
    number, tar, held = 0, _open_tar(work.folder, 0), 0
    try:
        for row in read_rows(work):
            members = list(_members(row))
            size = sum(len(data) for _, data in members)
            if held and held + size > shard_bytes:
                tar.close()
                number, held = number + 1, 0
                tar = _open_tar(work.folder, number)
            for suffix, data in members:
                _add(tar, f"{row.name}.{suffix}", data)
            held += size
            work.told(1)
    finally:
        tar.close()


def _open_tar(folder: Path, number: int) -> tarfile.TarFile:
    return tarfile.open(folder / f"shard-{number:06d}.tar", "w", format=tarfile.PAX_FORMAT)


def _members(row: Row) -> Iterator[tuple[str, bytes]]:
    facts = {name: row.doc[name] for name in _FACTS}
    times = [str(at) for at in row.doc["frame_ts_ns"]]  # text: JSON numbers end at 2^53
    yield "json", canonical(facts | {"start_ns": str(row.doc["start_ns"]), "frame_ts_ns": times})
    yield "action.npy", _npy(row.action)
    yield "state.npy", _npy(row.state)
    yield "valid.npy", _npy(row.valid)
    if row.units:
        yield "mp4", mux_rendered(row.units, row.doc["fps"])


def _npy(values: NDArray[Any]) -> bytes:
    target = io.BytesIO()
    np.save(target, np.ascontiguousarray(values), allow_pickle=False)
    return target.getvalue()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    tar.addfile(member, io.BytesIO(data))
