"""Read one group: the door between the stations and the readers.

In: a group, the folder of its source, and the source's config. Out: a `ReadResult` in which every
file of the group has one line. Bad input never raises: it becomes a quarantine line with its
reason. When one part of a group cannot be read, the other parts are read without it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pipelines.readers import READERS, doom, events, mcap_log, video, vpt
from pipelines.readers.reading import (
    Config,
    Counted,
    FileFacts,
    Group,
    Job,
    ReadResult,
    Refused,
)
from pipelines.records import Found

READ: dict[str, Callable[[Job], ReadResult]] = {
    "video": video.read,
    "doom": doom.read,
    "vpt": vpt.read,
    "events": events.read,
    "mcap": mcap_log.read,
}
TOGETHER = frozenset({"PARTS_DISAGREE"})  # no part is to blame: all of them wait


def read_group(root: Path, group: Group, config: Config, *, scratch: Path) -> ReadResult:
    """Read `group`, whose files lie below `root`; muxed tracks are left in `scratch`."""
    job = Job(group=group, root=root, config=config, scratch=scratch, reader=READERS[group.reader])
    try:
        result = READ[group.reader](job)
    except Refused as error:
        result = _without(job, error)
    except OSError as error:
        why = Refused(error.strerror or type(error).__name__, code="UNREADABLE")
        result = _all_refused(job, why)
    except Exception as error:  # noqa: BLE001  one work item ends here; its trace is its evidence
        why = Refused(
            f"{type(error).__name__}: {error}",
            code="READER_ERROR",
            evidence={"trace": traceback.format_exc(limit=-6)},
        )
        result = _all_refused(job, why)
    return _with_twins(group, result)


def _without(job: Job, error: Refused) -> ReadResult:
    """Quarantine the part at fault and read the rest of the group; or quarantine all of it."""
    rest = tuple(each for each in job.group.files if each.path != error.subject)
    if error.code in TOGETHER or not rest or len(rest) == len(job.group.files):
        return _all_refused(job, error)
    bad = tuple(each for each in job.group.files if each.path == error.subject)
    kept = job.group.picture if job.group.picture != error.subject else ""
    smaller = replace(
        job.group,
        files=rest,
        twins=(),
        picture="",
        reader="video" if kept else job.group.reader,
    )
    result = read_group(job.root, smaller, job.config, scratch=job.scratch)
    lines = tuple(_line(job, found, error) for found in bad)
    return replace(result, files=(*result.files, *lines))


def _all_refused(job: Job, error: Refused) -> ReadResult:
    lines = tuple(_line(job, found, error) for found in job.group.files)
    return ReadResult(episode=None, tracks=(), files=lines)


def _line(job: Job, found: Found, error: Refused) -> FileFacts:
    partial = error.partial.get(found.path, Counted())
    return FileFacts(
        path=found.path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        status="unsupported" if error.code == "UNSUPPORTED_FORMAT" else "quarantined",
        reason=error.code,
        num_frames=partial.num_frames,
        num_messages=partial.num_messages,
        duration_ns=partial.duration_ns,
        streams=partial.streams,
        evidence={"message": str(error), **error.evidence},
        reader=job.reader,
        retryable=error.code in {"UNREADABLE", "CHANGED_WHILE_READ"},
    )


def _with_twins(group: Group, result: ReadResult) -> ReadResult:
    """Repeat each line for the paths where the same bytes lie again."""
    lines = list(result.files)
    by_path = {line.path: line for line in result.files}
    for twin in group.twins:
        for mine, other in zip(group.files, twin, strict=True):
            lines.append(replace(by_path[mine.path], path=other.path))
    return replace(result, files=tuple(sorted(lines, key=lambda line: line.path)))
