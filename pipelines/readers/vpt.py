"""Reader `vpt`: a Minecraft log of mouse and keyboard lines, 20 a second, beside its mp4 or alone.

Line i belongs to picture i; the counts differ by a few, so the common part is kept, the rest stays
in `events`. Two habits of the recorders are undone: an attack button that is down from the first
line until it is pressed again, and hotbar scrolling, which only shows as a change of slot. Lines
without any action are kept: their picture is there too. What the recorder wrote of the mouse stands
beside what was derived from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipelines.readers.events import (
    beside,
    log_of,
    row_streams,
    rows_of,
    together,
    vector,
)
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.packed import inside, lines_of
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.rows import Channels
from pipelines.readers.tables import Rows
from pipelines.readers.timing import Timed
from pipelines.records import Clock, Floats, Found, Int64s, Stream

STEP_NS = 50_000_000
DEGREES = 360 / 2400  # of the camera for each pixel that the mouse moved
GUI_SCALES = {"5.7": 0.5, "5.8": 0.5, "6.7": 2.0, "6.8": 2.0, "6.9": 2.0}
KEYS = {
    "key.keyboard.w": "forward",
    "key.keyboard.s": "back",
    "key.keyboard.a": "left",
    "key.keyboard.d": "right",
    "key.keyboard.space": "jump",
    "key.keyboard.left.shift": "sneak",
    "key.keyboard.left.control": "sprint",
    "key.keyboard.e": "inventory",
    "key.keyboard.q": "drop",
    "key.keyboard.f": "swap_hands",
}
BUTTONS = ("attack", "use", "pick_item")
SLOTS = tuple(f"hotbar.{slot}" for slot in range(1, 10))
RAW = ("mouse.x", "mouse.y", "mouse.dx", "mouse.dy", "mouse.attack")  # as written, in 720p
CHANNELS = (*BUTTONS, *KEYS.values(), *SLOTS, "camera.dx", "camera.dy", *RAW)
COLUMN = {name: number for number, name in enumerate(CHANNELS)}
INPUT_FIELDS = ("mouse", "keyboard")


def read(job: Job) -> Iterator[ReadResult]:
    """Read the log of the group, and the picture beside it if there is one."""
    log = log_of(job)
    rows = rows_of(job, log, "jsonl")
    _refuse_strange(rows, log)
    picture = beside(job)
    num_rows = len(rows.docs)
    if picture is None:
        ts_ns: Int64s = np.arange(num_rows, dtype=np.int64) * STEP_NS
        common = num_rows
        clock = Clock(kind="tick", epoch="start", resolution_ns=STEP_NS, how="20 lines a second")
    else:
        common = _common(num_rows, len(picture.frames_ns), job, log=log)
        ts_ns = _extended(picture.frames_ns, num_rows)
        clock = Clock(kind="pts", epoch="start", how=f"line i is picture i, {common} of both")
    version = str(job.config.get("recorder_version", ""))
    actions = actions_of(rows.docs, gui_scale=GUI_SCALES.get(version, 1.0))
    action = vector(
        "action",
        Channels(names=CHANNELS, values=actions[:common]),
        ts_ns[:common],
        order=np.arange(common, dtype=np.int64),
        clock=clock,
        log=log,
    )
    rest = _game_streams(job, log, Timed(ts_ns=ts_ns, clock=clock), rows=rows, common=common)
    notes = _notes(rows, version, num_rows, common=common)
    yield together(job, log, [action, *rest], picture=picture, notes=notes)


def actions_of(docs: Sequence[Mapping[str, Any]], *, gui_scale: float) -> Floats:
    """Return one row of actions a line, in the order of CHANNELS."""
    values = np.zeros((len(docs), len(CHANNELS)))
    slot = docs[0].get("hotbar", 0)
    for number, (doc, buttons) in enumerate(_unstuck(docs)):
        mouse, keyboard = doc["mouse"], doc["keyboard"]
        names = [BUTTONS[button] for button in buttons if 0 <= button < len(BUTTONS)]
        names += [KEYS[key] for key in keyboard.get("keys", ()) if key in KEYS]
        if doc.get("hotbar", slot) != slot:
            slot = doc["hotbar"]
            names += [f"hotbar.{slot + 1}"] if 0 <= slot < len(SLOTS) else []
        names += ["mouse.attack"] if 0 in mouse.get("buttons", ()) else []
        values[number, [COLUMN[name] for name in names]] = 1.0
        scale = DEGREES * (gui_scale if doc.get("isGuiOpen") else 1.0)
        for axis in ("dx", "dy"):
            values[number, COLUMN[f"camera.{axis}"]] = float(mouse.get(axis, 0)) * scale
        for axis in ("x", "y", "dx", "dy"):
            values[number, COLUMN[f"mouse.{axis}"]] = float(mouse.get(axis, np.nan))
    return values


def _refuse_strange(rows: Rows, log: Found) -> None:
    """Refuse a log with lines that are JSON and not of this recorder."""
    strange = [number for number, doc in enumerate(rows.docs, start=1) if not _is_line(doc)]
    if strange:
        raise Refused(
            f"{log.path}: {len(strange)} lines without mouse and keyboard, line {strange[0]} first",
            code="CORRUPT",
            subject=log.path,
            evidence={"line": strange[0], "rows_bad": len(strange), "rows_read": len(rows.docs)},
            partial={log.path: Counted(num_messages=len(rows.docs) - len(strange))},
        )


def _is_line(doc: Mapping[str, Any]) -> bool:
    mouse, keyboard = doc.get("mouse"), doc.get("keyboard")
    if not isinstance(mouse, Mapping) or not isinstance(keyboard, Mapping):
        return False
    moved = all(isinstance(mouse.get(axis, 0), int | float) for axis in ("x", "y", "dx", "dy"))
    pressed = (mouse.get("buttons", []), mouse.get("newButtons", []))
    held = all(isinstance(each, int) for some in pressed if _is_list(some) for each in some)
    named = all(isinstance(each, str) for each in keyboard.get("keys", []) or ())
    listed = all(map(_is_list, (*pressed, keyboard.get("keys", []))))
    return moved and held and listed and named and isinstance(doc.get("hotbar", 0), int)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _notes(rows: Rows, version: str, num_rows: int, *, common: int) -> list[str]:
    """Say what was assumed and what was left out."""
    notes = list(rows.notes)
    menus = sum(bool(doc.get("isGuiOpen")) for doc in rows.docs)
    if menus and not version:
        notes.append(f"recorder_version not declared: the mouse in {menus} menu lines not scaled")
    if menus:
        notes.append(f"the cursor is not in the picture of {menus} menu lines: mouse.x, mouse.y")
    if num_rows > common:
        notes.append(f"{num_rows - common} lines behind the last picture stand in events only")
    return notes


def _unstuck(docs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], list[int]]]:
    """Yield each line with its buttons, without an attack that was down before it was pressed."""
    stuck = docs[0]["mouse"].get("newButtons") == [0]
    for number, doc in enumerate(docs):
        mouse = doc["mouse"]
        if number and 0 in mouse.get("newButtons", ()):
            stuck = False
        buttons = [int(button) for button in mouse.get("buttons", ())]
        yield doc, [button for button in buttons if not (stuck and button == 0)]


def _common(num_rows: int, num_frames: int, job: Job, *, log: Found) -> int:
    common = min(num_rows, num_frames)
    allowed = int(job.config.get("tolerance", max(5, num_frames // 100)))
    if abs(num_rows - num_frames) > allowed:
        raise Refused(
            f"{log.path}: {num_rows} lines for {num_frames} pictures",
            code="PARTS_DISAGREE",
            subject=log.path,
            evidence={"lines": num_rows, "pictures": num_frames, "tolerance": allowed},
            partial={
                log.path: Counted(num_messages=num_rows),
                job.group.picture: Counted(num_frames=num_frames),
            },
        )
    return common


def _extended(frames_ns: Int64s, count: int) -> Int64s:
    """Return times for `count` lines; those behind the last picture follow at 20 a second."""
    extra = max(0, count - len(frames_ns))
    after = frames_ns[-1] + STEP_NS * np.arange(1, extra + 1, dtype=np.int64)
    return np.concatenate([frames_ns[:count], after])


def _game_streams(job: Job, log: Found, timed: Timed, *, rows: Rows, common: int) -> list[Stream]:
    """Return `state` (everything numeric but the inputs) and `events` (each line as found)."""
    plain = replace(
        rows,
        docs=tuple(
            {key: value for key, value in doc.items() if key not in INPUT_FIELDS}
            for doc in rows.docs
        ),
        gathered=None,
    )
    quiet = {key: job.config[key] for key in ("state",) if key in job.config}
    streams = []
    for stream in row_streams(plain, timed, log, config=quiet):
        if stream.kind == "vector" and stream.values is not None:
            kept = replace(stream, ts_ns=stream.ts_ns[:common], values=stream.values[:common])
            streams.append(replace(kept, num_messages=common))
        else:
            streams.append(stream)
    return streams


def _sniff(seen: Glance) -> str:
    """Tell a log by the fields of its first line."""
    if not inside(seen).head.removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
        return ""
    try:
        doc = json.loads(next(lines_of(seen.path, seen.name), b""))
    except (ValueError, Refused):
        return ""
    is_log = isinstance(doc, dict) and {"mouse", "keyboard"} <= doc.keys() and "isGuiOpen" in doc
    return "vpt" if is_log else ""


READER = Reader(read=read, kinds=("vpt",), sniff=_sniff, has_video=True)
