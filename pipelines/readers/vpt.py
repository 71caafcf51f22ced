"""Reader `vpt`: a Minecraft log of mouse and keyboard lines, 20 a second, beside its mp4 or alone.

Line i belongs to picture i; the counts differ by a few, so the common part is kept, the rest stays
in `events`. Two habits of the recorders are undone: an attack button that is down from the first
line until it is pressed again, and hotbar scrolling, which only shows as a change of slot. Lines
without any action are kept: their picture is there too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pipelines.readers.events import beside, row_streams, together, vector
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.reading import Counted, Job, ReadResult, Refused
from pipelines.readers.rows import Channels
from pipelines.readers.tables import load_rows
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
CHANNELS = (*BUTTONS, *KEYS.values(), *SLOTS, "camera.dx", "camera.dy")
COLUMN = {name: number for number, name in enumerate(CHANNELS)}
INPUT_FIELDS = ("mouse", "keyboard")
LONGEST_LINE = 1 << 20


def read(job: Job) -> Iterator[ReadResult]:
    """Read the log of the group, and the picture beside it if there is one."""
    log = next(each for each in job.group.files if each.path != job.group.picture)
    rows = load_rows(job.path(log), "jsonl", log.path)
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
    scale = GUI_SCALES.get(str(job.config.get("recorder_version", "")), 1.0)
    actions = actions_of(rows.docs, gui_scale=scale)
    action = vector(
        "action",
        Channels(names=CHANNELS, values=actions[:common]),
        ts_ns[:common],
        order=np.arange(common, dtype=np.int64),
        clock=clock,
        log=log,
    )
    rest = _game_streams(job, log, Timed(ts_ns=ts_ns, clock=clock), common=common)
    yield together(job, log, [action, *rest], picture=picture)


def actions_of(docs: Sequence[Mapping[str, Any]], *, gui_scale: float) -> Floats:
    """Return one row of actions a line, in the order of CHANNELS."""
    values = np.zeros((len(docs), len(CHANNELS)))
    slot = docs[0].get("hotbar", 0)
    for number, (doc, buttons) in enumerate(_unstuck(docs)):
        mouse, keyboard = doc.get("mouse", {}), doc.get("keyboard", {})
        names = [BUTTONS[button] for button in buttons if 0 <= button < len(BUTTONS)]
        names += [KEYS[key] for key in keyboard.get("keys", ()) if key in KEYS]
        if doc.get("hotbar", slot) != slot:
            slot = doc["hotbar"]
            names += [f"hotbar.{slot + 1}"] if 0 <= slot < len(SLOTS) else []
        scale = DEGREES * (gui_scale if doc.get("isGuiOpen") else 1.0)
        values[number, [COLUMN[name] for name in names]] = 1.0
        values[number, COLUMN["camera.dx"]] = float(mouse.get("dx", 0)) * scale
        values[number, COLUMN["camera.dy"]] = float(mouse.get("dy", 0)) * scale
    return values


def _unstuck(docs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], list[int]]]:
    """Yield each line with its buttons, without an attack that was down before it was pressed."""
    stuck = docs[0].get("mouse", {}).get("newButtons") == [0]
    for number, doc in enumerate(docs):
        mouse = doc.get("mouse", {})
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


def _game_streams(job: Job, log: Found, timed: Timed, *, common: int) -> list[Stream]:
    """Return `state` (everything numeric but the inputs) and `events` (each line as found)."""
    rows = load_rows(job.path(log), "jsonl", log.path)
    plain = replace(
        rows,
        docs=tuple(
            {key: value for key, value in doc.items() if key not in INPUT_FIELDS}
            for doc in rows.docs
        ),
    )
    quiet = replace(job, config={key: job.config[key] for key in ("state",) if key in job.config})
    streams = []
    for stream in row_streams(plain, timed, log, job=quiet):
        if stream.kind == "vector" and stream.values is not None:
            kept = replace(stream, ts_ns=stream.ts_ns[:common], values=stream.values[:common])
            streams.append(replace(kept, num_messages=common))
        else:
            streams.append(stream)
    return streams


def _sniff(seen: Glance) -> str:
    """Tell a log by the fields of its first line."""
    if not seen.head.lstrip(b"\xef\xbb\xbf").startswith(b"{"):
        return ""
    with seen.path.open("rb") as file:
        line = file.readline(LONGEST_LINE)
    try:
        doc = json.loads(line)
    except ValueError:
        return ""
    is_log = isinstance(doc, dict) and {"mouse", "keyboard"} <= doc.keys() and "isGuiOpen" in doc
    return "vpt" if is_log else ""


READER = Reader(read=read, kinds=("vpt",), sniff=_sniff, has_video=True)
