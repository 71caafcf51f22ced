"""Reader `ttyrec`: a terminal session (NetHack), one event a frame; nothing is executed or drawn.

A frame is a head of 12 bytes (seconds, microseconds, length) and so many bytes for the terminal.
The variant of the NetHack Learning Environment has a 13th byte, the channel: 0 is what the game
wrote, 1 the key that was pressed, 2 the score. The bytes stay in the file; the stream says where.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pipelines.clocks import UNIX_NS, skew_figures
from pipelines.readers.events import together, vector
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.packed import HEAD, inside, unpacked
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.rows import Channels
from pipelines.readers.sniff import glance
from pipelines.records import Clock, Found, Int64s, Stream

HEADS = {False: struct.Struct("<III"), True: struct.Struct("<IIIB")}
OUTPUT, KEY, SCORE = 0, 1, 2
LONGEST_FRAME = 1 << 20
LONGEST_NS = 366 * 86_400 * 10**9
CONTROL = bytes(byte for byte in range(256) if not 32 <= byte < 127)
PLAUSIBLE = 3  # whole frames that tell a damaged file from random bytes


@dataclass(slots=True, kw_only=True)
class Session:
    """The frames of one file as they are read, and why reading ended before its end."""

    name: str
    channelled: bool
    times: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    channels: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    keys: list[tuple[int, float]] = field(default_factory=list)  # frame, byte
    scores: list[tuple[int, float]] = field(default_factory=list)
    ended: str = ""  # TRUNCATED or CORRUPT
    why: str = ""

    def take(self, data: bytes, at: int, offset: int) -> int:
        """Take the frame at `at`; return where the next begins, or -1 if none is whole."""
        head = HEADS[self.channelled]
        if len(data) - at < head.size:
            return -1
        seconds, micros, length, channel = map(int, (*head.unpack_from(data, at), OUTPUT)[:4])
        if micros >= 10**6 or length > LONGEST_FRAME or channel > SCORE:
            self.ended, self.why = "CORRUPT", f"no head of a frame at byte {offset + at}"
            return -1
        start, end = at + head.size, at + head.size + length
        if end > len(data):
            return -1
        number = len(self.times)
        if channel == KEY and length:
            self.keys.append((number, float(data[start])))
        if channel == SCORE and length == 4:
            self.scores.append((number, float(struct.unpack_from("<i", data, start)[0])))
        self.times.append(seconds * 10**9 + micros * 1_000)
        self.lengths.append(length)
        self.channels.append(channel)
        self.offsets.append(offset + start)
        return end


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (log,) = job.group.files
    channelled = bool(_variant(inside(glance(job.path(log), log.path))))
    session = frames_of(unpacked(job.path(log), log.path), log.path, channelled=channelled)
    count = len(session.times)
    if session.ended and not (job.config.get("accept_partial") and count):
        raise Refused(
            f"{log.path}: {count} frames, then {session.why}",
            code=session.ended,
            subject=log.path,
            way_out="set accept_partial in the source's config to keep the frames that read",
            evidence={"frames": count, "message": session.why},
            partial={log.path: Counted(num_messages=count)},
        )
    kind = "13-byte heads with a channel" if session.channelled else "12-byte heads"
    notes = [f"ttyrec of {kind}: the terminal is not drawn"]
    notes += [f"partial: {count} frames, then {session.why}"] if session.ended else []
    yield together(job, log, _streams(session, log), picture=None, notes=notes)


def frames_of(chunks: Iterable[bytes], name: str, *, channelled: bool) -> Session:
    """Return every whole frame of a file that comes in chunks."""
    session = Session(name=name, channelled=channelled)
    rest, offset = b"", 0
    try:
        for chunk in chunks:
            rest += chunk
            at = 0
            while (end := session.take(rest, at, offset)) >= 0:
                at = end
            rest, offset = rest[at:], offset + at
            if session.ended:
                return session
    except Refused as error:
        if error.code not in {"TRUNCATED", "CORRUPT"}:
            raise
        session.ended, session.why = error.code, str(error)
    if rest and not session.ended:
        session.ended, session.why = "TRUNCATED", f"{len(rest)} bytes of an unfinished frame"
    return session


def _streams(session: Session, log: Found) -> list[Stream]:
    """Return `action` (keys) and `state` (scores) where the file has them, and `events`."""
    times = np.array(session.times, np.int64)
    if not len(times):
        raise Refused(f"{log.path}: no frame in it", code="NO_CONTENT", subject=log.path)
    if int(times.max()) - int(times.min()) > LONGEST_NS:
        raise Refused(
            f"{log.path}: its frames span over a year",
            code="CLOCK_BROKEN",
            subject=log.path,
            evidence={"first_ns": int(times[0]), "last_ns": int(times[-1])},
        )
    clock = Clock(
        kind="stamp",
        epoch="unix" if int(times.min()) >= UNIX_NS else "start",
        resolution_ns=1_000,
        how="seconds and microseconds in the head of each frame",
        skew=skew_figures(times),
    )
    order = np.argsort(times, kind="stable")
    streams = [
        _numbers(name, channel, pairs, times=times, clock=clock, log=log)
        for name, channel, pairs in (
            ("action", "key", session.keys),
            ("state", "score", session.scores),
        )
        if pairs
    ]
    events = Stream(
        name="events",
        kind="event",
        clock=clock,
        ts_ns=times[order],
        file_id=log.sha256,
        events=tuple(_event(session, int(index)) for index in order),
        num_messages=len(times),
    )
    return [*streams, events]


def _numbers(
    name: str,
    channel: str,
    pairs: list[tuple[int, float]],
    *,
    times: Int64s,
    clock: Clock,
    log: Found,
) -> Stream:
    ts_ns = times[[frame for frame, _ in pairs]]
    order = np.argsort(ts_ns, kind="stable")
    values = np.array([[number] for _, number in pairs], np.float64)
    channels = Channels(names=(channel,), values=values)
    return vector(name, channels, ts_ns[order], order=order, clock=clock, log=log)


def _event(session: Session, index: int) -> str:
    return json.dumps({
        "length": session.lengths[index],
        "channel": session.channels[index],
        "offset": session.offsets[index],
    })  # fmt: skip


def _variant(seen: Glance) -> bool | None:
    """Return whether the frames have channels, or None when these are no frames."""
    told = {channelled: _chain(seen, channelled=channelled) for channelled in HEADS}
    best = max(told, key=lambda channelled: told[channelled])
    complete, frames = told[best]
    return best if complete or frames >= PLAUSIBLE else None


def _chain(seen: Glance, *, channelled: bool) -> tuple[bool, int]:
    """Return whether frames follow each other to the end, and how many of a terminal are whole."""
    session = Session(name="", channelled=channelled)
    at = end = 0
    while (end := session.take(seen.head, at, 0)) >= 0:
        at = end
    count = len(session.times)
    starts = zip(session.offsets, session.lengths, strict=True)
    said = b"".join(seen.head[start : start + length] for start, length in starts)
    if not _speaks(said if count else seen.head[HEADS[channelled].size : HEAD // 4]):
        return False, 0
    steps = np.abs(np.diff(np.array(session.times, np.int64)))
    steady = not session.ended and not (steps > LONGEST_NS).any()
    return steady and (count > 0 or seen.size < HEAD), count


def _speaks(said: bytes) -> bool:
    """Say whether it looks like what a terminal is sent: text with escapes, not numbers."""
    printable = len(said.translate(None, CONTROL))
    return 2 * printable > len(said) or (b"\x1b" in said and 4 * printable > len(said))


def _sniff(seen: Glance) -> str:
    """Tell a session by heads of frames, each where the one before it says."""
    return "" if _variant(inside(seen)) is None else "ttyrec"


READER = Reader(read=read, kinds=("ttyrec",), sniff=_sniff)
