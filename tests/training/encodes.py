"""Training sets of films that are encoded in any way, for the feed's tests and its benchmark.

A film is an mp4 file, and its packets stand in `media` as the encoder gave them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from numpy.typing import NDArray

from licensing.manifest import sha256_hex
from tests.builders import (
    NOW,
    publish_revocations,
    sign_clearance,
    tiny_manifest,
    write_manifest,
)
from tests.rows import ACTION_WIDTH, STATE_WIDTH, tiny_row, write_rows
from training.loader import digest_row

FPS = 30
RENDERED = {
    "preset": "veryfast",
    "crf": "23",
    "g": "16",
    "keyint_min": "16",
    "sc_threshold": "0",
    "tune": "fastdecode",
    "bf": "0",
}
DEFAULT: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """An encoded film: an mp4 file, and its packets in Annex B in the order of decoding."""

    path: Path
    num_frames: int
    units: tuple[bytes, ...]
    keys: tuple[bool, ...]

    @property
    def media(self) -> bytes:
        return b"".join(self.units)


def scene(seed: int, num_frames: int, size: int) -> Iterator[NDArray[np.uint8]]:
    """A texture that pans, four squares that bounce, a little noise."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, 255, (size // 8 * 3, size // 8 * 3, 3)).repeat(8, 0).repeat(8, 1)
    texture = cells.astype(np.float32)
    for _ in range(3):
        near = [np.roll(texture, step, axis) for step in (1, 2) for axis in (0, 1)]
        texture = np.mean([texture, *near], axis=0)
    pan, side = rng.uniform(0.5, 3, 2), size * 5 // 32
    places, steps = rng.uniform(0, size - side, (4, 2)), rng.uniform(-4, 4, (4, 2))
    colours, room = rng.integers(0, 255, (4, 3)), size - side
    for at in range(num_frames):
        x, y = (pan * at).astype(int) % (size * 2)
        picture = texture[y : y + size, x : x + size].astype(np.int16)
        for place, step, colour in zip(places, steps, colours, strict=True):
            left, top = np.abs((place + step * at) % (2 * room) - room).astype(int)
            picture[top : top + side, left : left + side] = colour
        noisy = picture + rng.integers(-3, 4, picture.shape, np.int16)
        yield noisy.clip(0, 255).astype(np.uint8)


def film(
    path: Path, pictures: Iterator[NDArray[np.uint8]], options: Mapping[str, str], *, size: int
) -> Film:
    """Encode to an mp4 file; its packets are read back from there."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
        stream = out.add_stream("libx264", rate=FPS, options={**options, "threads": "1"})
        stream.height, stream.width, stream.pix_fmt = size, size, "yuv420p"
        for at, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, FPS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    units, keys = [], []
    with av.open(str(path)) as back:
        video = back.streams.video[0]
        in_band = BitStreamFilterContext("h264_mp4toannexb", video)
        for packet in back.demux(video):
            if packet.size:
                is_key = packet.is_keyframe
                (whole,) = in_band.filter(packet)
                units.append(bytes(whole))
                keys.append(is_key)
    return Film(path=path, num_frames=len(units), units=tuple(units), keys=tuple(keys))


def film_set(folder: Path, films: Mapping[str, Sequence[Film]], *, size: int) -> Path:
    """A training set of films by source, signed and with its revocation list; its folder."""
    home = folder / "training_sets" / "films" / "1"
    home.mkdir(parents=True)
    rows = {
        source: [_row(source, at, one, size) for at, one in enumerate(each)]
        for source, each in films.items()
    }
    version = write_rows(home / "data.lance", rows)
    manifest = tiny_manifest(home, rows, version)
    manifest["render"] |= {"width": size, "height": size, "fps": FPS}
    write_manifest(home, manifest)
    sign_clearance(home)
    publish_revocations(home, now=NOW)
    return home


def _row(source: str, at: int, one: Film, size: int) -> dict[str, Any]:
    action = np.random.default_rng(at).normal(size=(one.num_frames, ACTION_WIDTH + STATE_WIDTH))
    starts = [number for number, key in enumerate(one.keys) if key]
    groups = [
        b"".join(one.units[start:end])
        for start, end in zip(starts, [*starts[1:], one.num_frames], strict=True)
    ]
    sizes = [len(unit) for unit in one.units]
    row = tiny_row(source, at, with_video=False) | {
        "split": "train",
        "camera": "camera",
        "num_frames": one.num_frames,
        "fps": float(FPS),
        "width": size,
        "height": size,
        "frame_ts_ns": [number * 1_000_000_000 // FPS for number in range(one.num_frames)],
        "action": action[:, :ACTION_WIDTH].astype("<f4").ravel().tolist(),
        "state": action[:, ACTION_WIDTH:].astype("<f4").ravel().tolist(),
        "valid": [True] * action.size,
        "media": one.media,
        "unit_offset": [0, *np.cumsum(sizes)[:-1].tolist()],
        "unit_size": sizes,
        "unit_key": list(one.keys),
        "gop_sha256": [hashlib.sha256(group).hexdigest() for group in groups],
        "media_sha256": sha256_hex(one.media),
    }
    return row | {"sha256": digest_row(row)}
