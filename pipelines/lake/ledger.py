"""The ledger of commits, as the lake needs it: one entry per batch and dataset.

Lance offers no exactly-once: the same transaction committed twice doubles the rows. So each step is
noted in SQL first, and the run after a kill finds out from here what was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How far one batch of one dataset has come; `files` holds its files and its outcome."""

    dataset: str
    batch_id: str
    state: str  # planned | written | committed | verified
    base_version: int = 0
    fragments: tuple[str, ...] = ()
    files: Mapping[str, Any]
    keys_digest: str = ""
    rows: int = 0
    version: int = 0

    def at(self, version: int) -> Entry:
        """The same batch, committed."""
        return replace(self, state="committed", version=version)


class Ledger(Protocol):
    """What the lake asks of the ledger; each call is one transaction."""

    def entry(self, dataset: str, batch_id: str) -> Entry | None:
        """Look up a batch."""

    def plan(self, dataset: str, batch_id: str, *, base_version: int, run_id: str) -> None:
        """Note that work on a batch begins, or begins again."""

    def written(self, *entries: Entry) -> None:
        """Note the fragments of a batch, those of all its datasets at once."""

    def committed(self, dataset: str, batch_id: str, version: int) -> None:
        """Note the version that holds a batch."""

    def verified(self, dataset: str, batch_id: str) -> None:
        """Note that a batch was read back and found right."""
