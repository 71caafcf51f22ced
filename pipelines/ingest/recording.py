"""Record what came of a batch in the catalog: files, quarantine and episodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog.clips import EpisodeRow, record_episodes
from catalog.files import FileEntry, record_files
from catalog.quarantine import QuarantineEntry, record_quarantine
from catalog.sources import Source
from pipelines.ingest.outcome import BatchOutcome
from pipelines.readers.reading import FileFacts
from pipelines.readers.spool import EpisodeFacts

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def record_outcome(
    session: Session, source: Source, outcome: BatchOutcome, *, run_id: str, now: datetime
) -> None:
    """Record the files, the quarantined among them, and the episodes of a batch."""
    record_lines(session, source, outcome.files, run_id=run_id, now=now)
    rows = [_episode(source, one) for one in outcome.episodes]
    record_episodes(session, rows, run_id=run_id, now=now)


def record_lines(
    session: Session, source: Source, lines: Iterable[FileFacts], *, run_id: str, now: datetime
) -> None:
    """Record a line per path; what cannot be used is quarantined with its reason."""
    lines = tuple(lines)
    entries = [_entry(source, one) for one in lines]
    record_files(session, entries, run_id=run_id, now=now)
    held = [_held(source, one) for one in lines if one.status in {"quarantined", "unsupported"}]
    record_quarantine(session, held, run_id=run_id, now=now)


def _entry(source: Source, line: FileFacts) -> FileEntry:
    return FileEntry(
        source_id=source.source_id,
        path=line.path,
        sha256=line.sha256,
        size_bytes=line.size_bytes,
        status=line.status,
        reason=line.reason,
        num_frames=line.num_frames,
        num_messages=line.num_messages,
        duration_ns=line.duration_ns,
        streams=tuple(_stream(source, one) for one in line.streams),
        episodes=line.episodes,
        reader=line.reader,
    )


def _held(source: Source, line: FileFacts) -> QuarantineEntry:
    return QuarantineEntry(
        source_id=source.source_id,
        path=line.path,
        sha256=line.sha256,
        reason=line.reason,
        evidence=line.evidence,
        reader=line.reader,
        retryable=line.retryable,
    )


def _episode(source: Source, facts: EpisodeFacts) -> EpisodeRow:
    notes = {"notes": list(facts.notes), "gaps": [list(one) for one in facts.gaps]}
    return EpisodeRow(
        episode_id=facts.episode_id,
        source_id=source.source_id,
        files=facts.files,
        streams=tuple(_stream(source, one) for one in facts.streams),
        start_ns=facts.start_ns,
        end_ns=facts.end_ns,
        reader=facts.reader,
        notes=notes | ({"part": facts.part} if facts.part else {}),
    )


def _stream(source: Source, doc: Mapping[str, Any]) -> dict[str, Any]:
    """The line about a stream; an unmapped stream has no rights stream and stays undetermined."""
    return {**doc, "rights_stream": source.streams.get(str(doc.get("name", "")), "")}
