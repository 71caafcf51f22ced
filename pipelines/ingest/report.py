"""The report of one ingest: every file found is counted once, or the run has failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.files import FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What a source holds after an ingest, by the status of each path found in it."""

    source_id: str
    num_found: int
    bytes_found: int
    num_ingested: int
    num_companions: int
    num_quarantined: int
    num_unsupported: int
    bytes_listed: int
    num_episodes: int
    num_worked: int  # groups read by this run: 0 when nothing was new
    version: int  # of streams.lance
    digest: str  # of what media.lance and streams.lance hold

    @property
    def conserved(self) -> bool:
        """Files and bytes found = ingested + companion + quarantined + unsupported."""
        listed = (
            self.num_ingested + self.num_companions + self.num_quarantined + self.num_unsupported
        )
        return self.num_found == listed and self.bytes_found == self.bytes_listed

    def counts(self) -> dict[str, int]:
        """The figures as metadata."""
        return {
            "num_found": self.num_found,
            "num_ingested": self.num_ingested,
            "num_companions": self.num_companions,
            "num_quarantined": self.num_quarantined,
            "num_unsupported": self.num_unsupported,
            "num_episodes": self.num_episodes,
            "num_worked": self.num_worked,
            "version": self.version,
        }


def tally(entries: Sequence[FileEntry]) -> dict[str, int]:
    """Count the entries of the paths found, by status."""
    by_status = Counter(one.status for one in entries)
    return {
        "num_ingested": by_status["ingested"],
        "num_companions": by_status["companion"],
        "num_quarantined": by_status["quarantined"],
        "num_unsupported": by_status["unsupported"],
        "bytes_listed": sum(one.size_bytes for one in entries),
    }
