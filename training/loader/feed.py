"""Batches in the order asked for: read, proven, decoded and put on the set's channels.

The feed chooses nothing. The loop asks for windows by number; what cannot be decoded keeps its slot
with zeros and weight 0, so that shapes, order and exposure counts hold.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from training.errors import LoaderError
from training.loader.channels import Channels, Floats, channels_of
from training.loader.media import Frames, Media, Want
from training.windows import Bools, Ints, Windows, WindowSpec, windows_of

if TYPE_CHECKING:
    from training.gate import Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The windows of one rank for one step; `slots` are their places in the global batch."""

    step: int
    slots: Ints
    windows: Ints
    sequence: int  # of the revocation list under which they were chosen


# B batch, T frames, H height, W width, C colours, A action channels, S state channels
@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one rank trains on in one step."""

    step: int
    sequence: int
    slots_B: Ints
    window_B: Ints
    frames_BTHWC: Frames
    action_BTA: Floats
    action_mask_BTA: Bools
    state_BTS: Floats
    state_mask_BTS: Bools
    dt_BT: Floats  # seconds since the frame before
    domain_B: Ints  # number of the source
    video_B: Bools  # false where the clip has no video
    weight_B: Floats  # 0 where the window could not be decoded
    lost: tuple[tuple[int, int, int, str], ...]  # step, slot, window, code


@dataclass(frozen=True, slots=True, kw_only=True)
class Shapes:
    """What a model must know of a set before it sees a batch."""

    height: int
    width: int
    num_actions: int
    num_states: int
    num_domains: int


def shapes_of(manifest: Mapping[str, Any]) -> Shapes:
    """The sizes that a manifest promises."""
    return Shapes(
        height=manifest["render"]["height"],
        width=manifest["render"]["width"],
        num_actions=channels_of(manifest, "action").width,
        num_states=channels_of(manifest, "state").width,
        num_domains=len(domains_of(manifest)),
    )


def domains_of(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Sources in order of their numbers; an erased one keeps its own."""
    erased = {one["source_id"] for one in manifest["tombstones"]}
    return tuple(sorted({*manifest["layouts"], *erased}))


def windows_in(cleared: Cleared, *, length: int, stride: int, split: str = "train") -> Windows:
    """The windows of one split of a set that passed the gate."""
    columns = ["source_id", "clip_id", "camera", "num_frames", "split"]
    return windows_of(
        cleared.index.select(columns).to_pylist(),
        WindowSpec(length=length, stride=stride),
        split=split,
        tombstones=cleared.manifest["tombstones"],
    )


class Feed:
    """Reads batches ahead of the loop, in threads of this process."""

    def __init__(self, cleared: Cleared, windows: Windows, *, decode_threads: int = 2) -> None:
        manifest = cleared.manifest
        self._windows = windows
        self._index = cleared.index.combine_chunks()
        data = manifest["data"]
        self._media = Media(f"{cleared.uri}/{data['path']}", data["version"], self._index)
        self._shapes = shapes_of(manifest)
        self._actions = channels_of(manifest, "action")
        self._states = channels_of(manifest, "state")
        self._domains = {name: at for at, name in enumerate(domains_of(manifest))}
        self._decoders = ThreadPoolExecutor(decode_threads, thread_name_prefix="decode")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._pid = os.getpid()

    def submit(self, asked: Asked) -> Future[Batch]:
        """Begin to read a batch."""
        return self._ahead.submit(self.read, asked)

    def read(self, asked: Asked) -> Batch:
        """One batch. Raises LoaderError when bytes are not as the manifest promises."""
        if os.getpid() != self._pid:
            raise LoaderError(
                "the feed was forked; its dataset handle does not survive that",
                code="FORK_REFUSED",
                subject="feed",
                way_out="start workers with spawn or forkserver and open the feed inside",
            )
        spans, firsts = self._windows.locate(asked.windows)
        rows = [self._windows.spans[span].row for span in spans]
        video = np.array([self._cell("media_sha256", row) is not None for row in rows], np.bool_)
        frames, weight = self._frames(rows, firsts, video)
        lost = tuple(
            (asked.step, int(slot), int(window), "DECODE_FAILED")
            for slot, window, one in zip(asked.slots, asked.windows, weight, strict=True)
            if one == 0
        )
        return Batch(
            step=asked.step,
            sequence=asked.sequence,
            slots_B=asked.slots,
            window_B=asked.windows,
            frames_BTHWC=frames,
            video_B=video,
            weight_B=weight,
            lost=lost,
            **self._signals(rows, firsts),
        )

    def close(self) -> None:
        """Stop the threads; a second call does nothing."""
        self._ahead.shutdown(wait=True, cancel_futures=True)
        self._decoders.shutdown(wait=True, cancel_futures=True)

    def _frames(self, rows: list[int], firsts: Ints, video: Bools) -> tuple[Frames, Floats]:
        length, shapes = self._windows.spec.length, self._shapes
        frames = np.zeros((len(rows), length, shapes.height, shapes.width, 3), dtype=np.uint8)
        weight = np.ones(len(rows), dtype=np.float32)
        places = np.flatnonzero(video)
        wants = [Want(row=rows[at], first=int(firsts[at]), count=length) for at in places]
        read = self._media.read(wants, spread=self._decoders.map) if wants else []
        for at, pictures in zip(places, read, strict=True):
            if pictures is None or pictures.shape != frames.shape[1:]:
                weight[at] = 0
            else:
                frames[at] = pictures
        return frames, weight

    def _signals(self, rows: list[int], firsts: Ints) -> dict[str, Any]:
        got = [self._row(row, int(first)) for row, first in zip(rows, firsts, strict=True)]
        names = ("action_BTA", "action_mask_BTA", "state_BTS", "state_mask_BTS", "dt_BT")
        out: dict[str, Any] = {
            name: np.stack([one[at] for one in got]) for at, name in enumerate(names)
        }
        out["domain_B"] = np.array(
            [self._domains[self._cell("source_id", row)] for row in rows], dtype=np.int64
        )
        return out

    def _row(self, row: int, first: int) -> tuple[NDArray[Any], ...]:
        last = first + self._windows.spec.length
        num_frames = self._cell("num_frames", row)
        widths = (self._cell("action_width", row) or 0, self._cell("state_width", row) or 0)
        valid = self._grid("valid", row, shape=(num_frames, sum(widths)), dtype=np.bool_)[
            first:last
        ]
        out: list[NDArray[Any]] = []
        parts: tuple[tuple[Channels, int, Bools], ...] = (
            (self._actions, widths[0], valid[:, : widths[0]]),
            (self._states, widths[1], valid[:, widths[0] :]),
        )
        source = self._cell("source_id", row)
        for channels, width, fine in parts:
            values = self._grid(channels.kind, row, shape=(num_frames, width), dtype=np.float32)[
                first:last
            ]
            out += channels.spread(source, values, fine)
        stamps = self._grid("frame_ts_ns", row, shape=(num_frames,), dtype=np.int64)
        gaps = np.diff(stamps, prepend=2 * stamps[0] - stamps[min(1, num_frames - 1)])
        return *out, (gaps[first:last] / 1e9).astype(np.float32)

    def _cell(self, column: str, row: int) -> Any:  # noqa: ANN401 - as the column's type says
        return self._index.column(column)[row].as_py()

    def _grid(
        self, column: str, row: int, *, shape: tuple[int, ...], dtype: type[np.generic]
    ) -> NDArray[Any]:
        cell = self._index.column(column)[row]
        if not cell.is_valid:
            return np.zeros(shape, dtype=dtype)
        values: NDArray[Any] = cell.values.to_numpy(zero_copy_only=False)
        return values.astype(dtype, copy=False).reshape(shape)
