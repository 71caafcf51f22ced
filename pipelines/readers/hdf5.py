"""Reader `hdf5`: robomimic, ALOHA and Minari files, one episode or many in each.

The layout is told by the names inside. None of these holds a wall clock: steps are counted, and the
rate is what the source declares, what the file states, or what the format usually has. Links out of
the file, data stored elsewhere and opaque (pickled) values are refused before anything is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from pipelines.readers.arrays import (
    PIXELS,
    Pictures,
    Steps,
    array_stream,
    counted,
    picture_size,
    picture_stream,
    steps_of,
)
from pipelines.readers.formats import Reader
from pipelines.readers.guard import MEMORY_MB
from pipelines.readers.hdf5_safety import refuse_size, refuse_unsafe, unwritten
from pipelines.readers.reading import Job, ReadResult, Refused
from pipelines.records import Found, Stream

STEPS_SAID: Final = frozenset({"num_samples", "total_steps"})  # robomimic, Minari
_NUMBER: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What kind of file it is: its episodes (part, group), and the rate of its steps."""

    name: str
    parts: tuple[tuple[str, str], ...]
    stated_hz: float
    usual_hz: float


def read(job: Job) -> Iterator[ReadResult]:
    """Yield the episodes of the file one by one, in the order of their numbers."""
    import h5py

    (found,) = job.group.files
    done = 0
    try:
        with h5py.File(job.path(found), "r") as file:
            refuse_unsafe(file, found.path)
            layout = _layout(file, found.path)
            steps = steps_of(
                job.config, layout.stated_hz, usual_hz=layout.usual_hz, whose=layout.name
            )
            empty = {part for part, where in layout.parts if _is_empty(file[where])}
            filled = [each for each in layout.parts if each[0] not in empty]
            if empty and not filled:
                raise Refused(f"{found.path}: no step in it", code="NO_CONTENT", subject=found.path)
            notes = tuple(f"{part} has no step" for part in sorted(empty))
            for done, (part, where) in enumerate(filled):  # noqa: B007 - told if it fails
                yield _episode(job, found, file[where], part=part, steps=steps, notes=notes)
                notes = ()
    except (OSError, KeyError, RuntimeError) as error:  # what h5py makes of the library's errors
        raise _damaged(found.path, str(error), done) from error


def _is_empty(group: Any) -> bool:  # noqa: ANN401  h5py has no types
    """Say whether an episode was begun and no step of it taken."""
    lengths = [data.shape[0] for _, data in _datasets(group) if data.shape]
    return bool(lengths) and not any(lengths)


def _episode(
    job: Job,
    found: Found,
    group: Any,  # noqa: ANN401  h5py has no types
    *,
    part: str,
    steps: Steps,
    notes: Sequence[str],
) -> ReadResult:
    streams: list[Stream] = []
    tracks, notes = [], list(notes)
    scratch = job.scratch / part  # episodes have tracks of the same names
    scratch.mkdir(exist_ok=True)
    for name, data in _datasets(group):
        if not data.shape:
            continue
        if unwritten(data, found.path):
            notes.append(f"{name} was never written: every value is {data.fillvalue}")
        times = steps.times(data.shape[0])
        pictures = _pictures(name, data, group)
        if pictures is not None:
            stream, track = picture_stream(
                pictures,
                _frames(data, pictures),
                ts_ns=times,
                clock=steps.clock,
                file=(found.sha256, job.path(found), scratch),
            )
            tracks += [track] if track else []
            streams.append(stream)
            continue
        one = None
        if name.rpartition("/")[2] != "compress_len":
            refuse_size(data, found.path, _most_bytes(job))
            one = array_stream(
                name, _values(data), ts_ns=times, clock=steps.clock, file_id=found.sha256
            )
        streams += [one] if one else []
        notes += [] if one else [f"{name} {data.shape} {data.dtype} is not read"]
    num_steps = _num_steps(streams, found.path, part)
    _refuse_other_count(group.attrs, num_steps, found.path, part=part)
    facts = job.facts(found, counted(streams, steps=num_steps))
    episode = job.episode(streams, part=part, notes=notes)
    return ReadResult(episodes=(episode,), tracks=tuple(tracks), files=(facts,))


def _most_bytes(job: Job) -> int:
    return int(float(job.config.get("memory_limit_mb", MEMORY_MB)) * (1 << 20))


def _num_steps(streams: list[Stream], path: str, part: str) -> int:
    """The steps of an episode; its streams may differ by one: an observation after the last act."""
    counts = {one.name: len(one.ts_ns) for one in streams}
    if not counts or not max(counts.values()):
        raise Refused(f"{path}: no step in {part or 'it'}", code="NO_CONTENT", subject=path)
    actions = [count for name, count in counts.items() if name.startswith("action")]
    steps = actions[0] if actions else min(counts.values())
    odd = {name: count for name, count in counts.items() if count not in {steps, steps + 1}}
    if odd:
        raise Refused(
            f"{path}: {part or 'the episode'} has {steps} steps, but {odd}",
            code="PARTS_DISAGREE",
            subject=path,
            evidence={"part": part, "steps": steps, "streams": counts},
        )
    return steps


def _refuse_other_count(said: Mapping[str, Any], steps: int, path: str, *, part: str) -> None:
    """Refuse an episode that says to have other steps than it has."""
    for name in STEPS_SAID & said.keys():
        if isinstance(said[name], int | np.integer) and int(said[name]) != steps:
            raise Refused(
                f"{path}: {part} says {name} {int(said[name])}, and has {steps} steps",
                code="PARTS_DISAGREE",
                subject=path,
                evidence={"part": part, "steps": steps, name: int(said[name])},
            )


def _layout(file: Any, path: str) -> Layout:  # noqa: ANN401  h5py has no types
    """Tell the layout by the names at the top."""
    names = set(file.keys())
    demos = _numbered(file["data"], "demo_") if "data" in names else []
    if demos:
        parts = tuple((name, f"data/{name}") for name in demos)
        hz = _robomimic_rate(file["data"].attrs)
        return Layout(name="robomimic", parts=parts, stated_hz=hz, usual_hz=20.0)
    if "action" in names and "observations" in names:
        return Layout(name="ALOHA", parts=(("", "/"),), stated_hz=0.0, usual_hz=50.0)
    episodes = _numbered(file, "episode_")
    if episodes:
        parts = tuple((name, name) for name in episodes)
        return Layout(name="Minari", parts=parts, stated_hz=0.0, usual_hz=20.0)
    if not names:
        raise Refused(f"{path}: nothing in it", code="NO_CONTENT", subject=path)
    raise Refused(
        f"{path}: HDF5 with {', '.join(sorted(names)[:5])}: none of robomimic, ALOHA, Minari",
        code="UNKNOWN_SCHEMA",
        subject=path,
        evidence={"names": sorted(names)[:20]},
    )


def _numbered(group: Any, prefix: str) -> list[str]:  # noqa: ANN401  h5py has no types
    found = [name for name in group if name.startswith(prefix) and hasattr(group.get(name), "keys")]
    return sorted(found, key=lambda name: [int(one) for one in _NUMBER.findall(name)] or [0])


def _robomimic_rate(attrs: Mapping[str, Any]) -> float:
    """The control frequency that the environment's arguments state, 0 when they state none."""
    try:
        stated = json.loads(str(attrs["env_args"]))["env_kwargs"]["control_freq"]
        return float(stated)
    except (KeyError, TypeError, ValueError):
        return 0.0


def _datasets(group: Any) -> list[tuple[str, Any]]:  # noqa: ANN401  h5py has no types
    """Every dataset below a group with its path from there, in the order of the names."""
    import h5py

    found: list[tuple[str, Any]] = []

    def visit(name: str, item: Any) -> None:  # noqa: ANN401  h5py has no types
        if isinstance(item, h5py.Dataset):
            found.append((name, item))

    group.visititems(visit)
    return sorted(found, key=lambda pair: pair[0])


def _values(data: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401  h5py has no types
    values = data.asstr(errors="replace")[()] if data.dtype.kind == "O" else data[()]
    return np.asarray(values)


def _pictures(name: str, data: Any, group: Any) -> Pictures | None:  # noqa: ANN401  h5py has no types
    """Describe a dataset of pictures: raw ones (N, H, W, channels) or encoded ones in rows."""
    if data.dtype != np.uint8:
        return None
    if data.ndim == 4 and data.shape[3] in PIXELS:
        height, width, depth = data.shape[1:]
        size = height * width * depth
        return Pictures(
            name=name,
            codec="rawvideo",
            width=width,
            height=height,
            pixels=PIXELS[depth],
            sizes=[size] * data.shape[0],
            offsets=_offsets(data, size),
        )
    if data.ndim == 2 and data.shape[0] and data.shape[1] > 64 and _is_encoded(data[0]):
        sizes = _sizes(name, data, group)
        codec, width, height = picture_size(name, data[0][: sizes[0]].tobytes())
        return Pictures(
            name=name,
            codec=codec,
            width=width,
            height=height,
            pixels="",
            sizes=sizes,
            offsets=_offsets(data, data.shape[1]),
        )
    return None


def _is_encoded(row: np.ndarray[Any, Any]) -> bool:
    return row[:3].tobytes() == b"\xff\xd8\xff" or row[:4].tobytes() == b"\x89PNG"


def _sizes(name: str, data: Any, group: Any) -> list[int]:  # noqa: ANN401  h5py has no types
    """How long each padded picture is: as the file says, or up to its last byte that is not 0."""
    root = group.file
    camera = name.rpartition("/")[2]
    if "compress_len" in root and "observations/images" in root:
        cameras = list(root["observations/images"])
        lengths = root["compress_len"]
        if camera in cameras and lengths.shape == (len(cameras), data.shape[0]):
            stated = [int(one) for one in lengths[cameras.index(camera)]]
            if all(0 < one <= data.shape[1] for one in stated):
                return stated
    return [int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0 for row in data]


def _offsets(data: Any, size: int) -> list[int] | None:  # noqa: ANN401  h5py has no types
    """Where each row lies in the file, if it lies there whole and as it is."""
    plain = data.compression is None and not data.shuffle and not data.fletcher32
    if not plain or data.scaleoffset is not None:
        return None
    start = data.id.get_offset()
    if start is not None:
        return [start + number * size for number in range(data.shape[0])]
    if data.chunks is None or data.chunks != (1, *data.shape[1:]):
        return None
    infos = [data.id.get_chunk_info(number) for number in range(data.id.get_num_chunks())]
    if len(infos) != data.shape[0]:
        return None
    by_row = sorted((one.chunk_offset[0], one.byte_offset) for one in infos)
    return [offset for _, offset in by_row]


def _frames(data: Any, pictures: Pictures) -> Iterator[bytes]:  # noqa: ANN401  h5py has no types
    for number, size in enumerate(pictures.sizes):
        raw = data[number].tobytes()
        yield raw if pictures.pixels else raw[:size]


def _damaged(path: str, message: str, done: int) -> Refused:
    """The library's error in our words: it says when the file is shorter than it promises."""
    short = "truncated file" in message
    return Refused(
        f"{path}: {message}",
        code="TRUNCATED" if short else "CORRUPT",
        subject=path,
        evidence={"tool": "h5py", "message": message[:300], "episodes_read": done},
    )


READER = Reader(read=read, kinds=("hdf5",))
