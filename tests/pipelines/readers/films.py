"""Films in every container and codec that the library writes, made in the test, and damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

FRAMES = 50
SHORT_GOP = {"g": "12"}
X264 = {"g": "12", "bf": "2", "preset": "veryfast"}
X265 = {"preset": "ultrafast", "x265-params": "log-level=none:keyint=12"}
SVT = {"g": "12", "preset": "13", "svtav1-params": "lp=1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """How a film is made: its container, codec, pixels, and the options of both."""

    container: str
    codec: str
    pixels: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    mux: dict[str, str] = field(default_factory=dict)
    frames: int = FRAMES
    size: tuple[int, int] = (96, 64)
    rate: Fraction = Fraction(25)
    sound: str = ""
    step_ms: tuple[int, ...] = ()  # uneven times, in turn

    def write(self, path: Path) -> Path:
        """Write it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w", format=self.container, options=self.mux) as sink:
            video: Any = sink.add_stream(self.codec, rate=self.rate)
            video.width, video.height = self.size
            video.pix_fmt, video.options = self.pixels, dict(self.options)
            if self.step_ms:
                video.codec_context.time_base = video.time_base = Fraction(1, 1000)
            sound: Any = None
            if self.sound:
                sound = sink.add_stream(self.sound, rate=48_000, layout="mono")
            time_ms = 0
            for number in range(self.frames):
                frame = av.VideoFrame.from_ndarray(picture(number, self.size), format="rgb24")
                if self.step_ms:
                    frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
                    time_ms += self.step_ms[number % len(self.step_ms)]
                sink.mux(video.encode(frame))
            sink.mux(video.encode())
            if sound is not None:
                hum(sink, sound)
        return path


SAMPLES: dict[str, Any] = {"flt": np.float32, "fltp": np.float32, "s32p": np.int32}


def hum(sink: Any, sound: Any, seconds: int = 2) -> None:
    """Mux some seconds of a tone."""
    step, kind = sound.codec_context.frame_size or 1_024, sound.codec_context.format.name
    samples: Any = SAMPLES.get(kind, np.int16)
    loud = 0.3 if samples is np.float32 else 0.3 * np.iinfo(samples).max
    for at in range(0, seconds * 48_000, step):
        wave = np.sin(np.arange(at, min(at + step, seconds * 48_000)) / 20) * loud
        frame = av.AudioFrame.from_ndarray(wave.astype(samples)[None], format=kind, layout="mono")
        frame.sample_rate, frame.pts = 48_000, at
        sink.mux(sound.encode(frame))
    sink.mux(sound.encode())


def picture(number: int, size: tuple[int, int]) -> Any:
    """Draw tiles that move, with some grain: enough for packets that are worth damaging."""
    width, height = size
    tiles = np.random.default_rng(number // 7).integers(0, 255, (height // 8, width // 8, 3))
    moved = np.roll(tiles.repeat(8, 0).repeat(8, 1), number * 3, axis=1)
    grain = np.random.default_rng(number).integers(0, 24, (height, width, 3))
    return np.clip(moved + grain, 0, 255).astype(np.uint8)


FILMS = {
    "h264.mp4": Film(container="mp4", codec="libx264", options=X264),
    "hevc.mp4": Film(container="mp4", codec="libx265", options=X265),
    "mpeg4.mp4": Film(container="mp4", codec="mpeg4", options={"g": "12", "bf": "2"}),
    "av1.mp4": Film(container="mp4", codec="libsvtav1", options=SVT),
    "ten.mp4": Film(container="mp4", codec="libx264", pixels="yuv420p10le", options=X264),
    "fragments.mp4": Film(
        container="mp4", codec="libx264", options=X264, mux={"movflags": "frag_keyframe+empty_moov"}
    ),
    "prores.mov": Film(container="mov", codec="prores_ks", pixels="yuv422p10le"),
    "png.mov": Film(container="mov", codec="png", pixels="rgb24"),
    "h264.mkv": Film(container="matroska", codec="libx264", options=X264),
    "hevc.mkv": Film(container="matroska", codec="libx265", pixels="yuv420p12le", options=X265),
    "prores.mkv": Film(container="matroska", codec="prores_ks", pixels="yuv422p10le"),
    "ffv1.mkv": Film(container="matroska", codec="ffv1"),
    "mjpeg.mkv": Film(container="matroska", codec="mjpeg", pixels="yuvj420p"),
    "vp8.webm": Film(container="webm", codec="libvpx", options={"g": "12", "cpu-used": "8"}),
    "alpha.webm": Film(
        container="webm", codec="libvpx-vp9", pixels="yuva420p", options={"cpu-used": "8"}
    ),
    "h264.ts": Film(container="mpegts", codec="libx264", options=X264, sound="aac"),
    "mpeg2.ts": Film(container="mpegts", codec="mpeg2video", options=SHORT_GOP),
    "mpeg4.avi": Film(container="avi", codec="mpeg4", options=SHORT_GOP, sound="mp3"),
    "mjpeg.avi": Film(container="avi", codec="mjpeg", pixels="yuvj420p"),
    "mpeg2.mpg": Film(container="mpeg", codec="mpeg2video", options=SHORT_GOP, sound="mp2"),
    "vp8.ogg": Film(container="ogg", codec="libvpx", options={"g": "12", "cpu-used": "8"}),
    "h264.flv": Film(container="flv", codec="libx264", options=X264, sound="aac"),
    "gif.gif": Film(container="gif", codec="gif", pixels="rgb8"),
    "apng.png": Film(container="apng", codec="apng", pixels="rgb24"),
    "h264.nut": Film(container="nut", codec="libx264", options=X264),
    "mpeg4.nut": Film(container="nut", codec="mpeg4", options=SHORT_GOP, sound="pcm_s16le"),
    "flv1.swf": Film(container="swf", codec="flv", options=SHORT_GOP),
    "wmv2.wmv": Film(container="asf", codec="wmv2", options=SHORT_GOP),
    "h264.h264": Film(container="h264", codec="libx264", options=X264),
    "hevc.h265": Film(container="hevc", codec="libx265", options=X265),
    "mpeg2.m2v": Film(container="mpeg2video", codec="mpeg2video", options=SHORT_GOP),
    "mjpeg.mjpeg": Film(container="mjpeg", codec="mjpeg", pixels="yuvj420p"),
    "vp9.ivf": Film(container="ivf", codec="libvpx-vp9", options={"cpu-used": "8"}),
    "raw.y4m": Film(container="yuv4mpegpipe", codec="wrapped_avframe"),
    "mpeg2.mxf": Film(container="mxf", codec="mpeg2video", options=SHORT_GOP),
    "rv10.rm": Film(container="rm", codec="rv10", options=SHORT_GOP),
}
WHOLE = {
    "vfr.mkv": Film(
        container="matroska", codec="libx264", options=X264, frames=20, step_ms=(17, 400, 33)
    ),
    "vfr.mp4": Film(
        container="mp4", codec="libx264", options=X264, frames=20, step_ms=(17, 4_000, 33)
    ),
    "interlaced.ts": Film(
        container="mpegts", codec="libx264", options={"x264-params": "tff=1:keyint=12"}
    ),
    "interlaced.mpg": Film(
        container="mpeg", codec="mpeg2video", options={"flags": "+ildct+ilme", "g": "12"}
    ),
    "open.ts": Film(
        container="mpegts",
        codec="libx265",
        options={"preset": "ultrafast", "x265-params": "log-level=none:open-gop=1:keyint=12"},
    ),
    "hidden.webm": Film(
        container="webm",
        codec="libvpx",
        frames=80,
        options={"auto-alt-ref": "1", "lag-in-frames": "16", "cpu-used": "5"},
    ),
    "hidden.mp4": Film(
        container="mp4",
        codec="libvpx-vp9",
        frames=80,
        options={"auto-alt-ref": "1", "lag-in-frames": "25", "cpu-used": "8"},
    ),
    "live.mkv": Film(
        container="matroska", codec="libx264", options=X264, sound="aac", mux={"live": "1"}
    ),
    "bare.mkv": Film(container="matroska", codec="libx264", options=X264, mux={"write_crc32": "0"}),
    "cues.mkv": Film(
        container="matroska", codec="libx264", options=X264, mux={"reserve_index_space": "5000"}
    ),
    "blu.m2ts": Film(
        container="mpegts", codec="libx264", options=X264, mux={"mpegts_m2ts_mode": "1"}
    ),
    "constant.ts": Film(
        container="mpegts", codec="mpeg2video", options=SHORT_GOP, mux={"muxrate": "3000000"}
    ),
    "one.mkv": Film(container="matroska", codec="libx264", frames=1),
    "slow.mp4": Film(container="mp4", codec="libx264", frames=5, rate=Fraction(1)),
    "drop.mp4": Film(container="mp4", codec="libx264", rate=Fraction(60_000, 1_001)),
    "gray.y4m": Film(
        container="yuv4mpegpipe", codec="wrapped_avframe", pixels="gray16le", mux={"strict": "-1"}
    ),
    "gray.mkv": Film(container="matroska", codec="ffv1", pixels="gray16le", frames=10),
    "twelve.mkv": Film(
        container="matroska", codec="libx265", pixels="yuv420p12le", options=X265, frames=10
    ),
    "opus.webm": Film(container="webm", codec="libvpx", sound="libopus"),
    "pcm.mov": Film(container="mov", codec="libx264", options=X264, sound="pcm_s16le"),
    "dvd.vob": Film(container="vob", codec="mpeg2video", options=SHORT_GOP, sound="mp2"),
}


def cut(share: int) -> Callable[[bytes, int], bytes]:
    """End after `share` percent, inside of whatever stands there."""
    return lambda data, _: data[: len(data) * share // 100]


def flip(count: int) -> Callable[[bytes, int], bytes]:
    """Change `count` bytes somewhere in the middle."""

    def harm(data: bytes, seed: int) -> bytes:
        random = np.random.default_rng([seed, zlib.crc32(data)])
        at = len(data) // 2 + int(random.integers(-len(data) // 8, len(data) // 8))
        noise = random.integers(1, 256, count)
        changed = bytes(old ^ int(new) for old, new in zip(data[at:], noise, strict=False))
        return data[:at] + changed + data[at + count :]

    return harm


def hole(data: bytes, _: int) -> bytes:
    """Fill some of the middle with zeros, as a lost block of a disk."""
    middle = len(data) // 2
    return data[:middle] + bytes(600) + data[middle + 600 :]


def tail(data: bytes, seed: int) -> bytes:
    """Append what belongs to nothing."""
    return data + np.random.default_rng(seed).integers(0, 256, 1_000, np.uint8).tobytes()


DAMAGE = {
    **{f"cut{share}": cut(share) for share in (30, 60, 90)},
    **{f"flip{count}": flip(count) for count in (1, 20)},
    "hole": hole,
    "tail": tail,
}


def decoded(path: Path) -> list[tuple[int | None, int]]:
    """Decode packet by packet, as plainly as can be: the time and a checksum of each picture."""
    shown: list[tuple[int | None, int]] = []
    with path.open("rb") as file, av.open(file, "r") as source:
        stream = source.streams.video[0]
        stream.codec_context.thread_count = 1
        packets: Any = source.demux(stream)
        while True:
            try:
                frames = next(packets).decode()
            except StopIteration:
                return shown
            except av.error.FFmpegError:
                continue
            shown += [
                (frame.pts, zlib.crc32(frame.reformat(format="gray").to_ndarray().tobytes()))
                for frame in frames
            ]
