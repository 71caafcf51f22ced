"""What came of a batch, as values that the ledger keeps and the catalog records.

The outcome is noted together with the fragments, before anything is committed: after a kill the
next run publishes and records the same outcome without reading a file again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.readers import READERS
from pipelines.readers.reading import FileFacts, Group, Refused, refused_line
from pipelines.readers.spool import EpisodeFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOutcome:
    """One group: its lines, the episodes it gave, the tracks muxed out of it."""

    work_key: str
    files: tuple[FileFacts, ...]
    episodes: tuple[EpisodeFacts, ...] = ()
    tracks: tuple[str, ...] = ()

    @property
    def is_final(self) -> bool:
        """Whether reading it again would give the same."""
        return not any(line.retryable for line in self.files)

    @property
    def file_ids(self) -> frozenset[str]:
        """The files it may have stored."""
        taken = {line.sha256 for line in self.files if line.status == "ingested"}
        return frozenset(taken | set(self.tracks)) if self.episodes else frozenset()


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
        episodes = {each.episode_id: each for one in ordered for each in one.episodes}
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
                FileFacts(**{**line, **_tuples(line, "streams", "episodes")})
                for line in doc["files"]
            ),
            episodes=tuple(_episode(one) for one in doc["episodes"]),
        )


def refused(group: Group, error: Refused) -> tuple[FileFacts, ...]:
    """A quarantine line for each path of a group, its twins' too."""
    told = READERS[group.reader]
    return tuple(
        refused_line(found, error, told) for part in (group.files, *group.twins) for found in part
    )


def _episode(doc: Mapping[str, Any]) -> EpisodeFacts:
    lists = _tuples(doc, "files", "streams", "notes")
    gaps = tuple((int(low), int(high)) for low, high in doc["gaps"])
    return EpisodeFacts(**{**doc, **lists, "gaps": gaps})


def _tuples(doc: Mapping[str, Any], *names: str) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(doc[name]) for name in names}
