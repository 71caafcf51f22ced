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

from pipelines.readers.events import accepts_partial, beside, together, vector
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.rows import Channels
from pipelines.records import Clock, Int64s, Stream

HEADER = 13
TICS_PER_S = 35
LONG_TURNS = 111
END = 0x80
HEADS = (
    "version",
    "skill",
    "episode",
    "map",
    "deathmatch",
    "respawn",
    "fast",
    "nomonsters",
    "viewpoint",
)
CHANNELS = ("forward", "strafe", "turn", "fire", "use", "change", "weapon", "special", "buttons")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """The keys of each present player, one row a tic, and what the header says."""

    players: tuple[npt.NDArray[np.float64], ...]
    header: dict[str, int]
    cut: bool = False  # no end mark
    extra: int = 0  # bytes behind it

    @property
    def num_tics(self) -> int:
        """Tics recorded."""
        return len(self.players[0])


def read(job: Job) -> Iterator[ReadResult]:
    """Read the demo of the group, and the picture beside it if there is one."""
    log = next(each for each in job.group.files if each.path != job.group.picture)
    demo = parse_demo(job.path(log).read_bytes(), log.path, partial=accepts_partial(job))
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
    notes = [", ".join(f"{name} {number}" for name, number in demo.header.items())]
    notes += ["partial: no end mark"] if demo.cut else []
    notes += [f"{demo.extra} bytes behind the end mark not read"] if demo.extra else []
    yield together(job, log, streams, picture=picture, notes=notes)


def parse_demo(data: bytes, name: str, *, partial: bool = False) -> Demo:
    """Return the keys of a demo; refuse one that ends before its end mark, unless `partial`."""
    wide = 5 if data[0] == LONG_TURNS else 4
    present = sum(1 for flag in data[9:HEADER] if flag)
    step = wide * present
    body = np.frombuffer(data, np.uint8)[HEADER:]
    marks = np.flatnonzero(body[::step] == END)
    num_tics = int(marks[0]) if len(marks) else len(body) // step
    extra = len(body) - num_tics * step - 1 if len(marks) else 0
    if not len(marks) and not partial:
        code, what = "TRUNCATED", "no end mark"
    elif len(marks) > 1 and int(marks[-1]) * step == len(body) - 1:
        code, what = "CORRUPT", f"an end mark in the middle, tics up to {int(marks[-1])} after it"
    elif num_tics == 0:
        code, what = "NO_CONTENT", "nothing else"
    else:
        tics = body[: num_tics * step].reshape(num_tics, present, wide)
        return Demo(
            players=tuple(_keys(tics[:, player]) for player in range(present)),
            header=dict(zip(HEADS, data[:9], strict=True)) | {"players": present},
            cut=not len(marks),
            extra=extra,
        )
    raise Refused(
        f"{name}: {num_tics} tics read and {what}",
        code=code,
        subject=name,
        evidence={"tics": num_tics, "players": present, "bytes": len(data)},
        partial={name: Counted(num_messages=num_tics)},
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
