"""Reader `tum`: folders of the TUM RGB-D layout, `rgb.txt` beside `rgb/`, poses in `*.txt`.

A list of `time file` is a camera, a table of `time numbers…` a vector under the names of its last
comment. Times are decimal seconds since 1970, read exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from pipelines.clocks import skew_figures
from pipelines.readers.formats import Claim, Listing, Reader
from pipelines.readers.picture_lists import Listed, listed_stream, picture_line
from pipelines.readers.reading import Counted, FileFacts, Job, ReadResult, Refused, Track, duration
from pipelines.records import Clock, Found, Int64s, Stream

NS: Final = 10**9
PICTURE: Final = re.compile(r"\d+(?:\.\d+)?\s+(\S+\.(?:png|jpe?g))")
NUMBERS: Final = re.compile(r"\d+(?:\.\d+)?(?:\s+-?\d[\d.eE+-]*)+")


def read(job: Job) -> Iterator[ReadResult]:
    """Read the lists of the folder, in the order of their names."""
    streams: list[Stream] = []
    lines: list[FileFacts] = []
    tracks: list[Track] = []
    by_path = {one.path: one for one in job.group.files}
    for found in [one for one in job.group.files if one.path.endswith(".txt")]:
        text = job.path(found).read_text(encoding="utf-8-sig")
        names, rows = _rows(text, found.path)
        ts_ns = _times([row[0] for row in rows], found.path)
        name = PurePosixPath(found.path).stem
        if PICTURE.fullmatch(" ".join(rows[0])):
            folder = PurePosixPath(found.path).parent
            paths = tuple((folder / row[1]).as_posix() for row in rows)
            listed = Listed(name=name, by=found.path, ts_ns=ts_ns, paths=paths)
            stream, track = listed_stream(job, listed, _clock(ts_ns))
            tracks += [track] if track else []
            lines += [picture_line(job, by_path[path], stream) for path in dict.fromkeys(paths)]
        else:
            stream = _vector(name, names, rows, ts_ns=ts_ns, found=found)
        streams.append(stream)
        told = Counted(
            num_messages=len(rows), duration_ns=duration([stream]), streams=(stream.doc(),)
        )
        lines.append(job.facts(found, told))
    yield ReadResult(episodes=(job.episode(streams),), tracks=tuple(tracks), files=tuple(lines))


def _rows(text: str, path: str) -> tuple[list[str], list[list[str]]]:
    """The names of the last comment, and the rows, which must all have the same width."""
    names: list[str] = []
    rows: list[list[str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("#"):
            names = line.lstrip("# ").split() if not rows else names
        elif line.strip():
            cells = line.split()
            if rows and len(cells) != len(rows[0]):
                raise Refused(
                    f"{path}: line {number} has {len(cells)} cells, expected {len(rows[0])}",
                    code="CORRUPT",
                    subject=path,
                    evidence={"line": number, "rows_read": len(rows)},
                )
            rows.append(cells)
    if not rows:
        raise Refused(f"{path}: no row in it", code="NO_CONTENT", subject=path)
    return names, rows


def _times(cells: list[str], path: str) -> Int64s:
    try:
        return np.array([int(Decimal(cell) * NS) for cell in cells], np.int64)
    except (InvalidOperation, OverflowError, ValueError) as error:
        raise Refused(f"{path}: {error!r}", code="CLOCK_BROKEN", subject=path) from error


def _vector(
    name: str, names: list[str], rows: list[list[str]], *, ts_ns: Int64s, found: Found
) -> Stream:
    width = len(rows[0]) - 1
    told = names[1:] if len(names) == width + 1 else [str(number) for number in range(width)]
    try:
        values = np.array([[float(cell) for cell in row[1:]] for row in rows])
    except ValueError as error:
        raise Refused(f"{found.path}: {error}", code="CORRUPT", subject=found.path) from error
    order = np.argsort(ts_ns, kind="stable")
    return Stream(
        name=name,
        kind="vector",
        clock=_clock(ts_ns),
        ts_ns=ts_ns[order],
        file_id=found.sha256,
        values=np.ascontiguousarray(values[order]),
        channels=tuple(told),
        num_messages=len(rows),
    )


def _clock(ts_ns: Int64s) -> Clock:
    return Clock(
        kind="stamp",
        epoch="unix",
        how="first column, decimal seconds",
        skew=skew_figures(ts_ns),
    )


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim each folder that lists pictures: its lists, the pictures, and tables beside them."""
    texts = {path: listing.text(path) for path in listing.kinds if path.endswith(".txt")}
    folders = sorted({str(PurePosixPath(path).parent) for path, text in texts.items()
                      if PICTURE.fullmatch(_first(text))})  # fmt: skip
    for folder in folders:
        own = sorted(path for path in texts if str(PurePosixPath(path).parent) == folder)
        lists = [path for path in own if PICTURE.fullmatch(_first(texts[path]))]
        tables = [path for path in own if NUMBERS.fullmatch(_first(texts[path]))]
        wanted = {
            (PurePosixPath(folder) / line.split()[1]).as_posix()
            for path in lists
            for line in texts[path].splitlines()
            if PICTURE.fullmatch(line.strip())
        }
        pictures = [path for path in listing.kinds if path in wanted]
        yield Claim(files=tuple(sorted([*lists, *tables])) + tuple(pictures))


def _first(text: str) -> str:
    """The first line that is no comment."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")


READER = Reader(read=read, kinds=("tum",), group=_group)
