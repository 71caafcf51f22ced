"""What came of a batch, as values that the ledger keeps and the catalog records.

The outcome is noted together with the fragments, before anything is committed: after a kill the
next run publishes and records the same outcome without reading a file again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.readers.reading import FileFacts, Group
from pipelines.records import Episode, Found

RETRYABLE = frozenset({"CHANGED_WHILE_READ", "UNREADABLE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeFacts:
    """An episode without its data."""

    episode_id: str
    files: tuple[str, ...]
    streams: tuple[Mapping[str, Any], ...]
    start_ns: int
    end_ns: int
    reader: str
    notes: tuple[str, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, episode: Episode) -> EpisodeFacts:
        """What there is to say about `episode`."""
        return cls(
            episode_id=episode.episode_id,
            files=episode.files,
            streams=tuple(stream.doc() for stream in episode.streams),
            start_ns=episode.start_ns,
            end_ns=episode.end_ns,
            reader=episode.reader,
            notes=episode.notes,
            gaps=episode.gaps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOutcome:
    """One group: its lines, its episode if it gave one, the tracks muxed out of it."""

    work_key: str
    files: tuple[FileFacts, ...]
    episode: EpisodeFacts | None = None
    tracks: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether reading it again would give the same."""
        return not any(line.retryable for line in self.files)

    @property
    def file_ids(self) -> frozenset[str]:
        """The files it may have stored."""
        taken = {line.sha256 for line in self.files if line.status == "ingested"}
        return frozenset(taken | set(self.tracks)) if self.episode else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOutcome:
    """A batch: the work that is done with, a line per file, the episodes."""

    work: tuple[str, ...]
    files: tuple[FileFacts, ...]
    episodes: tuple[EpisodeFacts, ...]

    @classmethod
    def of(cls, outcomes: Iterable[GroupOutcome]) -> BatchOutcome:
        """Join the outcomes of the groups, sorted, each episode once."""
        ordered = sorted(outcomes, key=lambda one: one.work_key)
        episodes = {one.episode.episode_id: one.episode for one in ordered if one.episode}
        return cls(
            work=tuple(one.work_key for one in ordered if one.is_final),
            files=tuple(
                sorted((line for one in ordered for line in one.files), key=lambda one: one.path)
            ),
            episodes=tuple(episodes[key] for key in sorted(episodes)),
        )

    def doc(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)

    @classmethod
    def of_doc(cls, doc: Mapping[str, Any]) -> BatchOutcome:
        """Read back what `doc` wrote."""
        return cls(
            work=tuple(doc["work"]),
            files=tuple(
                FileFacts(**{**line, "streams": tuple(line["streams"])}) for line in doc["files"]
            ),
            episodes=tuple(_episode(one) for one in doc["episodes"]),
        )


def refused(group: Group, reason: str, message: str) -> tuple[FileFacts, ...]:
    """A quarantine line for each path of a group, its twins' too."""
    return tuple(
        _line(found, reason, message) for part in (group.files, *group.twins) for found in part
    )


def _line(found: Found, reason: str, message: str) -> FileFacts:
    return FileFacts(
        path=found.path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        status="quarantined",
        reason=reason,
        evidence={"message": message[:2_000]},
        retryable=reason in RETRYABLE,
    )


def _episode(doc: Mapping[str, Any]) -> EpisodeFacts:
    lists = {name: tuple(doc[name]) for name in ("files", "streams", "notes")}
    gaps = tuple((int(low), int(high)) for low, high in doc["gaps"])
    return EpisodeFacts(**{**doc, **lists, "gaps": gaps})
