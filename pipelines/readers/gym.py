"""Reader `gym`: an episode of a Gymnasium environment, recorded as a log of steps beside its video.

Each line is a step: `action`, `observation`, `reward`, `terminated`, `truncated`. The file
`environment.json` beside the log says what ran: environment, version, seed, wrappers, spaces. It is
kept in the notes of each episode; where it is missing, the notes say so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from pipelines.readers.events import beside, log_of, row_streams, rows_of, timed_rows, together
from pipelines.readers.formats import Claim, Glance, Listing, Reader
from pipelines.readers.packed import inside, lines_of
from pipelines.readers.reading import Job, ReadResult, Refused

PROVENANCE = "environment.json"
TOLD = ("environment", "version", "seed", "wrappers")
STEP = frozenset({"action", "reward", "terminated", "truncated"})
STATE = ("observation*", "reward", "terminated", "truncated")


def read(job: Job) -> Iterator[ReadResult]:
    """Read the log of the group, and the picture beside it if there is one."""
    log = log_of(job)
    rows = rows_of(job, log, "jsonl")
    picture = beside(job)
    timed = timed_rows(job, log, rows, picture=picture)
    quiet = {"state": STATE, **job.config}
    streams = row_streams(rows, timed, log, config=quiet)
    yield together(job, log, streams, picture=picture, notes=(*_provenance(job), *rows.notes))


def _provenance(job: Job) -> list[str]:
    """Return what is said of the environment, and what is not."""
    for found in job.group.companions:
        text = job.path(found).read_text(encoding="utf-8", errors="replace")
        doc = _said(text)
        lacking = [name for name in TOLD if name not in doc]
        notes = [f"{PROVENANCE}: {json.dumps(doc, sort_keys=True, ensure_ascii=False)}"]
        return notes + ([f"{PROVENANCE} does not say {', '.join(lacking)}"] if lacking else [])
    return [f"no {PROVENANCE}: environment, version, seed and wrappers are not known"]


def _said(text: str) -> Mapping[str, Any]:
    try:
        doc = json.loads(text)
    except ValueError:
        return {}
    return doc if isinstance(doc, dict) else {}


def _sniff(seen: Glance) -> str:
    """Tell a log by the fields of its first line."""
    if not inside(seen).head.removeprefix(b"\xef\xbb\xbf").startswith(b"{"):
        return ""
    try:
        doc = json.loads(next(lines_of(seen.path, seen.name), b""))
    except (ValueError, Refused):
        return ""
    return "gym" if isinstance(doc, dict) and doc.keys() >= STEP else ""


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim each log beside an `environment.json`, with the video of its name."""
    told = {PurePosixPath(path).parent: path for path in listing.kinds if _is_told(path)}
    videos = {
        PurePosixPath(path).with_suffix(""): path
        for path, kind in listing.kinds.items()
        if kind == "video"
    }
    for path, kind in listing.kinds.items():
        log = PurePosixPath(path)
        if kind == "gym" and log.parent in told:
            video = videos.get(log.with_suffix(""), "")
            yield Claim(
                files=(path, video) if video else (path,),
                companions=(told[log.parent],),
                picture=video,
            )


def _is_told(path: str) -> bool:
    return PurePosixPath(path).name == PROVENANCE


READER = Reader(read=read, kinds=("gym",), sniff=_sniff, group=_group, has_video=True)
