"""Pictures in messages: how a topic of them becomes a track.

Encoded pictures (jpeg, png, webp, H.264, H.265) are muxed into a track without being encoded
again. Pictures that are not encoded lie in their track end to end, as their messages hold them,
but for the bytes that pad a row. Video before its first key picture cannot be shown: its packets
are kept, and its span is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.readers.decode import Coding, decode_units
from pipelines.readers.indexing import index_of
from pipelines.readers.muxing import ANNEX_B, end_to_end, is_head, mux_images, says_size
from pipelines.readers.packets import walk
from pipelines.readers.pictured import Look
from pipelines.readers.reading import Refused, Track
from pipelines.readers.walked import Seen
from pipelines.records import Clock, Int64s, PacketIndex, Stream

NO_CONTAINER = frozenset({"webp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """Payloads that lie one after the other in a file: where, how long, in the order of time."""

    path: Path
    offsets: Int64s
    sizes: Int64s

    def each(self) -> Iterator[bytes]:
        """Yield the payloads."""
        with self.path.open("rb") as file:
            for offset, size in zip(self.offsets, self.sizes, strict=True):
                file.seek(int(offset))
                yield file.read(int(size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a topic became."""

    stream: Stream
    track: Track | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    lost: tuple[Mapping[str, Any], ...] = ()


def as_raw_track(name: str, look: Look, units: Units, *, ts_ns: Int64s, clock: Clock) -> Told:
    """Return the topic whose pictures are not encoded as a stream."""
    track, index = laid_out(units, ts_ns)
    return Told(
        stream=Stream(
            name=name,
            kind="video",
            clock=clock,
            ts_ns=ts_ns,
            file_id=track.track_id,
            index=index,
            codec=look.codec,
            width=look.width,
            height=look.height,
            pixels=look.pixels,
            num_messages=len(ts_ns),
        ),
        track=track,
    )


def laid_out(units: Units, ts_ns: Int64s) -> tuple[Track, PacketIndex]:
    """Return the payloads as a track in which they lie end to end."""
    track = end_to_end(units.path)
    return track, PacketIndex(
        file_id=track.track_id,
        offset=units.offsets,
        size=units.sizes.astype(np.int32),
        key=np.ones(len(ts_ns), np.bool_),
        pts_ns=ts_ns,
        extradata=b"",
    )


def as_track(name: str, look: Look, units: Units, *, ts_ns: Int64s, clock: Clock) -> Told | None:
    """Mux the encoded pictures of a topic into a track; say which of them cannot be shown.

    None when no picture can be shown without one before it, which is not there.
    """
    if look.codec in NO_CONTAINER:
        return _as_stills(name, look, units, ts_ns=ts_ns, clock=clock)
    head = next((data for data in units.each() if says_size(look.codec, data)), None)
    if head is None:
        return None
    head = next((data for data in units.each() if is_head(look.codec, data)), None)
    if head is None:
        return _as_bytes(name, units, ts_ns=ts_ns, clock=clock)
    target = units.path.with_name(f"{units.path.name}.track")
    images = zip(map(int, ts_ns), units.each(), strict=True)
    track = mux_images(images, look.codec, target, ts_ns=ts_ns, head=head)
    units.path.unlink()
    seen = walk(track.path).pictures[0]
    if len(seen.offsets) != len(ts_ns) or not seen.located:
        raise Refused(
            f"{name}: {len(ts_ns)} pictures, {len(seen.offsets)} in their track",
            code="CORRUPT",
            evidence={"topic": name},
        )
    seen.unit_pts = [int(time) for time in ts_ns]
    shown = _shown(seen)
    gaps, lost = _not_shown(name, seen, ts_ns, shown=shown)
    stream = Stream(
        name=name,
        kind="video",
        clock=clock,
        ts_ns=ts_ns[shown],
        file_id=track.track_id,
        index=index_of(seen, track.track_id, ts_ns[shown]),
        codec=seen.codec,
        width=seen.width,
        height=seen.height,
        pixels=seen.pixels,
        num_messages=len(ts_ns),
    )
    return Told(stream=stream, track=track, gaps=gaps, lost=lost)


def without_blanks(told: Told, blanks: Int64s, ts_ns: Int64s) -> Told:
    """Add to a topic of pictures the messages (places in `ts_ns`) that hold none."""
    lost = {"topic": told.stream.name, "pictures": len(blanks), "message": "no picture in it"}
    return replace(
        told,
        stream=replace(told.stream, num_messages=len(ts_ns)),
        gaps=(*told.gaps, *_spans(blanks, ts_ns)),
        lost=(*told.lost, lost),
    )


def _as_bytes(name: str, units: Units, *, ts_ns: Int64s, clock: Clock) -> Told:
    """Keep the messages of a topic of pictures of which none decodes."""
    track, index = laid_out(units, ts_ns)
    stream = Stream(
        name=name,
        kind="event",
        clock=clock,
        ts_ns=ts_ns,
        file_id=track.track_id,
        events=tuple("{}" for _ in ts_ns),
        index=index,
        num_messages=len(ts_ns),
    )
    lost = {"topic": name, "pictures": len(ts_ns), "message": "no picture comes out of it"}
    return Told(stream=stream, track=track, lost=(lost,))


def _as_stills(name: str, look: Look, units: Units, *, ts_ns: Int64s, clock: Clock) -> Told:
    """Leave pictures that stand alone, and that no container takes, end to end; decode each."""
    coding = Coding(codec=look.codec)
    sizes = [_size_of(coding, data) for data in units.each()]
    shown = np.flatnonzero([size is not None for size in sizes])
    first = next((size for size in sizes if size), None)
    dark = np.setdiff1d(np.arange(len(ts_ns)), shown)
    lost = {"topic": name, "pictures": len(dark), "message": "no picture comes out of it"}
    at = Units(path=units.path, offsets=units.offsets[shown], sizes=units.sizes[shown])
    plain = Look(look.codec, width=first[0], height=first[1]) if first else look
    told = as_raw_track(name, plain, at, ts_ns=ts_ns[shown], clock=clock)
    return replace(
        told,
        stream=replace(told.stream, num_messages=len(ts_ns)),
        gaps=_spans(dark, ts_ns),
        lost=(lost,) if len(dark) else (),
    )


def _size_of(coding: Coding, data: bytes) -> tuple[int, int] | None:
    """Return width and height of the picture that `data` gives, None if it gives none."""
    frame = next(decode_units(coding, [(0, data)]), None)
    return None if frame is None else (frame.width, frame.height)


def _shown(seen: Seen) -> Int64s:
    """Return which packets gave a picture, in the order of the pictures."""
    if seen.sources:
        return np.array(seen.sources, np.int64)
    late = min(seen.late_start, len(seen.unit_pts) - seen.num_frames)
    return np.arange(late, late + seen.num_frames)


def _not_shown(
    name: str, seen: Seen, ts_ns: Int64s, *, shown: Int64s
) -> tuple[tuple[tuple[int, int], ...], tuple[Mapping[str, Any], ...]]:
    """Return the spans without a picture, and what was lost after the first key picture."""
    dark = np.setdiff1d(np.arange(len(ts_ns)), shown)
    first = int(shown[0]) if len(shown) else len(ts_ns)
    gaps = _spans(dark, ts_ns)
    late = sum(at < first for at in dark) if seen.codec in ANNEX_B else 0
    if len(dark) == late and not seen.errors:
        return gaps, ()
    why = seen.errors[0]["message"] if seen.errors else "no picture comes out of it"
    lost = {"topic": name, "pictures": len(dark) - late or len(seen.errors), "message": why}
    return gaps, (lost,)


def _spans(dark: Int64s, ts_ns: Int64s) -> tuple[tuple[int, int], ...]:
    """Return the time that each lost picture would have lasted."""
    ends = np.append(ts_ns[1:], ts_ns[-1] + 1)
    return tuple((int(ts_ns[at]), int(ends[at])) for at in dark)
