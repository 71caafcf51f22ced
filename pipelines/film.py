"""Decode a camera forwards once, for windows that follow each other in time.

In: a packet index, a way to read byte ranges of its file, and the times that each window shows.
Out: the pictures of each window in turn, or why there are none. Windows share what was decoded: a
packet goes through the decoder twice only where the windows step back in time.

Decoders paint over what is damaged and go on. So a picture that the decoder marks, or that does not
come, spoils itself and all that are decoded behind it up to the next key picture, and no window may
show one of those. What damage leaves decodable is another picture, and nothing here can tell: of
single flipped bits in H.264 that changed a picture, about one in ten, in MPEG-4 part 2 one in four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from pipelines.errors import ExportError

_NANOSECOND = Fraction(1, 1_000_000_000)
_NEVER = 1 << 62  # ns: later than any picture
_DECODERS = {"av1": "libdav1d"}  # the native one needs hardware
GAP_BYTES = 64 * 1024  # packets closer than this are read in one request
DELAY = 64  # packets after the last one that a picture may wait for; then the decoder is emptied

ReadRange = Callable[[str, int, int], bytes]  # file id, offset, length
Picture = av.VideoFrame  # yuv420p


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How a track is coded; some codecs say none of the rest in their packets."""

    codec: str
    width: int = 0
    height: int = 0
    pixels: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoTrack:
    """A video stream: `ts_ns` in display order, the packet index in decode order.

    The time of a packet is that of the picture it gives; a picture whose time is none of `ts_ns`
    was cut out by the recording's edit list and is never shown.
    """

    name: str
    file_id: str
    coding: Coding
    extradata: bytes
    ts_ns: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    key: NDArray[np.bool_]
    pts_ns: NDArray[np.int64]


def decode_windows(
    track: VideoTrack, windows: Sequence[Sequence[int]], *, size: tuple[int, int], read: ReadRange
) -> Iterator[list[Picture] | ExportError]:
    """Yield the pictures of `track` at the times of each window, in the given order.

    Times ascend in a window and may repeat; they are times of `track.ts_ns`. Pictures are resized
    to `size` (width, height). A window whose packets do not give its pictures whole is a
    RENDER_FAILED; the next one stands on its own key frame.
    """
    in_time = np.argsort(track.pts_ns, kind="stable")
    film = _Film(
        track=track, size=size, read=read, wanted=_last_use(windows), in_time=in_time,
        pts_ns=track.pts_ns[in_time],
    )  # fmt: skip
    for number, times in enumerate(windows):
        try:
            _run_to(film, times)
        except (FFmpegError, ValueError) as error:
            film.codec = None
            yield _failed(track, f"{track.coding.codec} cannot be decoded: {error}")
        else:
            why = _wrong_with(film, times)
            yield _failed(track, why) if why else [film.found[one] for one in times]
        done = [one for one in film.found if film.wanted[one] <= number]
        for one in done:
            del film.found[one]


class _Spoilt(NamedTuple):
    """Pictures that cannot be trusted: of packets from `packet` on that show before `until_ns`."""

    packet: int
    until_ns: int
    why: str


@dataclass(slots=True, kw_only=True)
class _Film:
    """How far a track is decoded, pictures not yet used up, and those that are not to be used."""

    track: VideoTrack
    size: tuple[int, int]
    read: ReadRange
    wanted: dict[int, int]  # time of a picture -> the last window that shows it
    in_time: NDArray[np.int64]  # packets in the order of their times `pts_ns`
    pts_ns: NDArray[np.int64]
    codec: av.VideoCodecContext | None = None
    begun: int = 0  # the packet that the decoder began with
    at: int = 0  # the packet that comes next
    shown: int = -1  # the number in `track.ts_ns` of the last picture that came out
    resizer: VideoReformatter = field(default_factory=VideoReformatter)  # a frame's own is new
    found: dict[int, Picture] = field(default_factory=dict)
    spoilt: dict[int, _Spoilt] = field(default_factory=dict)  # by the key packet that ends it


def _last_use(windows: Sequence[Sequence[int]]) -> dict[int, int]:
    return {one: number for number, times in enumerate(windows) for one in times}


def _run_to(film: _Film, times: Sequence[int]) -> None:
    """Decode until the pictures at `times` are there, or cannot come any more."""
    track = film.track
    missing = {one for one in times if one not in film.found}
    if not missing:
        return
    units = _units(film, sorted(missing))
    passed = film.shown >= 0 and min(missing) <= track.ts_ns[film.shown]
    if film.codec is None or passed or not film.begun <= units.start <= film.at:
        _begin(film, units.start)
    for number, data in _read_packets(track, range(film.at, units.stop), film.read):
        _feed(film, number, data)
    missing |= _behind(track, units, max(times))  # a mark on one of them counts for these as well
    for number in range(film.at, min(film.at + DELAY, len(track.size))):
        if _is_past(film, missing):
            return
        for _, data in _read_packets(track, range(number, number + 1), film.read):
            _feed(film, number, data)
    if not _is_past(film, missing) and film.codec is not None:
        _keep(film, film.codec.decode(None))
        film.codec = None  # emptied: it takes no more packets


def _begin(film: _Film, unit: int) -> None:
    """Take a new decoder at a key packet; its own picture is the first that must come."""
    film.codec, film.begun, film.at = _decoder(film.track), unit, unit
    film.shown = int(np.searchsorted(film.track.ts_ns, film.track.pts_ns[unit])) - 1


def _behind(track: VideoTrack, units: range, last_ns: int) -> set[int]:
    """The pictures that show later than `last_ns` and are decoded before it is complete."""
    times = track.pts_ns[units.start : units.stop]
    late = times[times > last_ns]
    place = np.searchsorted(track.ts_ns, late).clip(max=len(track.ts_ns) - 1)
    return set(late[track.ts_ns[place] == late].tolist())


def _is_past(film: _Film, times: set[int]) -> bool:
    """Whether the last of the pictures at `times` has come out; they come in the order of time."""
    return film.shown >= 0 and int(film.track.ts_ns[film.shown]) >= max(times)


def _feed(film: _Film, number: int, data: bytes) -> None:
    packet = av.Packet(len(data))
    packet.update(data)  # pads the bytes, as decoders need: they read past the end
    packet.pts = packet.dts = int(film.track.pts_ns[number])
    packet.time_base = _NANOSECOND
    film.at = number + 1
    if film.codec is not None:
        _keep(film, film.codec.decode(packet))


def _keep(film: _Film, frames: Iterable[Any]) -> None:
    for frame in frames:
        if frame.is_corrupt and frame.pts is not None:
            _spoil(film, frame.pts, "the decoder painted over damage")
        _count(film, frame.pts)
        if frame.pts in film.wanted:
            film.found[frame.pts] = film.resizer.reformat(
                frame, *film.size, "yuv420p", interpolation="AREA", threads=1
            )


def _count(film: _Film, time: int | None) -> None:
    """Note which picture came out; those that it came instead of are lost."""
    times = film.track.ts_ns
    place = int(np.searchsorted(times, -1 if time is None else time))
    if place == len(times) or times[place] != time or place <= film.shown:
        return  # cut out by the edit list
    if place > film.shown + 1:
        _spoil(film, int(times[film.shown + 1]), "no picture came")
    film.shown = place


def _spoil(film: _Film, time: int, what: str) -> None:
    track = film.track
    packets = np.flatnonzero(track.pts_ns == time)
    packet = int(packets[0]) if len(packets) else film.begun
    keys = np.flatnonzero(track.key)
    later = keys[keys > packet]
    end, until = (int(later[0]), int(track.pts_ns[later[0]])) if len(later) else (-1, _NEVER)
    known = film.spoilt.get(end)
    if known is None or packet < known.packet:
        film.spoilt[end] = _Spoilt(packet, until, f"{what} at {time} ns")


def _wrong_with(film: _Film, times: Sequence[int]) -> str:
    """Why the window of `times` must not be shown; nothing if it may be."""
    missing = [one for one in times if one not in film.found]
    if missing:
        return f"{len(missing)} pictures are missing, the first at {missing[0]} ns"
    if not film.spoilt:
        return ""
    needed = _packets_of(film, times)
    shown = film.track.pts_ns[needed]
    for one in film.spoilt.values():
        if np.any((needed >= one.packet) & (shown < one.until_ns)):
            return f"{one.why}, and the window shows it or what builds on it"
    return ""


def _units(film: _Film, wanted: Sequence[int]) -> range:
    """The packets (decode order) that the pictures `wanted` need, from a key frame on."""
    needed = _packets_of(film, wanted)
    if not len(needed):
        return range(0)
    first = int(needed[0]) + 1
    track = film.track
    keys = np.flatnonzero(track.key[:first] & (track.pts_ns[:first] <= min(wanted)))
    return range(int(keys[-1]) if len(keys) else 0, int(needed[-1]) + 1)


def _packets_of(film: _Film, times: Sequence[int]) -> NDArray[np.int64]:
    """The packets that give the pictures at `times`, in decode order."""
    first, end = (np.searchsorted(film.pts_ns, times, side=one) for one in ("left", "right"))
    found = [film.in_time[a:b] for a, b in zip(first, end, strict=True)]
    return np.unique(np.concatenate(found))


def _decoder(track: VideoTrack) -> av.VideoCodecContext:
    coding = track.coding
    name = _DECODERS.get(coding.codec, coding.codec)
    codec = cast("av.VideoCodecContext", av.CodecContext.create(name, "r"))
    codec.thread_count = 1
    if coding.width and coding.height:
        codec.width, codec.height = coding.width, coding.height
    if coding.pixels:
        codec.pix_fmt = coding.pixels
    if track.extradata:
        codec.extradata = track.extradata
    return codec


def _failed(track: VideoTrack, why: str) -> ExportError:
    return ExportError(
        f"stream {track.name!r}: {why}",
        code="RENDER_FAILED",
        subject=track.name,
        way_out="ingest the file again; if it stays, the recording is damaged at this place",
    )


def _read_packets(track: VideoTrack, units: range, read: ReadRange) -> Iterator[tuple[int, bytes]]:
    """Yield (packet number, bytes), neighbours in the file read in one request."""
    run: list[int] = []
    for number in units:
        end = int(track.offset[run[-1]] + track.size[run[-1]]) if run else 0
        if run and not 0 <= int(track.offset[number]) - end <= GAP_BYTES:
            yield from _cut_run(track, run, read)
            run = []
        run.append(number)
    yield from _cut_run(track, run, read)


def _cut_run(track: VideoTrack, run: list[int], read: ReadRange) -> Iterator[tuple[int, bytes]]:
    if not run:
        return
    start = int(track.offset[run[0]])
    data = read(track.file_id, start, int(track.offset[run[-1]] + track.size[run[-1]]) - start)
    for number in run:
        begin = int(track.offset[number]) - start
        yield number, data[begin : begin + int(track.size[number])]
