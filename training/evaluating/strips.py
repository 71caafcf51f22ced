"""Pictures of predictions: pairs of rows, true over predicted, as 8-bit RGB."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.evaluating.foreseen import Foreseen
from training.evaluating.plan import Plan
from training.evaluating.rolling import Rolled
from training.loader import Frames, windows_at


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shown:
    """One window as it was and as the model continues its context."""

    source: str
    clip: str
    context: int
    seconds: float  # a frame
    true_THWC: Frames
    model_THWC: Frames


def show(rolled: Rolled, foreseen: Foreseen, plan: Plan) -> tuple[Shown, ...]:
    """Some windows, spread over those that were measured, by the prediction that was measured."""
    held = foreseen.held
    num = min(plan.shown, len(held.sources))
    chosen = np.unique(np.linspace(0, len(held.sources) - 1, num).astype(np.int64))
    batch = windows_at(held.batch, chosen)
    painted = rolled.painted(foreseen.at(chosen)[1].z_BTNC)
    got = (painted.nan_to_num(0) * 255).round().byte().cpu().numpy()
    return tuple(
        Shown(
            source=held.sources[one],
            clip=held.clips[one],
            context=rolled.context,
            seconds=float(np.median(batch.dt_BT[at])),
            true_THWC=batch.frames_BTHWC[at],
            model_THWC=got[at],
        )
        for at, one in enumerate(chosen.tolist())
    )


def write_strip(path: Path, shown: Sequence[Shown]) -> None:
    """Write the windows below one another, each true over predicted."""
    rows = [
        np.concatenate(list(frames), axis=1)
        for one in shown
        for frames in (one.true_THWC, one.model_THWC)
    ]
    write_png(path, np.concatenate(rows, axis=0))


def write_png(path: Path, pixels_HWC: Frames) -> None:
    """Write 8-bit RGB as PNG."""
    path.write_bytes(png(pixels_HWC))


def png(pixels_HWC: Frames) -> bytes:
    """8-bit RGB as the bytes of a PNG."""
    height, width, _ = pixels_HWC.shape
    lines = np.concatenate(
        [np.zeros((height, 1), np.uint8), pixels_HWC.reshape(height, width * 3)], axis=1
    )
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    raw = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + raw
