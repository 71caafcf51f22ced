"""Arrays of a recording (HDF5, Zarr, NumPy) as streams: one entry of the first axis is one step.

Numbers become vectors, words become events, pictures are found where they lie in the file or muxed
without encoding them again. What fits none of these is named as not read, never guessed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from pipelines.readers.decode import Coding, decode_units
from pipelines.readers.muxing import mux_images, mux_raw
from pipelines.readers.packets import walk
from pipelines.readers.reading import Config, Counted, Refused, Track, duration
from pipelines.records import Clock, Int64s, PacketIndex, Stream

NS = 10**9
MOST_CHANNELS = 4_096
EXACT = 2**53  # beyond it a float64 no longer holds every whole number
PIXELS = {1: "gray", 3: "rgb24", 4: "rgba"}
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The clock of recordings that count steps: how long one lasts, and who says so."""

    period_ns: int
    clock: Clock

    def times(self, count: int) -> Int64s:
        """Return the times of `count` steps, the first at 0."""
        return np.arange(count, dtype=np.int64) * self.period_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """Pictures of one array: each as bytes, and where it lies in the file if it lies there whole.

    `pixels` is the layout of raw pictures; empty says that they are encoded (`codec`).
    """

    name: str
    codec: str
    width: int
    height: int
    pixels: str
    sizes: Sequence[int]
    offsets: Sequence[int] | None

    @property
    def count(self) -> int:
        """How many pictures."""
        return len(self.sizes)


def steps_of(config: Config, stated_hz: float, *, usual_hz: float, whose: str) -> Steps:
    """Return the clock of a recording without times: declared, stated in the file, or usual.

    Raises:
        Refused: CLOCK_BROKEN for a rate that is no rate.
    """
    declared = config.get("rate_hz")
    rate = float(declared or stated_hz or usual_hz)
    if not 0 < rate <= 1e6:
        raise Refused(f"{rate} steps a second is no rate", code="CLOCK_BROKEN")
    period = round(NS / rate)
    if declared or stated_hz:
        how = f"step x period: {rate:g}/s " + ("declared" if declared else f"stated by {whose}")
        return Steps(
            period_ns=period,
            clock=Clock(kind="tick", epoch="start", resolution_ns=period, how=how),
        )
    how = f"no rate is stated: {whose} usually has {rate:g}/s; set rate_hz to say otherwise"
    clock = Clock(kind="synthesised", epoch="start", resolution_ns=period, how=how)
    return Steps(period_ns=period, clock=clock)


def array_stream(
    name: str, values: Array, *, ts_ns: Int64s, clock: Clock, file_id: str
) -> Stream | None:
    """Return one array as a stream; None for what is neither numbers nor words, or too wide."""
    if values.dtype.kind in "SUO":
        return _words(name, values, ts_ns=ts_ns, clock=clock, file_id=file_id)
    if values.dtype.kind not in "biuf":
        return None
    flat = values.reshape(len(values), -1) if len(values) else values.reshape(0, 0)
    if flat.shape[1] > MOST_CHANNELS or not flat.shape[1]:
        return None
    if _too_long(flat):
        rows = tuple(json.dumps([int(one) for one in row]) for row in flat)
        return _events(name, rows, ts_ns=ts_ns, clock=clock, file_id=file_id)
    scalar = values.ndim == 1
    return Stream(
        name=name,
        kind="vector",
        clock=clock,
        ts_ns=ts_ns,
        file_id=file_id,
        values=flat.astype(np.float64),
        channels=("value",) if scalar else tuple(map(str, range(flat.shape[1]))),
        num_messages=len(values),
    )


def picture_stream(
    pictures: Pictures,
    frames: Iterable[bytes],
    *,
    ts_ns: Int64s,
    clock: Clock,
    file: tuple[str, Path, Path],
) -> tuple[Stream, Track | None]:
    """Return pictures as a video stream: located in `file` (id, path, scratch), or muxed.

    Raises:
        Refused: CORRUPT when an encoded picture does not decode.
    """
    file_id, path, scratch = file
    track, offsets = None, pictures.offsets
    if offsets is None:
        track = _mux(pictures, frames, ts_ns=ts_ns, scratch=scratch)
        seen = walk(track.path, decode=False).pictures[0]
        if not seen.located or len(seen.offsets) != pictures.count:
            raise Refused(f"{pictures.name}: cannot be indexed as a track", code="READER_ERROR")
        offsets, file_id, path = seen.offsets, track.track_id, track.path
    index = PacketIndex(
        file_id=file_id,
        offset=np.array(offsets, np.int64),
        size=np.array(pictures.sizes, np.int32),
        key=np.ones(pictures.count, np.bool_),
        pts_ns=ts_ns,
        extradata=b"",
    )
    if not pictures.pixels:
        _decode_all(pictures, path, index)
    return Stream(
        name=pictures.name,
        kind="video",
        clock=clock,
        ts_ns=ts_ns,
        file_id=file_id,
        index=index,
        codec=pictures.codec,
        width=pictures.width,
        height=pictures.height,
        pixels=pictures.pixels,
        num_messages=pictures.count,
    ), track


def picture_size(name: str, data: bytes) -> tuple[str, int, int]:
    """Return codec, width and height of one encoded picture."""
    codec = "mjpeg" if data[:2] == b"\xff\xd8" else "png" if data[:4] == b"\x89PNG" else ""
    if not codec:
        raise Refused(f"{name}: {data[:4].hex()} begins no picture", code="UNSUPPORTED_CODEC")
    for frame in decode_units(Coding(codec=codec), [(0, data)]):
        return codec, frame.width, frame.height
    raise Refused(f"{name}: its first picture does not decode", code="CORRUPT")


def counted(streams: Sequence[Stream], *, steps: int) -> Counted:
    """Return what one episode counts: pictures of all its cameras, and its steps."""
    return Counted(
        num_frames=sum(one.num_frames for one in streams if one.kind == "video"),
        num_messages=steps,
        duration_ns=duration(streams),
        streams=tuple(one.doc() for one in streams),
    )


def _too_long(flat: Array) -> bool:
    if flat.dtype.kind not in "iu" or flat.dtype.itemsize < 8 or not flat.size:
        return False
    return max(abs(int(flat.min())), abs(int(flat.max()))) >= EXACT


def _words(name: str, values: Array, *, ts_ns: Int64s, clock: Clock, file_id: str) -> Stream | None:
    if values.ndim != 1:
        return None
    texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in values]
    if not all(isinstance(one, str) for one in texts):
        return None
    rows = tuple(json.dumps(one, ensure_ascii=False) for one in texts)
    return _events(name, rows, ts_ns=ts_ns, clock=clock, file_id=file_id)


def _events(
    name: str, rows: tuple[str, ...], *, ts_ns: Int64s, clock: Clock, file_id: str
) -> Stream:
    return Stream(
        name=name,
        kind="event",
        clock=clock,
        ts_ns=ts_ns,
        file_id=file_id,
        events=rows,
        num_messages=len(rows),
    )


def _mux(pictures: Pictures, frames: Iterable[bytes], *, ts_ns: Int64s, scratch: Path) -> Track:
    target = scratch / f"{pictures.name.replace('/', '-')}.{pictures.codec}"
    timed: Iterator[tuple[int, bytes]] = (
        (int(time), data) for time, data in zip(ts_ns, frames, strict=True)
    )
    if not pictures.pixels:
        first = next(timed)
        every = chain([first], timed)
        return mux_images(every, pictures.codec, target, ts_ns=ts_ns, head=first[1])
    size = (pictures.width, pictures.height)
    return mux_raw(timed, pictures.pixels, target, size=size)


def _decode_all(pictures: Pictures, path: Path, index: PacketIndex) -> None:
    """Every encoded picture must decode: a still that does not is damage."""
    coding = Coding(codec=pictures.codec, width=pictures.width, height=pictures.height)
    with path.open("rb") as file:
        for number, (offset, size) in enumerate(zip(index.offset, index.size, strict=True)):
            file.seek(int(offset))
            frames: list[av.VideoFrame] = list(decode_units(coding, [(0, file.read(int(size)))]))
            if len(frames) != 1 or frames[0].is_corrupt:
                raise Refused(
                    f"{pictures.name}: picture {number} does not decode",
                    code="CORRUPT",
                    evidence={"stream": pictures.name, "at_frame": number, "offset": int(offset)},
                )
