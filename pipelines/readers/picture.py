"""A video file -> its streams, the tracks that had to be muxed, and what is wrong with it.

Pictures are timed by the container (`pts`, its offset kept), counted by decoding them, and located
by an index into the file's own bytes; where the container cuts payloads up, into a muxed track.
Further pictures and sound are streams of their own; what is not read is named in the notes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.readers.muxing import END_TO_END, remux
from pipelines.readers.packets import NS, Seen, Walked, fill_times, index_of, walk
from pipelines.readers.reading import Config, Counted, FileFacts, Job, Refused, Track, duration
from pipelines.readers.structure import MAX_DEPTH, cut_short, encrypted, nested_too_deep
from pipelines.records import Clock, Found, Int64s, Stream

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
    short = cut_short(path)
    walked = _walk(path, found, short, decode=job.config.get("decode") is not False)
    if not walked.pictures or not any(seen.num_frames for seen in walked.pictures):
        raise _nothing(path, walked, found, short=short)
    tracks: list[Track] = []
    streams: list[Stream] = []
    for number, seen in enumerate(walked.pictures):
        if seen.num_frames:
            track = _located(path, seen, job.scratch)
            tracks += [track] if track else []
            file_id = track.track_id if track else found.sha256
            name = "video" if number == 0 else f"video.{number}"
            streams.append(_video(name, seen, file_id, container=walked.format, config=job.config))
    streams += _sounds(walked, found)
    partial = Counted(
        num_frames=streams[0].num_frames,
        duration_ns=duration(streams),
        streams=tuple(stream.doc() for stream in streams),
    )
    _refuse_damage(walked, found, job.config, short=short, partial=partial)
    return Picture(
        streams=tuple(streams),
        tracks=tuple(tracks),
        gaps=_gaps(walked.pictures[0], streams[0].ts_ns),
        notes=_notes(walked),
        facts=job.facts(found, partial),
    )


def _walk(path: Path, found: Found, short: dict[str, Any], *, decode: bool) -> Walked:
    try:
        return walk(path, decode=decode)
    except Refused as error:
        code = "TRUNCATED" if short and error.code == "NOT_THE_FORMAT" else error.code
        raise Refused(
            str(error), code=code, subject=found.path, evidence=error.evidence | short
        ) from error


def _nothing(path: Path, walked: Walked, found: Found, *, short: dict[str, Any]) -> Refused:
    """Say why a container gave no picture."""
    pictures = walked.pictures
    kinds = sorted({f"{seen.kind}/{seen.codec or 'unknown'}" for seen in walked.streams})
    late = sum(seen.late_start for seen in pictures)
    if not walked.streams:
        code, what = ("TRUNCATED" if short else "NOT_THE_FORMAT"), "no stream of any kind in it"
    elif not pictures:
        code, what = "NO_STREAM", "no moving picture in it"
    elif not any(seen.codec for seen in pictures):
        code, what = "UNSUPPORTED_CODEC", "no decoder for its picture"
    elif short or walked.ended:
        code, what = "TRUNCATED", "no picture before its end"
    elif late:
        code, what = "CORRUPT", "no packet decodes"
    else:
        code, what = "NO_CONTENT", "no picture in it"
    if code != "NO_STREAM" and walked.format.startswith("mov") and encrypted(path):
        code, what = "ENCRYPTED", "its picture is encrypted"
    evidence = {"streams": kinds, "failed_packets": late, "ended": walked.ended, **short}
    return Refused(f"{found.path}: {what}", code=code, subject=found.path, evidence=evidence)


def _located(path: Path, seen: Seen, scratch: Path) -> Track | None:
    """Make sure that every packet lies in one piece somewhere: here, or in a track of its own."""
    if seen.located and seen.offsets:
        return None
    track = remux(path, seen.number, scratch)
    if track.path.suffix == END_TO_END:
        ends = [0, *accumulate(seen.sizes)]
        if ends[-1] == track.size_bytes:
            seen.offsets = ends[:-1]
            return track
    again = walk(track.path, decode=False).pictures[0]
    if not again.located or again.sizes != seen.sizes:
        raise Refused(
            f"{path.name}: stream {seen.number} cannot be indexed, not even as a track of its own",
            code="READER_ERROR",
            evidence={"packets": len(seen.sizes), "in_track": len(again.offsets)},
        )
    seen.offsets = again.offsets
    return track


def _video(name: str, seen: Seen, file_id: str, *, container: str, config: Config) -> Stream:
    ts_ns, clock = picture_times(seen, container, config)
    return Stream(
        name=name,
        kind="video",
        clock=clock,
        ts_ns=ts_ns,
        file_id=file_id,
        index=index_of(seen, file_id, ts_ns),
        codec=seen.codec,
        width=seen.width,
        height=seen.height,
        pixels=seen.pixels,
        rotation=seen.rotation,
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


def _sounds(walked: Walked, found: Found) -> list[Stream]:
    sounds = [seen for seen in walked.streams if seen.kind == "audio"]
    return [
        Stream(
            name="audio" if number == 0 else f"audio.{number}",
            kind="audio",
            clock=Clock(kind="pts", epoch="start", resolution_ns=seen.tick_ns, how="not decoded"),
            ts_ns=np.zeros(0, np.int64),
            file_id=found.sha256,
            codec=seen.codec,
            count=seen.num_packets,
        )
        for number, seen in enumerate(sounds)
    ]


def _refuse_damage(
    walked: Walked, found: Found, config: Config, *, short: dict[str, Any], partial: Counted
) -> None:
    errors = [error for seen in walked.pictures for error in seen.errors]
    if config.get("accept_partial") or not (errors or walked.ended or short):
        return
    evidence = {
        "num_frames": partial.num_frames,
        "promised_frames": walked.pictures[0].promised,
        "errors": len(errors),
        "first_error": errors[0] if errors else {},
        "ended": walked.ended,
        **short,
    }
    raise Refused(
        f"{found.path}: {partial.num_frames} pictures read, then damaged",
        code="TRUNCATED" if short or (walked.ended and not errors) else "CORRUPT",
        subject=found.path,
        way_out="set accept_partial in the source's config to keep what reads",
        evidence=evidence,
        partial={found.path: partial},
    )


def _gaps(seen: Seen, ts_ns: Int64s) -> tuple[tuple[int, int], ...]:
    """Return the spans between the pictures before and after each failed packet."""
    marks = sorted({int(error["at_frame"]) for error in seen.errors})
    spans = [(int(ts_ns[at - 1]), int(ts_ns[at])) for at in marks if 0 < at < len(ts_ns)]
    return tuple((low, high) for low, high in spans if high > low)


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
        if seen.errors:
            notes.append(f"stream {seen.number}: partial, {len(seen.errors)} packets failed")
    return tuple(notes)
