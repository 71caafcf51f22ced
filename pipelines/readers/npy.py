"""Reader `npy`: NumPy arrays, one in a `.npy` or several in a `.npz`; nothing is unpickled.

The first axis is time. Times come from an array or column that the source's config names
(`time_field`), or that is named like a time; else steps are counted at a declared rate. Arrays of
objects hold pickles and are refused.
"""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.readers.arrays import array_stream, counted, steps_of
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.reading import Config, Job, ReadResult, Refused
from pipelines.readers.timing import TIME_FIELDS, RowTimes, Timed, own_times
from pipelines.records import Stream

MAGIC: Final = b"\x93NUMPY"
MOST_MEMBERS: Final = 10_000
MOST_BYTES: Final = 16 << 30
MOST_RATIO: Final = 1_000
Array = npt.NDArray[Any]


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    arrays = dict(_arrays(job.path(found), found.path, tuple(job.config.get("columns", ()))))
    lengths = {name: len(one) for name, one in arrays.items() if one.ndim}
    if not lengths or not max(lengths.values()):
        raise Refused(f"{found.path}: no array with entries", code="NO_CONTENT", subject=found.path)
    timed = _timed(arrays, job.config, found.path)
    count = len(timed.ts_ns)
    order = np.argsort(timed.ts_ns, kind="stable")
    streams: list[Stream] = []
    notes: list[str] = []
    for name, values in arrays.items():
        if name in timed.fields:
            continue
        stream = None
        if values.ndim and len(values) == count:
            stream = array_stream(
                name,
                values[order],
                ts_ns=timed.ts_ns[order],
                clock=timed.clock,
                file_id=found.sha256,
            )
        streams += [stream] if stream else []
        notes += [] if stream else [f"{name} {values.shape} {values.dtype} is not read"]
    if not streams:
        raise Refused(
            f"{found.path}: no array of {count} entries, as the times have",
            code="PARTS_DISAGREE",
            subject=found.path,
            evidence={"lengths": lengths},
        )
    facts = job.facts(found, counted(streams, steps=count))
    yield ReadResult(episodes=(job.episode(streams, notes=notes),), files=(facts,))


def _timed(arrays: Mapping[str, Array], config: Config, path: str) -> Timed:
    """The times of the entries: an array's own, or counted steps of the longest array."""
    wanted = str(config.get("time_field") or "")
    names = (wanted,) if wanted else TIME_FIELDS
    field = next((name for name in names if name in arrays and arrays[name].ndim == 1), "")
    if field:
        docs = [{field: one} for one in arrays[field].tolist()]
        return own_times(RowTimes.of(docs, config), path)
    if wanted:
        raise Refused(
            f"{path}: no array {wanted!r}, there are {', '.join(sorted(arrays)[:8])}",
            code="CLOCK_BROKEN",
            subject=path,
            way_out="name an array of times, or a column of `columns`, as time_field",
        )
    steps = steps_of(config, 0.0, usual_hz=1.0, whose="an array of numbers")
    count = max(len(one) for one in arrays.values() if one.ndim)
    return Timed(ts_ns=steps.times(count), clock=steps.clock)


def _arrays(path: Path, name: str, columns: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """The arrays of the file by name; the fields of a structured array are arrays of their own."""
    if _head(path) == MAGIC:
        with path.open("rb") as file:
            array = _read(file, path.stat().st_size, name)
        yield from _named_columns(dict(_fields("array", array)), columns)
        return
    try:
        with zipfile.ZipFile(path) as bundle:
            _refuse_bomb(bundle, name)
            yield from _members(bundle, name)
    except zipfile.BadZipFile as error:
        code = "CORRUPT" if "CRC" in str(error) else "TRUNCATED"
        raise Refused(f"{name}: {error}", code=code, subject=name) from error
    except (zlib.error, EOFError, NotImplementedError) as error:
        raise Refused(f"{name}: {error}", code="CORRUPT", subject=name) from error


def _members(bundle: zipfile.ZipFile, name: str) -> Iterator[tuple[str, Array]]:
    for member in bundle.infolist():
        where = PurePosixPath(member.filename)
        if where.is_absolute() or ".." in where.parts:
            raise Refused(
                f"{name}: a member named {member.filename!r} leads out of it",
                code="UNSAFE_CONTENT",
                subject=name,
            )
        with bundle.open(member) as file:
            array = _read(file, member.file_size, name)
        yield from _fields(member.filename.removesuffix(".npy"), array)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(MAGIC))


def _named_columns(
    arrays: Mapping[str, Array], columns: Sequence[str]
) -> Iterator[tuple[str, Array]]:
    """The columns of the one table in the file under the names that the config gives them."""
    table = arrays.get("array")
    if table is None or table.ndim != 2 or len(columns) != table.shape[1]:
        yield from arrays.items()
        return
    yield from ((name, table[:, number]) for number, name in enumerate(columns))


def _read(file: Any, size: int, what: str) -> Array:  # noqa: ANN401  a file or a member of one
    """Read one array after looking at its head: no objects, and as many bytes as it says."""
    try:
        version = np.lib.format.read_magic(file)
        head = {(1, 0): np.lib.format.read_array_header_1_0}.get(
            version, np.lib.format.read_array_header_2_0
        )
        shape, fortran, kind = head(file)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError) as error:
        raise Refused(f"{what}: {error}", code="CORRUPT", subject=what) from error
    if kind.hasobject:
        raise Refused(f"{what}: an array of pickled objects", code="UNSAFE_CONTENT", subject=what)
    promised = int(np.prod(shape, dtype=object)) * kind.itemsize
    raw = file.read(size)
    if len(raw) != promised:
        raise Refused(
            f"{what}: {len(raw)} bytes of an array of {promised}",
            code="TRUNCATED" if len(raw) < promised else "CORRUPT",
            subject=what,
            evidence={"shape": list(shape), "dtype": str(kind), "bytes": len(raw)},
        )
    return np.frombuffer(raw, kind).reshape(shape, order="F" if fortran else "C")


def _fields(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    if array.dtype.names is None:
        yield name, array
        return
    prefix = "" if name == "array" else f"{name}."
    for field in array.dtype.names:
        yield f"{prefix}{field}", array[field]


def _refuse_bomb(bundle: zipfile.ZipFile, name: str) -> None:
    members = bundle.infolist()
    size = sum(one.file_size for one in members)
    packed = max(1, sum(one.compress_size for one in members))
    if len(members) > MOST_MEMBERS or size > MOST_BYTES or size / packed > MOST_RATIO:
        raise Refused(
            f"{name}: {len(members)} members, {size} bytes out of {packed}",
            code="TOO_LARGE",
            subject=name,
        )


def _sniff(seen: Glance) -> str:
    """A zip whose first member is an array is an npz."""
    if not seen.head.startswith(b"PK\x03\x04"):
        return ""
    length = int.from_bytes(seen.head[26:28], "little")
    return "npz" if seen.head[30 : 30 + length].endswith(b".npy") else ""


READER = Reader(read=read, kinds=("npy", "npz"), sniff=_sniff)
