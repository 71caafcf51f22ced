"""What a worker does with a bundle: read each group, copy bytes and streams into fragments.

In: a place and a bundle, small values. Out: `Worked`, the fragments and one line per file. A worker
touches no catalog and commits nothing. Bytes are hashed where they were stored: a file that is no
longer what was scanned is quarantined and its group left out.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

import pyarrow as pa

from pipelines.errors import LakeError, Unreadable
from pipelines.ingest.outcome import GroupOutcome, refused
from pipelines.ingest.planning import Bundle, Place, work_key
from pipelines.lake.datasets import refusals
from pipelines.lake.packs import Whole, store_files
from pipelines.lake.writing import Written, write_fragments
from pipelines.measures import FRAMES
from pipelines.readers.guard import Limits, guarded
from pipelines.readers.reading import Group, Refused
from pipelines.readers.registry import readers
from pipelines.readers.spool import Spooled, spool_group
from pipelines.records import STREAMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What came of a bundle: fragments of each dataset and an outcome per group."""

    media: Written
    streams: Written
    frames: Written
    outcomes: tuple[GroupOutcome, ...]
    looked: frozenset[str] = frozenset()  # episodes whose figures are in `frames`


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the groups of a bundle gave, and the folder that holds their rows for the time being."""

    groups: tuple[Spooled, ...]
    scratch: Path


def work_bundle(place: Place, bundle: Bundle) -> Worked:
    """Read the groups of `bundle` and write their fragments.

    Raises:
        LakeError: DISK_FULL.
    """
    return store_bundle(place, bundle, read_bundle(place, bundle), stop=Event())


def read_bundle(place: Place, bundle: Bundle) -> Read:
    """Read the groups of `bundle`; whoever has what they gave stores it.

    Raises:
        LakeError: DISK_FULL.
    """
    place.scratch.mkdir(parents=True, exist_ok=True)
    name = f"{place.batch_id[:8]}-{os.getpid()}-"
    scratch = Path(tempfile.mkdtemp(prefix=name, dir=place.scratch))
    try:
        results = tuple(_read(place, group, scratch) for group in bundle.groups)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return Read(groups=results, scratch=scratch)


def store_bundle(place: Place, bundle: Bundle, read: Read, *, stop: Event) -> Worked:
    """Write the fragments of a bundle that was read.

    Raises:
        LakeError: DISK_FULL.
        CancelledError: soon after `stop` is set.
    """
    results = list(read.groups)
    keep = partial(
        store_files, place.media, batch_id=place.batch_id, scratch=read.scratch, stop=stop
    )
    try:
        media = _store(place, bundle, results, keep=keep)
        rows = _each_once(bundle, (one.batches() for one in results))
        streams = write_fragments(place.streams, STREAMS, rows)
        figures = _each_once(bundle, (one.figure_batches() for one in results))
        frames = write_fragments(place.frames, FRAMES, figures)
    finally:
        shutil.rmtree(read.scratch, ignore_errors=True)
    outcomes = tuple(
        GroupOutcome(
            work_key=work_key(group, place.config),
            files=result.files,
            episodes=result.episodes,
            tracks=tuple(track.track_id for track in result.tracks),
        )
        for group, result in zip(bundle.groups, results, strict=True)
    )
    looked = frozenset[str]().union(*(one.looked for one in results))
    return Worked(media=media, streams=streams, frames=frames, outcomes=outcomes, looked=looked)


def _read(place: Place, group: Group, scratch: Path) -> Spooled:
    """Read a group in the process for decoding; what ends that process is the group's own loss."""
    limits = Limits.of(place.config, sum(one.size_bytes for one in group.files))
    try:
        with refusals(str(scratch)):
            result = guarded(
                limits,
                spool_group,
                place.root,
                group,
                place.config,
                scratch=scratch,
                batch_id=place.batch_id,
                reader=readers()[group.reader],
            )
    except Refused as error:
        return Spooled(files=refused(group, error))
    for line in result.files:
        if line.reason and os.strerror(errno.ENOSPC) in str(line.evidence):
            raise LakeError(
                f"{scratch}: the disk is full while reading {line.path}",
                code="DISK_FULL",
                subject=str(scratch),
                way_out="free some space and run the same command again: it repairs what was begun",
            )
    return result


def _store(
    place: Place, bundle: Bundle, results: list[Spooled], *, keep: Callable[..., Written]
) -> Written:
    """Store the bytes; a group whose file has changed is refused, and the rest stored again."""
    while True:
        files = dict(_files(place, bundle, results))
        try:
            return keep(files)
        except Unreadable as error:
            number = next(n for one, n in files.items() if str(one.path) == error.subject)
            lines = refused(bundle.groups[number], Refused(str(error), code=error.code))
            results[number] = Spooled(files=lines)


def _files(place: Place, bundle: Bundle, results: Sequence[Spooled]) -> Iterator[tuple[Whole, int]]:
    """Each file of each group once, then the tracks that were muxed out of it; and the group."""
    seen = set(bundle.stored_files)
    for number, (group, result) in enumerate(zip(bundle.groups, results, strict=True)):
        if not result.episodes:
            continue
        taken = {line.path for line in result.files if line.status == "ingested"}
        files = [(one.sha256, place.root / one.path) for one in group.files if one.path in taken]
        tracks = [(one.track_id, one.path) for one in result.tracks]
        for file_id, path in (*files, *tracks):
            if file_id not in seen:
                seen.add(file_id)
                yield Whole(source_id=group.source_id, file_id=file_id, path=path), number


def _each_once(
    bundle: Bundle, groups: Iterable[Iterator[tuple[str, pa.RecordBatch]]]
) -> Iterator[pa.RecordBatch]:
    """The rows of each episode once: by the first group that gives it, unless they are stored."""
    stored = set(bundle.stored_episodes)
    for rows in groups:
        fresh = set[str]()
        for episode_id, row in rows:
            if episode_id not in stored:
                fresh.add(episode_id)
                yield row
        stored |= fresh
