"""Reader `doom`: a Doom demo log (.lmp), alone or beside its picture: tic i is frame i, exactly.

A demo is 13 bytes (version, skill, episode, map, five rules, four flags "player present"), then
for each tic and present player four bytes, or five with long turns, until 0x80. 35 tics a second.
The log holds keys, not positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.readers.events import beside, together, vector
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.rows import Channels
from pipelines.records import Clock, Int64s, Stream

HEADER = 13
TICS_PER_S = 35
LONG_TURNS = 111
END = 0x80
CHANNELS = ("forward", "strafe", "turn", "fire", "use", "change", "weapon", "special", "buttons")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The keys of each present player, one row a tic, and what the header says."""

    players: tuple[npt.NDArray[np.float64], ...]
    header: dict[str, int]

    @property
    def num_tics(self) -> int:
        """Tics recorded."""
        return len(self.players[0])


def read(job: Job) -> Iterator[ReadResult]:
    """Read the demo of the group, and the picture beside it if there is one."""
    log = next(each for each in job.group.files if each.path != job.group.picture)
    demo = parse_demo(job.path(log).read_bytes(), log.path)
    picture = beside(job)
    if picture is None:
        tics: Int64s = np.arange(demo.num_tics, dtype=np.int64)
        ts_ns = tics * 10**9 // TICS_PER_S
        clock = Clock(kind="tick", epoch="start", resolution_ns=28_571_428, how="35 tics a second")
    elif len(picture.frames_ns) == demo.num_tics:
        ts_ns = picture.frames_ns
        clock = Clock(kind="pts", epoch="start", how="tic i is frame i")
    else:
        raise Refused(
            f"{log.path}: {demo.num_tics} tics for {len(picture.frames_ns)} pictures",
            code="PARTS_DISAGREE",
            subject=log.path,
            evidence={"tics": demo.num_tics, "pictures": len(picture.frames_ns)},
            partial={
                log.path: Counted(num_messages=demo.num_tics),
                job.group.picture: Counted(num_frames=len(picture.frames_ns)),
            },
        )
    order = np.arange(demo.num_tics, dtype=np.int64)
    streams: list[Stream] = [
        vector(
            "keys" if number == 0 else f"keys.{number}",
            Channels(names=CHANNELS, values=values),
            ts_ns,
            order=order,
            clock=clock,
            log=log,
        )
        for number, values in enumerate(demo.players)
    ]
    yield together(job, log, streams, picture=picture)


def parse_demo(data: bytes, name: str) -> Demo:
    """Return the keys of a demo; refuse one that ends before its end mark."""
    wide = 5 if data[0] == LONG_TURNS else 4
    present = sum(1 for flag in data[9:HEADER] if flag)
    step = wide * present
    body = np.frombuffer(data, np.uint8)[HEADER:]
    marks = np.flatnonzero(body[::step] == END)
    if not len(marks):
        read_tics = len(body) // step
        raise Refused(
            f"{name}: {read_tics} tics read and no end mark",
            code="TRUNCATED",
            subject=name,
            evidence={"tics": read_tics},
            partial={name: Counted(num_messages=read_tics)},
        )
    num_tics = int(marks[0])
    if num_tics == 0:
        raise Refused(f"{name}: no tic in it", code="NO_CONTENT", subject=name)
    tics = body[: num_tics * step].reshape(num_tics, present, wide)
    return Demo(
        players=tuple(_keys(tics[:, player]) for player in range(present)),
        header={"version": data[0], "skill": data[1], "episode": data[2], "map": data[3]},
    )


def _keys(tics: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    signed, buttons = tics.view(np.int8), tics[:, -1]
    turn = signed[:, 2].astype(np.float64)
    if tics.shape[1] == 5:  # the low byte of the angle comes first
        turn = turn * 0 + signed[:, 3] + tics[:, 2] / 256
    special = buttons >> 7 & 1
    plain = np.where(special, 0, buttons)
    columns = [
        signed[:, 0],
        signed[:, 1],
        turn,
        plain & 1,
        plain >> 1 & 1,
        plain >> 2 & 1,
        plain >> 3 & 7,
        special,
        buttons,
    ]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _sniff(seen: Glance) -> str:
    """Tell a demo by its version, skill, map, rules and player flags."""
    head = seen.head
    if len(head) < HEADER or not 104 <= head[0] <= LONG_TURNS or head[1] > 4:
        return ""
    rules, players = head[5:8], head[9:HEADER]
    in_range = 1 <= head[2] <= 9 and 1 <= head[3] <= 99 and head[4] <= 2 and head[8] <= 3
    flags = set(rules) <= {0, 1} and set(players) <= {0, 1} and any(players)
    return "doom" if in_range and flags else ""


READER = Reader(read=read, kinds=("doom",), sniff=_sniff, has_video=True)
