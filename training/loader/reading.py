"""One batch at a time: located, read, proven, decoded, put on the set's channels.

A `Recipe` is all that a process needs to read a set: values that pass through a pickle, no handle
and no credential. The index in it is the one that the gate has proven.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from training.loader.batch import Asked, Batch, shapes_of
from training.loader.channels import DOMAINS, Floats
from training.loader.decoder import Frames
from training.loader.media import Media, Spread
from training.loader.packets import Want
from training.loader.signals import NO_LOOKBACK, Lookback, Signals
from training.windows import Bools, Ints, Windows

_COLUMNS: Final = (
    *("clip_id", "source_id", "num_frames", "frame_ts_ns", "action", "action_width"),
    *("state", "state_width", "valid", "unit_offset", "unit_size", "unit_key"),
    *("gop_sha256", "media_sha256", "_rowid"),
)
_OF_MANIFEST: Final = ("channels", "layouts", "render", "tombstones", DOMAINS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to read the windows of a set that passed the gate."""

    uri: str  # of data.lance
    version: int
    index: pa.Table
    manifest: Mapping[str, Any]  # its channels, layouts, tombstones and render settings
    windows: Windows
    lookback: Lookback = NO_LOOKBACK
    decode_on: str = "cpu"

    def frames_shape(self, count: int) -> tuple[int, int, int, int, int]:
        """Shape of the frames of so many windows."""
        shapes = shapes_of(self.manifest)
        return count, self.windows.spec.length, shapes.height, shapes.width, 3


def recipe_of(
    uri: str,
    manifest: Mapping[str, Any],
    index: pa.Table,
    *,
    windows: Windows,
    lookback: Lookback,
    decode_on: str = "cpu",
) -> Recipe:
    """What of a set a reader needs."""
    return Recipe(
        uri=f"{uri}/{manifest['data']['path']}",
        version=manifest["data"]["version"],
        index=index.select(list(_COLUMNS)).combine_chunks(),
        manifest={name: manifest[name] for name in _OF_MANIFEST if name in manifest},
        windows=windows,
        lookback=lookback,
        decode_on=decode_on,
    )


class Reader:
    """Reads the batches of one recipe in this process."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._media = Media(recipe.uri, recipe.version, recipe.index, decode_on=recipe.decode_on)
        self._signals = Signals(recipe.index, recipe.manifest, recipe.lookback)
        self._has_video: Bools = ~np.asarray(
            recipe.index.column("media_sha256").is_null().to_numpy(zero_copy_only=False), np.bool_
        )
        self._rows: Ints = np.array([span.row for span in recipe.windows.spans], dtype=np.int64)

    def read(self, asked: Asked, frames_BTHWC: Frames, *, spread: Spread = map) -> Batch:
        """One batch, its frames in the given memory.

        Raises:
            LoaderError: when bytes are not as the manifest promises.
        """
        shown, wants = self._wanted(asked)
        weight = np.ones(len(shown), dtype=np.float32)
        if wants:
            outs = [frames_BTHWC[at] for at in np.flatnonzero(shown)]
            weight[shown] = self._media.read(wants, outs, spread=spread)
        frames_BTHWC[~shown | (weight == 0)] = 0
        return self._batch(asked, frames_BTHWC, weight, code="DECODE_FAILED")

    def blank(self, asked: Asked, frames_BTHWC: Frames, *, code: str) -> Batch:
        """A batch whose video could not be had at all, with the code of why."""
        frames_BTHWC[:] = 0
        weight = np.zeros(len(asked.windows), dtype=np.float32)
        return self._batch(asked, frames_BTHWC, weight, code=code)

    def encoded_bytes(self, asked: Asked) -> int:
        """Bytes of video that reading `asked` fetches."""
        return self._media.bytes_of(self._wanted(asked)[1])

    def _batch(self, asked: Asked, frames_BTHWC: Frames, weight_B: Floats, *, code: str) -> Batch:
        rows, firsts, video = self._located(asked)
        return Batch(
            step=asked.step,
            sequence=asked.sequence,
            slots_B=asked.slots,
            window_B=asked.windows,
            frames_BTHWC=frames_BTHWC,
            video_B=video,
            weight_B=weight_B,
            lost=tuple(
                (asked.step, int(slot), int(window), code)
                for slot, window, one in zip(asked.slots, asked.windows, weight_B, strict=True)
                if one == 0
            ),
            kept=asked.kept,
            **self._signals.read(rows.tolist(), firsts, self._recipe.windows.spec.length),
        )

    def _located(self, asked: Asked) -> tuple[Ints, Ints, Bools]:
        """Row, first frame, and whether there is video, of each window."""
        spans, firsts = self._recipe.windows.locate(asked.windows)
        rows = self._rows[spans]
        return rows, firsts, self._has_video[rows]

    def _wanted(self, asked: Asked) -> tuple[Bools, list[Want]]:
        """Which windows are decoded, and from what: those with video that will be looked at."""
        rows, firsts, shown = self._located(asked)
        if asked.kept:
            shown = shown & ~np.isin(asked.windows, list(asked.kept))
        length = self._recipe.windows.spec.length
        return shown, [
            Want(row=int(rows[at]), first=int(firsts[at]), count=length)
            for at in np.flatnonzero(shown)
        ]
