"""Reader `euroc`: folders of the EuRoC layout, `mav0/<sensor>/data.csv` and pictures beside it.

One folder that holds sensors is one episode. The first column of every `data.csv` is the time in
ns; a list of file names is a camera, all else is a vector under the names of its header.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Final

import numpy as np

from pipelines.clocks import UNIX_NS, skew_figures
from pipelines.readers.formats import Claim, Listing, Reader
from pipelines.readers.picture_lists import Listed, listed_stream, picture_line
from pipelines.readers.reading import Counted, FileFacts, Job, ReadResult, Refused, Track, duration
from pipelines.records import Clock, Found, Int64s, Stream

DATA: Final = "data.csv"
FIRST: Final = "#timestamp"


def read(job: Job) -> Iterator[ReadResult]:
    """Read the sensors of the folder, in the order of their names."""
    tables = [found for found in job.group.files if found.path.endswith("/" + DATA)]
    streams: list[Stream] = []
    lines: list[FileFacts] = []
    tracks: list[Track] = []
    for found in tables:
        sensor = PurePosixPath(found.path).parent
        header, rows = _table(job, found)
        ts_ns = _times([row[0] for row in rows], found.path)
        if len(header) == 2 and header[1] == "filename":
            paths = tuple((sensor / "data" / row[1]).as_posix() for row in rows)
            listed = Listed(name=sensor.name, by=found.path, ts_ns=ts_ns, paths=paths)
            stream, track = listed_stream(job, listed, _clock(ts_ns))
            tracks += [track] if track else []
            by_path = {one.path: one for one in job.group.files}
            lines += [picture_line(job, by_path[path], stream) for path in paths]
        else:
            stream = _vector(sensor.name, header, rows, ts_ns=ts_ns, found=found)
        streams.append(stream)
        told = Counted(
            num_messages=len(rows), duration_ns=duration([stream]), streams=(stream.doc(),)
        )
        lines.append(job.facts(found, told))
    yield ReadResult(episodes=(job.episode(streams),), tracks=tuple(tracks), files=tuple(lines))


def _table(job: Job, found: Found) -> tuple[list[str], list[list[str]]]:
    with job.path(found).open(encoding="utf-8-sig", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    if len(rows) < 2:
        raise Refused(f"{found.path}: no row in it", code="NO_CONTENT", subject=found.path)
    header, body = rows[0], rows[1:]
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            last = number == len(body) + 1
            raise Refused(
                f"{found.path}: line {number} has {len(row)} cells, expected {len(header)}",
                code="TRUNCATED" if last else "CORRUPT",
                subject=found.path,
                evidence={"line": number, "rows_read": number - 2},
            )
    return header, body


def _times(cells: list[str], path: str) -> Int64s:
    try:
        return np.array([int(cell) for cell in cells], np.int64)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{path}: {error}", code="CLOCK_BROKEN", subject=path) from error


def _vector(
    name: str, header: list[str], rows: list[list[str]], *, ts_ns: Int64s, found: Found
) -> Stream:
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
        channels=tuple(one.split(" [")[0] for one in header[1:]),
        num_messages=len(rows),
    )


def _clock(ts_ns: Int64s) -> Clock:
    unix = len(ts_ns) > 0 and int(ts_ns.min()) >= UNIX_NS
    return Clock(
        kind="stamp",
        epoch="unix" if unix else "boot",
        how="first column of data.csv, in ns",
        skew=skew_figures(ts_ns),
    )


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim each folder of sensors: their tables, and the pictures that a table may list."""
    sensors = [
        PurePosixPath(path).parent
        for path in listing.kinds
        if path.endswith("/" + DATA) and listing.text(path).startswith(FIRST)
    ]
    by_root: dict[PurePosixPath, list[PurePosixPath]] = defaultdict(list)
    for sensor in sensors:
        by_root[sensor.parent].append(sensor)
    for own in by_root.values():
        files, companions = [], []
        for sensor in sorted(own):
            listed = {line.partition(",")[2].strip() for line in
                      listing.text(f"{sensor}/{DATA}").splitlines()[1:]}  # fmt: skip
            below = [path for path in listing.kinds if path.startswith(f"{sensor}/")]
            pictures = [
                path for path in below
                if path.startswith(f"{sensor}/data/") and PurePosixPath(path).name in listed
            ]  # fmt: skip
            files += [f"{sensor}/{DATA}", *pictures]
            companions += [path for path in below if path.endswith("sensor.yaml")]
        yield Claim(files=tuple(files), companions=tuple(companions))


READER = Reader(read=read, kinds=("euroc",), group=_group)
