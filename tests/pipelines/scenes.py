"""Pictures that look like recordings: textured, moving, never twice the same; and their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np

ROWS, COLUMNS = 90, 160


def texture(seed: int, rows: int = 192, columns: int = 384) -> Any:
    """A field in which large shapes are strong and small ones weak, 0 to 255."""
    rng = np.random.default_rng(seed)
    waves = np.fft.rfft2(rng.normal(size=(rows, columns)))
    down, right = np.fft.fftfreq(rows)[:, None] * rows, np.fft.rfftfreq(columns)[None] * columns
    length = np.sqrt(down**2 + right**2)
    length[0, 0] = 1.0
    field = np.fft.irfft2(waves / length**1.2, s=(rows, columns))
    return (field - field.min()) / (field.max() - field.min()) * 255


def pan(seed: int, *, seconds: float = 4, fps: int = 20) -> Any:
    """A camera that moves over a texture, with a few things that move by themselves."""
    rng, ground = np.random.default_rng(seed + 1_000), texture(seed)
    speed, things = rng.uniform(-3, 3, 2), rng.uniform(0, 1, (4, 6))
    return _drawn(ground, things, speed, count=round(seconds * fps))


def takes(seed: int, *, seconds: float = 8, fps: int = 20, background: int = 7) -> Any:
    """A camera that stands still before the same background in every take."""
    things = np.random.default_rng(seed + 2_000).uniform(0, 1, (4, 6))
    return _drawn(texture(background), things, np.zeros(2), count=round(seconds * fps))


def _drawn(ground: Any, things: Any, speed: Any, *, count: int) -> Any:
    pictures = np.empty((count, ROWS, COLUMNS), np.uint8)
    for number in range(count):
        down, right = (speed * number).astype(int)
        picture = np.roll(ground, (-down, -right), axis=(0, 1))[:ROWS, :COLUMNS].copy()
        for at_y, at_x, dy, dx, size, tone in things:
            y = int(at_y * ROWS + (dy - 0.5) * 5 * number) % ROWS
            x = int(at_x * COLUMNS + (dx - 0.5) * 5 * number) % COLUMNS
            half = int(8 + size * 12)
            picture[max(0, y - half) : y + half, max(0, x - half) : x + half] = tone * 255
        pictures[number] = picture
    return pictures


def encode(path: Path, pictures: Any, *, fps: int = 20, zoom: int = 2, crf: int = 20) -> Path:
    """Write grey pictures as a video, each pixel `zoom` times as large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.height, stream.width = (size * zoom for size in pictures.shape[1:])
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            large = picture.repeat(zoom, 0).repeat(zoom, 1)
            grey = np.ascontiguousarray(np.stack([large] * 3, axis=-1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())
    return path


def remux(path: Path, target: Path) -> Path:
    """The same packets in the container that the target's name asks for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    return target
