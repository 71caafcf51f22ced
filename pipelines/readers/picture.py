"""A video file -> its streams, the tracks that had to be muxed, and what is wrong with it.

Pictures are timed by the container (`pts`, its offset kept), counted by decoding them, and located
by an index into the file's own bytes; where the container cuts payloads up, into a muxed track.
Further pictures and sound are streams of their own; what is not read is named in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np

from pipelines.readers.containers.boxes import nested_too_deep
from pipelines.readers.containers.index import MAX_DEPTH
from pipelines.readers.damage import damage, gaps_of, refuse_damage, walk_whole
from pipelines.readers.indexing import fill_times, index_of
from pipelines.readers.muxing import END_TO_END, lay_packets, remux
from pipelines.readers.packets import NS, walk
from pipelines.readers.reading import Config, Counted, FileFacts, Job, Refused, Track, duration
from pipelines.readers.walked import Seen, Walked
from pipelines.records import Clock, Found, Int64s, Stream

PAUSE = 4  # times the usual step
RAW_STREAMS = frozenset(
    {"h264", "hevc", "mpegvideo", "m4v", "mjpeg", "h263", "h261", "dirac", "vc1", "av1", "obu"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A video file as read: the first stream is the picture that a log beside it is aligned to."""

    streams: tuple[Stream, ...]
    tracks: tuple[Track, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()
    facts: FileFacts = field(kw_only=True)

    @property
    def frames_ns(self) -> Int64s:
        """Times of the main picture's frames."""
        return self.streams[0].ts_ns


def read_picture(job: Job, found: Found) -> Picture:
    """Read the video file `found`; raise `Refused` when no episode comes of it."""
    path = job.path(found)
    if nested_too_deep(path):
        raise Refused(
            f"{found.path}: boxes nested over {MAX_DEPTH} deep",
            code="UNSAFE_CONTENT",
            subject=found.path,
        )
    walked, fault = walk_whole(path, found, decode=job.config.get("decode") is not False)
    pictures = [
        _video(number, seen, found, container=walked.format, config=job.config)
        for number, seen in enumerate(walked.pictures)
    ]
    both = [(stream, seen) for stream, seen in zip(pictures, walked.pictures, strict=True)
            if seen.num_frames]  # fmt: skip
    both += [(_sound(number, seen, found), seen) for number, seen in enumerate(walked.sounds)]
    partial = Counted(
        num_frames=sum(stream.num_frames for stream, _ in both if stream.kind == "video"),
        duration_ns=_lasts(both),
        streams=tuple(stream.doc() for stream, _ in both),
    )
    if not job.config.get("accept_partial"):
        refuse_damage(walked, found, fault=fault, partial=partial)
    placed = [_placed(path, stream, seen, scratch=job.scratch) for stream, seen in both]
    return Picture(
        streams=tuple(stream for stream, _ in placed),
        tracks=tuple(track for _, track in placed if track),
        gaps=gaps_of(both[0][1], both[0][0].ts_ns),
        notes=_notes(walked),
        facts=job.facts(found, partial),
    )


def _lasts(both: Sequence[tuple[Stream, Seen]]) -> int:
    """Return how long the pictures last; a single one as long as its rate says."""
    shown = [(stream, seen) for stream, seen in both if stream.kind == "video"]
    if len(shown) == 1 and shown[0][0].num_frames == 1 and shown[0][1].rate:
        return round(NS / shown[0][1].rate)
    return duration([stream for stream, _ in shown])


def _video(number: int, seen: Seen, found: Found, *, container: str, config: Config) -> Stream:
    ts_ns, clock = picture_times(seen, container, config)
    return Stream(
        name="video" if number == 0 else f"video.{number}",
        kind="video",
        clock=clock,
        ts_ns=ts_ns,
        file_id=found.sha256,
        codec=seen.codec,
        width=seen.width,
        height=seen.height,
        pixels=seen.pixels,
        rotation=seen.rotation,
        figures=seen.figures,
        last_ns=_last_ns(seen, ts_ns),
    )


def _last_ns(seen: Seen, ts_ns: Int64s) -> int:
    """Return how long the last picture lasts: as its own packet says, or as pictures usually do.

    Only mp4 keeps that. A pause among the pictures is not how long they usually last.
    """
    if len(ts_ns) < 2:
        return 0
    if seen.container.startswith("mov"):
        at = dict(zip(seen.unit_pts, seen.lasts_ns, strict=True))
        if at.get(int(ts_ns[-1]), 0) > 0:
            return at[int(ts_ns[-1])]
    steps = np.diff(ts_ns)
    usual = steps[steps <= PAUSE * np.median(steps)]
    return max(1, -int(-usual.sum() // len(usual)))


def _sound(number: int, seen: Seen, found: Found) -> Stream:
    """Return a sound track: an entry a packet, located as pictures are, and not decoded."""
    ts_ns = np.sort(fill_times(seen.unit_pts, seen.rate))
    offset_ns = int(ts_ns[0]) if len(ts_ns) else 0
    return Stream(
        name="audio" if number == 0 else f"audio.{number}",
        kind="audio",
        clock=Clock(
            kind="pts",
            epoch="start",
            resolution_ns=seen.tick_ns,
            offset_ns=offset_ns,
            how="not decoded",
        ),
        ts_ns=ts_ns,
        file_id=found.sha256,
        codec=seen.codec,
        sample_rate=seen.sample_rate,
        layout=seen.layout,
    )


def picture_times(seen: Seen, container: str, config: Config) -> tuple[Int64s, Clock]:
    """Return the times of the pictures; where the container's step backward, one by one by rate."""
    rate = float(config.get("fps") or seen.rate or 25.0)
    if container in RAW_STREAMS:
        how = f"a raw stream has no clock: {rate:g}/s " + (
            "declared" if config.get("fps") else "as the stream says"
        )
        return _by_rate(seen.num_frames, 0, rate), Clock(
            kind="synthesised", epoch="start", resolution_ns=round(NS / rate), how=how
        )
    known = [time for time in seen.pts if time is not None]
    backward = sum(later < earlier for earlier, later in pairwise(known))
    if len(known) < len(seen.pts) or backward:
        how = f"{len(seen.pts) - len(known)} pictures without time, {backward} steps backward"
        start = min(known, default=0)
        return _by_rate(seen.num_frames, start, rate), Clock(
            kind="synthesised", epoch="start", resolution_ns=round(NS / rate), how=how
        )
    ts_ns = fill_times(seen.pts, rate)
    offset = int(ts_ns[0]) if len(ts_ns) else 0
    return ts_ns, Clock(
        kind="pts", epoch="start", resolution_ns=seen.tick_ns, offset_ns=offset, how=container
    )


def _by_rate(count: int, start_ns: int, rate: float) -> Int64s:
    steps: Int64s = (np.arange(count, dtype=np.float64) * NS / rate).round().astype(np.int64)
    return steps + start_ns


def _placed(
    path: Path, stream: Stream, seen: Seen, *, scratch: Path
) -> tuple[Stream, Track | None]:
    """Return the stream with the index of its packets, and the track that they had to go to."""
    if not seen.sizes:
        return stream, None
    track = _located(path, seen, scratch)
    file_id = track.track_id if track else stream.file_id
    index = index_of(seen, file_id, stream.ts_ns)
    return replace(stream, file_id=file_id, index=index), track


def _located(path: Path, seen: Seen, scratch: Path) -> Track | None:
    """Make sure that every packet lies in one piece somewhere: here, or in a track of its own."""
    if seen.located and seen.offsets:
        return None
    track = remux(path, seen.number, scratch)
    if track.path.suffix != END_TO_END:
        again = walk(track.path, decode=False).streams[0]
        if again.located and again.sizes == seen.sizes:
            seen.offsets = again.offsets
            return track
        track = lay_packets(path, seen.number, scratch)  # a container that leaves out their heads
    ends = [0, *accumulate(seen.sizes)]
    if ends[-1] != track.size_bytes:
        raise Refused(
            f"{path.name}: stream {seen.number} cannot be indexed, not even as a track of its own",
            code="READER_ERROR",
            evidence={"packets": len(seen.sizes), "bytes": ends[-1], "track": track.size_bytes},
        )
    seen.offsets = ends[:-1]
    return track


def _notes(walked: Walked) -> tuple[str, ...]:
    notes = []
    for seen in walked.streams:
        if seen.cover:
            notes.append(f"stream {seen.number}: cover art ({seen.codec}) not read")
        elif seen.kind not in {"video", "audio"}:
            notes.append(f"stream {seen.number}: {seen.kind} {seen.codec} not read".rstrip())
        if seen.late_start and seen.is_picture:
            notes.append(
                f"stream {seen.number}: {seen.late_start} packets before the first key picture"
            )
        if damage(seen):
            notes.append(f"stream {seen.number}: partial, {len(damage(seen))} packets failed")
        elif seen.doubts:
            notes.append(f"stream {seen.number}: {len(seen.doubts)} packets not as the format says")
    return tuple(notes)
