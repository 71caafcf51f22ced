"""What a worker does with a bundle: read each group, copy bytes and streams into fragments.

In: a place and a bundle, small values. Out: `Worked`, the fragments and one line per file. A worker
touches no catalog and commits nothing. Bytes are hashed as they are written: a file that is no
longer what was scanned is quarantined and its group left out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from pipelines.errors import LakeError, Unreadable
from pipelines.ingest.outcome import GroupOutcome, refused
from pipelines.ingest.planning import Bundle, Place, work_key
from pipelines.lake.datasets import refusals
from pipelines.lake.schemas import MEDIA, blob_column
from pipelines.lake.writing import Written, write_fragments
from pipelines.measures import FRAMES
from pipelines.readers.guard import Limits, guarded
from pipelines.readers.reading import Group, Refused
from pipelines.readers.registry import readers
from pipelines.readers.spool import Spooled, spool_group
from pipelines.records import PIECE_BYTES, STREAMS

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

MAX_PIECES = 64  # rows of a fragment of media: 512 MiB
AHEAD = 4  # pieces in memory that are hashed before their turn: writing never waits for them


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What came of a bundle: fragments of each dataset and an outcome per group."""

    media: Written
    streams: Written
    frames: Written
    outcomes: tuple[GroupOutcome, ...]
    looked: frozenset[str] = frozenset()  # episodes whose figures are in `frames`


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """Bytes to store under `file_id`, and the group they belong to."""

    number: int
    source_id: str
    file_id: str
    path: Path


def work_bundle(place: Place, bundle: Bundle) -> Worked:
    """Read the groups of `bundle` and write their fragments.

    Raises:
        LakeError: DISK_FULL.
    """
    scratch = place.scratch / f"{place.batch_id[:8]}-{os.getpid()}"
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        results = [_read(place, group, scratch) for group in bundle.groups]
        media = _store(place, bundle, results)
        rows = _each_once(bundle, (one.batches() for one in results))
        streams = write_fragments(place.streams, STREAMS, rows)
        figures = _each_once(bundle, (one.figure_batches() for one in results))
        frames = write_fragments(place.frames, FRAMES, figures)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
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


def _store(place: Place, bundle: Bundle, results: list[Spooled]) -> Written:
    """Write the bytes; a group whose file has changed is refused, and the rest written again."""
    while True:
        copies = list(_copies(place, bundle, results))
        try:
            return write_fragments(
                place.media, MEDIA, _pieces(place.batch_id, copies), max_rows=MAX_PIECES
            )
        except Unreadable as error:
            number = next(one.number for one in copies if str(one.path) == error.subject)
            lines = refused(bundle.groups[number], Refused(str(error), code=error.code))
            results[number] = Spooled(files=lines)


def _copies(place: Place, bundle: Bundle, results: Sequence[Spooled]) -> Iterator[_Copy]:
    """Each file of each group once, then the tracks that were muxed out of it."""
    seen = set(bundle.stored_files)
    for number, (group, result) in enumerate(zip(bundle.groups, results, strict=True)):
        if not result.episodes:
            continue
        taken = {line.path for line in result.files if line.status == "ingested"}
        files = [
            _Copy(
                number=number,
                source_id=group.source_id,
                file_id=one.sha256,
                path=place.root / one.path,
            )
            for one in group.files
            if one.path in taken
        ]
        tracks = [
            _Copy(number=number, source_id=group.source_id, file_id=one.track_id, path=one.path)
            for one in result.tracks
        ]
        for copy in (*files, *tracks):
            if copy.file_id not in seen:
                seen.add(copy.file_id)
                yield copy


def _pieces(batch_id: str, copies: Sequence[_Copy]) -> Iterator[pa.RecordBatch]:
    """Yield a row a piece; refuse a file that is no longer what was scanned."""
    for copy in copies:
        whole = hashlib.sha256()
        for piece in _hashed(copy.path, whole):
            yield _piece_row(batch_id, copy, piece)
        if whole.hexdigest() != copy.file_id:
            raise Unreadable(
                f"{copy.path.name} is no longer what was scanned",
                code="CHANGED_WHILE_READ",
                subject=str(copy.path),
                way_out="wait until nothing writes to the source, then ingest again",
            )


def _hashed(path: Path, whole: Hash) -> Iterator[_Piece]:
    """Yield the pieces of a file; while one is written, two threads hash those ahead of it."""
    ahead: deque[_Piece] = deque()
    with (
        ThreadPoolExecutor(1) as wholes,
        ThreadPoolExecutor(1) as parts,
        path.open("rb") as stream,
    ):
        for number, data in enumerate(iter(partial(stream.read, PIECE_BYTES), b"")):
            told = wholes.submit(whole.update, data), parts.submit(_sha256, data)
            ahead.append(_Piece(number, data, *told))
            if len(ahead) > AHEAD:
                yield ahead.popleft()
        yield from ahead


class _Piece(NamedTuple):
    """Bytes of a file, and what two threads do with them."""

    number: int
    data: bytes
    whole: Future[None]
    sha256: Future[bytes]


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _piece_row(batch_id: str, copy: _Copy, piece: _Piece) -> pa.RecordBatch:
    piece.whole.result()
    row = [
        *(copy.source_id, copy.file_id, piece.number, piece.number * PIECE_BYTES),
        *(piece.sha256.result(), batch_id),
    ]
    cells = [pa.array([cell], field.type) for cell, field in zip(row, MEDIA, strict=False)]
    return pa.record_batch([*cells, blob_column([piece.data])], schema=MEDIA)


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
