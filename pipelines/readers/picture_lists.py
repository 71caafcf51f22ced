"""Pictures that lie in files of their own, listed with a time each, as one video stream.

The files are muxed into a track without encoding them again; each is decoded once. A picture that
is listed and not there is a missing part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.readers.arrays import Pictures, picture_size, picture_stream
from pipelines.readers.reading import Counted, FileFacts, Job, Refused, Track
from pipelines.records import Clock, Found, Int64s, Stream, period_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """The pictures of one camera: the list that names them, their times and their paths."""

    name: str
    by: str  # path of the list
    ts_ns: Int64s
    paths: tuple[str, ...]


def listed_stream(job: Job, listed: Listed, clock: Clock) -> tuple[Stream, Track | None]:
    """Return the pictures of one camera, in order of time.

    Raises:
        Refused: PARTS_MISSING, CORRUPT, UNSUPPORTED_CODEC, NO_CONTENT.
    """
    by_path = {found.path: found for found in job.group.files}
    missing = [path for path in listed.paths if path not in by_path]
    if missing:
        raise Refused(
            f"{listed.by}: {len(missing)} of {len(listed.paths)} pictures are not there",
            code="PARTS_MISSING",
            subject=listed.by,
            evidence={"missing": missing[:5], "count": len(missing)},
        )
    if not listed.paths:
        raise Refused(f"{listed.by}: no picture listed", code="NO_CONTENT", subject=listed.by)
    order = np.argsort(listed.ts_ns, kind="stable")
    ts_ns, paths = listed.ts_ns[order], [listed.paths[number] for number in order]
    codec, width, height = picture_size(paths[0], (job.root / paths[0]).read_bytes())
    pictures = Pictures(
        name=listed.name,
        codec=codec,
        width=width,
        height=height,
        pixels="",
        sizes=[by_path[path].size_bytes for path in paths],
        offsets=None,
    )
    frames = ((job.root / path).read_bytes() for path in paths)
    first = by_path[paths[0]]
    return picture_stream(
        pictures,
        frames,
        ts_ns=ts_ns,
        clock=clock,
        file=(first.sha256, job.path(first), job.scratch),
    )


def picture_line(job: Job, found: Found, stream: Stream) -> FileFacts:
    """Return the line of one picture file: one frame of its camera."""
    told = Counted(num_frames=1, duration_ns=period_ns(stream.ts_ns))
    return job.facts(found, told)
