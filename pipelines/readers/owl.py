"""Reader `owl`: a log of OWL Control (mouse, keyboard, gamepad) beside its mp4, or alone.

Each line is `timestamp,event_type,event_args`, the last a JSON list whose commas may stand
unquoted. The picture begins at `VIDEO_START`; before `HOOK_START` it is black, and between
`UNFOCUS` and `FOCUS` no input is the game's: both spans are gaps. The files do not say which
consent the player gave.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from pipelines.clocks import skew_figures
from pipelines.readers.events import beside, log_of, together, vector
from pipelines.readers.formats import Claim, Glance, Listing, Reader
from pipelines.readers.packed import inside, lines_of
from pipelines.readers.picture import Picture
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.rows import channels_of
from pipelines.readers.units import written
from pipelines.records import Clock, Found, Int64s, Stream

HEADER = b"timestamp,event_type,event_args"
STARTS = ("VIDEO_START", "START")  # an older recorder wrote no VIDEO_START
HELD = {
    "KEYBOARD": "keyboard",
    "MOUSE_BUTTON": "mouse.button",
    "GAMEPAD_BUTTON": "gamepad.button",
    "GAMEPAD_BUTTON_VALUE": "gamepad.value",
    "GAMEPAD_AXIS": "gamepad.axis",
}
MOVED = {"MOUSE_MOVE": ("mouse.dx", "mouse.dy"), "SCROLL": ("mouse.scroll",)}
UNIX_S = (10**9, 10**10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One line: when, what, with which numbers, and as it was found."""

    time_ns: int
    kind: str
    args: Sequence[Any]
    text: str


def read(job: Job) -> Iterator[ReadResult]:
    """Read the log of the group, and the picture beside it if there is one."""
    log = log_of(job)
    inputs = _inputs(job, log)
    _refuse_no_unix(inputs, log)
    picture = beside(job)
    zero = _zero(inputs)
    shift_ns, how = 0, "unix seconds"
    if picture is not None:
        _agree(inputs, picture, zero, log=log)
        shift_ns = int(picture.frames_ns[0]) - zero.time_ns
        how = f"unix seconds, {zero.kind} at the first picture"
    ts_ns = np.array([one.time_ns for one in inputs], np.int64) + shift_ns
    clock = Clock(
        kind="stamp",
        epoch="start" if picture else "unix",
        resolution_ns=_resolution(inputs),
        how=how,
        skew=skew_figures(ts_ns),
    )
    notes = ["consent: not in the files"]
    notes += ["no VIDEO_START in the log: START is taken for it"] if zero.kind == "START" else []
    order = np.argsort(ts_ns, kind="stable")
    events = Stream(
        name="events",
        kind="event",
        clock=clock,
        ts_ns=ts_ns[order],
        file_id=log.sha256,
        events=tuple(inputs[index].text for index in order),
        num_messages=len(inputs),
    )
    ordered = [inputs[index] for index in order]
    streams = [*_action(ordered, ts_ns[order], clock, log=log), events]
    last_ns = int(max(ts_ns.max(), picture.frames_ns[-1] if picture else 0))
    gaps = _gaps(ordered, ts_ns[order], zero, end_ns=last_ns + 1)
    yield together(job, log, streams, picture=picture, notes=notes, gaps=gaps)


def _inputs(job: Job, log: Found) -> list[Input]:
    """Return every line of the log; refuse it when one cannot be parsed."""
    inputs: list[Input] = []
    bad: list[tuple[int, str]] = []
    cut, stopped = False, ""
    try:
        for number, raw in enumerate(lines_of(job.path(log), log.path), start=1):
            if number == 1 or not raw.strip():
                continue
            parsed = _input(raw)
            if isinstance(parsed, Input):
                inputs.append(parsed)
            else:
                bad.append((number, parsed))
                cut = not raw.endswith(b"\n")
    except Refused as error:
        if error.code not in {"TRUNCATED", "CORRUPT"}:
            raise
        stopped = error.code
    if bad or stopped:
        raise _damaged(log, inputs, bad, code=stopped or ("TRUNCATED" if cut else "CORRUPT"))
    if not inputs:
        raise Refused(f"{log.path}: no event in it", code="NO_CONTENT", subject=log.path)
    return inputs


def _damaged(
    log: Found, inputs: Sequence[Input], bad: Sequence[tuple[int, str]], *, code: str
) -> Refused:
    line, why = bad[0] if bad else (len(inputs) + 2, "the file does not unpack further")
    return Refused(
        f"{log.path}: {len(inputs)} events read, line {line}: {why}",
        code="CORRUPT" if len(bad) > 1 else code,
        subject=log.path,
        evidence={"rows_read": len(inputs), "rows_bad": len(bad), "line": line, "message": why},
        partial={log.path: Counted(num_messages=len(inputs))},
    )


def _input(raw: bytes) -> Input | str:
    """Return the event on a line, or what is wrong with it."""
    if b"\x00" in raw:
        return "zero bytes in it"
    try:
        time, kind, args = raw.decode().strip().split(",", 2)
        parsed = _args(args)
    except ValueError as error:
        return str(error)
    stamp: Decimal | None = written(time)
    if stamp is None:
        return f"{time!r} is no time"
    told = json.dumps({"timestamp": time, "event_type": kind, "event_args": parsed})
    return Input(time_ns=int(stamp * 10**9), kind=kind, args=parsed, text=told)


def _args(text: str) -> list[Any]:
    """Return the arguments of an event: a JSON list, quoted or not; one word is a list of it."""
    if text.startswith('"'):
        text = text.removeprefix('"').removesuffix('"').replace('""', '"')
    if text.startswith("["):
        return list(json.loads(text))
    return [text] if text else []


def _zero(inputs: Sequence[Input]) -> Input:
    """Return the event that the picture begins with; the first line, if none says so."""
    for kind in STARTS:
        for one in inputs:
            if one.kind == kind:
                return one
    return inputs[0]


def _refuse_no_unix(inputs: Sequence[Input], log: Found) -> None:
    """Refuse a log whose times are no unix seconds of our days."""
    low, high = UNIX_S
    strange = [one for one in inputs if not low * 10**9 <= one.time_ns < high * 10**9]
    if strange:
        raise Refused(
            f"{log.path}: {len(strange)} times that are no unix seconds",
            code="CLOCK_BROKEN",
            subject=log.path,
            evidence={"first": strange[0].text},
            partial={log.path: Counted(num_messages=len(inputs))},
        )


def _agree(inputs: Sequence[Input], picture: Picture, zero: Input, *, log: Found) -> None:
    """Refuse a log that lasts much longer or shorter than its picture."""
    ends = [one.time_ns for one in inputs if one.kind in {"VIDEO_END", "END"}]
    last = min(ends, default=max(one.time_ns for one in inputs))
    logged, filmed = last - zero.time_ns, int(picture.frames_ns[-1] - picture.frames_ns[0])
    longer = logged - filmed if ends else max(0, logged - filmed)
    if abs(longer) > 2 * 10**9 + filmed // 20:
        raise Refused(
            f"{log.path}: {logged} ns of events for {filmed} ns of pictures",
            code="PARTS_DISAGREE",
            subject=log.path,
            evidence={"events_ns": logged, "pictures_ns": filmed, "zero": zero.kind},
        )


def _resolution(inputs: Sequence[Input]) -> int:
    whole = all(one.time_ns % 10**9 == 0 for one in inputs)
    return 10**9 if whole else 240  # a float of these days has steps of 0.24 us


def _action(
    inputs: Sequence[Input], ts_ns: Int64s, clock: Clock, *, log: Found
) -> Iterator[Stream]:
    """Yield the stream of what is held and how the mouse moved, a row an input of the game's."""
    held: dict[str, float] = {}
    rows: list[dict[str, float]] = []
    kept: list[int] = []
    focused = True
    for number, one in enumerate(inputs):
        if one.kind in {"FOCUS", "UNFOCUS"}:
            focused = one.kind == "FOCUS"
            held = dict.fromkeys(held, 0.0)
        moved = _numbers(one) if focused else None
        if moved is None:
            continue
        if one.kind in HELD:
            held |= moved
            moved = {}
        rows.append(held | moved)
        kept.append(number)
    if rows:
        names = sorted({name for row in rows for name in row})
        full = [dict.fromkeys(names, 0.0) | row for row in rows]
        channels = channels_of([{name: row[name] for name in names} for row in full])
        order = np.arange(len(kept), dtype=np.int64)
        yield vector("action", channels, ts_ns[kept], order=order, clock=clock, log=log)


def _numbers(one: Input) -> dict[str, float] | None:
    """Return the channels that an input sets, or None when it is none or not known."""
    numbers = [float(each) for each in one.args if isinstance(each, int | float)]
    if one.kind in MOVED and len(numbers) == len(MOVED[one.kind]):
        return dict(zip(MOVED[one.kind], numbers, strict=True))
    if one.kind in HELD and len(numbers) == 2:
        return {f"{HELD[one.kind]}.{int(numbers[0])}": numbers[1]}
    return None


def _gaps(
    inputs: Sequence[Input], ts_ns: Int64s, zero: Input, *, end_ns: int
) -> list[tuple[int, int]]:
    """Return the spans without the game's picture or without its input."""
    gaps: list[tuple[int, int]] = []
    since: int | None = None
    for one, time in zip(inputs, ts_ns.tolist(), strict=True):
        if one.kind == "HOOK_START":
            gaps.append((time - (one.time_ns - zero.time_ns), time))
        elif one.kind == "UNFOCUS" and since is None:
            since = time
        elif one.kind == "FOCUS" and since is not None:
            gaps.append((since, time))
            since = None
    if since is not None:
        gaps.append((since, end_ns))
    return [(low, high) for low, high in gaps if high > low]


def _sniff(seen: Glance) -> str:
    """Tell a log by its line of names."""
    head = inside(seen).head.removeprefix(b"\xef\xbb\xbf")
    return "owl" if head.split(b"\n", 1)[0].strip() == HEADER else ""


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim the log and the video of a folder that has one of each, whatever their names."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path, kind in listing.kinds.items():
        if kind in {"owl", "video"}:
            folders[str(PurePosixPath(path).parent)].append(path)
    for paths in folders.values():
        logs = [path for path in paths if listing.kinds[path] == "owl"]
        videos = [path for path in paths if listing.kinds[path] == "video"]
        if len(logs) == 1 and len(videos) == 1:
            yield Claim(files=(logs[0], videos[0]), picture=videos[0])


READER = Reader(read=read, kinds=("owl",), sniff=_sniff, group=_group, has_video=True)
