"""Actions, states and time steps of windows, with what came before them.

Rows stand on the frame clock, so a window of frames is a slice of every stream. Looking back goes
past the first frame of the window by as many frames as a stream asks for; where the clip had not
begun there is nothing, and the mask says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.config import TrainConfig, frames_of, streams_of
from training.loader.channels import Channels, Floats, channels_of, domains_of
from training.loader.lists import Lists, numbers
from training.windows import Bools, Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """Frames of each stream before the first frame of a window."""

    action: int = 0
    state: int = 0


NO_LOOKBACK: Final = Lookback()


def lookback_of(config: TrainConfig, fps: float) -> Lookback:
    """The lookback of a configuration in frames of a set that shows `fps` a second."""
    return Lookback(
        **{stream: frames_of(config.lookback[stream], fps) for stream in streams_of(config)}
    )


class Signals:
    """The streams of a set that are no video."""

    def __init__(self, index: pa.Table, manifest: Mapping[str, Any], lookback: Lookback) -> None:
        names = domains_of(manifest)
        self._names = names
        place = {name: at for at, name in enumerate(names)}
        self._domains = np.array(
            [place[name] for name in index.column("source_id").to_pylist()], dtype=np.int64
        )
        self._stamps = Lists(index.column("frame_ts_ns"), np.int64)
        self._valid = Lists(index.column("valid"), np.bool_)
        self._values = {kind: Lists(index.column(kind), np.float32) for kind in ("action", "state")}
        self._widths = {kind: numbers(index.column(f"{kind}_width")) for kind in self._values}
        self._channels = {kind: channels_of(manifest, kind) for kind in self._values}
        self._lookback = {"action": lookback.action, "state": lookback.state}

    def read(self, rows: Sequence[int], firsts: Ints, length: int) -> dict[str, NDArray[Any]]:
        """The arrays of a batch by name, as `Batch` calls them."""
        out = {"domain_B": self._domains[list(rows)]}
        for kind, letters, past in (("action", "BTA", "BPA"), ("state", "BTS", "BQS")):
            back = self._lookback[kind]
            width = self._channels[kind].width
            values = np.zeros((len(rows), back + length, width), dtype=np.float32)
            masks = np.zeros((len(rows), back + length, width), dtype=np.bool_)
            for at, (row, first) in enumerate(zip(rows, firsts.tolist(), strict=True)):
                begin = max(0, first - back)
                into = slice(back - (first - begin), back + length)
                values[at, into], masks[at, into] = self._stream(
                    kind, row, slice(begin, first + length)
                )
            out[f"{kind}_{letters}"], out[f"{kind}_mask_{letters}"] = (
                np.ascontiguousarray(values[:, back:]),
                np.ascontiguousarray(masks[:, back:]),
            )
            out[f"past_{kind}_{past}"], out[f"past_{kind}_mask_{past}"] = (
                np.ascontiguousarray(values[:, :back]),
                np.ascontiguousarray(masks[:, :back]),
            )
        out["dt_BT"] = np.stack(
            [self._gaps(row, first, length) for row, first in zip(rows, firsts, strict=True)]
        )
        return out

    def _stream(self, kind: str, row: int, frames: slice) -> tuple[Floats, Bools]:
        channels: Channels = self._channels[kind]
        widths = int(self._widths["action"][row]), int(self._widths["state"][row])
        before, width = (0, widths[0]) if kind == "action" else widths
        valid = self._valid.of(row).reshape(-1, max(1, sum(widths)))
        values = self._values[kind].of(row).reshape(-1, max(1, width))
        if not width:
            length = frames.stop - frames.start
            values = np.zeros((length, 0), dtype=np.float32)
            return channels.spread("", values, np.zeros((length, 0), dtype=np.bool_))
        source = self._names[int(self._domains[row])]
        return channels.spread(source, values[frames], valid[frames, before : before + width])

    def _gaps(self, row: int, first: int, length: int) -> Floats:
        """Seconds since the frame before; the first of a clip has the gap of the second."""
        stamps = self._stamps.of(row)
        gaps = np.diff(stamps[max(0, first - 1) : first + length])
        if first == 0:
            gaps = np.concatenate([gaps[:1] if len(gaps) else np.zeros(1, np.int64), gaps])
        return (gaps / 1e9).astype(np.float32)
