"""Render the pictures of a clip for training: decode, resize, encode as short closed GOPs.

In: a video track (a packet index and a way to read byte ranges of its file) and the frame times of
the clip. Out: the media columns of one row of `data.lance`.

Pictures are stretched to the asked size and encoded once, by one thread and with fixed settings, so
that one encoder build gives the same bytes every time. Clips in the order of time are decoded once;
the first of them costs the packets from the key frame before it, never the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from pipelines.errors import ExportError
from pipelines.film import Picture, ReadRange, VideoTrack, decode_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSpec:
    """Size, rate and encode settings of a training set."""

    width: int = 64
    height: int = 64
    fps: int = 10
    gop: int = 16
    crf: int = 23
    preset: str = "veryfast"

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 16 or self.width % 16 or self.height % 16:
            raise ExportError(
                f"size {self.width}x{self.height}, expected multiples of 16 from 16 on",
                code="RENDER_SIZE",
                subject=f"{self.width}x{self.height}",
                way_out="other sizes encode differently from run to run; choose for example 64x64",
            )
        if self.fps < 1 or self.gop < 1:
            raise ExportError(
                f"fps {self.fps} and gop {self.gop}, expected at least 1",
                code="RENDER_RATE",
                subject=str(self.fps),
                way_out="give a whole number of frames a second, for example 10",
            )

    def doc(self) -> dict[str, Any]:
        """The settings as the manifest lists them, with the encoder build they hold for."""
        return {
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "gop": self.gop,
            "codec": "h264",
            "crf": self.crf,
            "preset": self.preset,
            "encoder": encoder_build(),
        }


def render_windows(
    track: VideoTrack,
    clocks: Sequence[NDArray[np.int64]],
    *,
    spec: RenderSpec,
    read: ReadRange,
) -> Iterator[dict[str, Any] | ExportError]:
    """Render what `track` shows at the times of each of `clocks`: the media columns of a row each.

    The picture of a time is the latest at or before it; before the first picture, the first one.
    Clocks in the order of time are decoded once. Where the packets of one do not give its
    pictures, a RENDER_FAILED stands in its place.
    """
    shown = [
        track.ts_ns[np.maximum(np.searchsorted(track.ts_ns, one, side="right") - 1, 0)].tolist()
        for one in clocks
    ]
    for found in decode_windows(track, shown, size=(spec.width, spec.height), read=read):
        yield found if isinstance(found, ExportError) else _columns(encode(found, spec))


def render_pictures(
    track: VideoTrack, frame_ts: NDArray[np.int64], *, spec: RenderSpec, read: ReadRange
) -> dict[str, Any]:
    """Render one window, as `render_windows` does.

    Raises:
        ExportError: RENDER_FAILED when the packets of the window do not give its pictures.
    """
    (found,) = render_windows(track, [frame_ts], spec=spec, read=read)
    if isinstance(found, ExportError):
        raise found
    return found


def encode(pictures: Iterable[Picture], spec: RenderSpec) -> list[tuple[bytes, bool]]:
    """Encode yuv420p pictures; one (bytes, is key) a picture, in display order.

    What a picture brings beside its pixels (its time, its type, captions) has no say.
    """
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = spec.width, spec.height, "yuv420p"
    codec.framerate = Fraction(spec.fps)
    codec.time_base = Fraction(1, spec.fps)
    codec.thread_count = 1
    codec.options = {
        "preset": spec.preset,
        "tune": "fastdecode",
        "crf": str(spec.crf),
        "g": str(spec.gop),
        "keyint_min": str(spec.gop),
        "sc_threshold": "0",
        "bf": "0",
        "a53cc": "0",
        # Without it small pictures came out different in 1 to 5 of 100 runs of one process.
        "x264-params": "cpu-independent=1",
    }
    packets = []
    for number, picture in enumerate(pictures):
        picture.pts, picture.time_base = number, codec.time_base
        picture.pict_type = PictureType.NONE
        packets += codec.encode(picture)
    packets += codec.encode(None)
    return [(bytes(packet), bool(packet.is_keyframe)) for packet in packets]


@cache
def encoder_build() -> str:
    """Name the encoder build, which the bytes of a training set depend on."""
    gray = av.VideoFrame.from_ndarray(np.full((24, 16), 128, dtype=np.uint8), format="yuv420p")
    unit, _ = encode([gray], RenderSpec(width=16, height=16))[0]
    named = re.search(rb"x264 - core [0-9]+[ -]?[ ra-z0-9]*", unit)
    release = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"{named[0].decode().strip(' -') if named else 'libx264'}; libavcodec {release}"


def _columns(units: Sequence[tuple[bytes, bool]]) -> dict[str, Any]:
    """The media columns of a row from its encoded pictures."""
    media = b"".join(unit for unit, _ in units)
    offsets = [0, *np.cumsum([len(unit) for unit, _ in units]).tolist()]
    starts = [number for number, (_, key) in enumerate(units) if key]
    ends = [*starts[1:], len(units)]
    return {
        "media": media,
        "unit_offset": offsets[:-1],
        "unit_size": [len(unit) for unit, _ in units],
        "unit_key": [key for _, key in units],
        "gop_sha256": [
            hashlib.sha256(media[offsets[first] : offsets[end]]).hexdigest()
            for first, end in zip(starts, ends, strict=True)
        ],
        "media_sha256": hashlib.sha256(media).hexdigest(),
    }
