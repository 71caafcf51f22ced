"""The catalog's ledger of commits for one source, as the lake and the stations use it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from catalog import versions
from catalog.engine import reading, transaction
from catalog.versions import LedgerRow
from pipelines.errors import LakeError
from pipelines.lake.ledger import Entry

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


class CatalogLedger:
    """Notes each step of a batch in a transaction of its own."""

    def __init__(self, engine: Engine, *, source_id: str, now: datetime) -> None:
        self._engine, self._source_id, self._now = engine, source_id, now

    def entry(self, dataset: str, batch_id: str) -> Entry | None:
        """Look up a batch."""
        with reading(self._engine) as session:
            row = versions.batch(session, batch_id, dataset)
        return _entry(row) if row else None

    def entries(self) -> tuple[Entry, ...]:
        """Every batch of the source, oldest first."""
        with reading(self._engine) as session:
            return tuple(_entry(row) for row in versions.batches_of(session, self._source_id))

    def finished(self, dataset: str) -> tuple[frozenset[str], int]:
        """The keys of the work whose batches are verified, and the number of those batches."""
        done = [one for one in self.entries() if (one.dataset, one.state) == (dataset, "verified")]
        return frozenset(key for one in done for key in one.files["outcome"]["work"]), len(done)

    def plan(self, dataset: str, batch_id: str, *, base_version: int, run_id: str) -> None:
        """Note that work on a batch begins, or begins again."""
        row = LedgerRow(
            batch_id=batch_id,
            dataset=dataset,
            source_id=self._source_id,
            state="planned",
            run_id=run_id,
            base_version=base_version,
        )
        with transaction(self._engine) as session:
            versions.save(session, row, now=self._now)

    def written(self, *entries: Entry) -> None:
        """Note the fragments of a batch, those of all its datasets at once."""
        with transaction(self._engine) as session:
            for one in entries:
                row = replace(
                    self._row(session, one.dataset, one.batch_id),
                    state="written",
                    fragments=one.fragments,
                    files=one.files,
                    keys_digest=one.keys_digest,
                    rows=one.rows,
                )
                versions.save(session, row, now=self._now)

    def committed(self, dataset: str, batch_id: str, version: int) -> None:
        """Note the version that holds a batch."""
        with transaction(self._engine) as session:
            row = self._row(session, dataset, batch_id)
            row = replace(row, state="committed", version=version)
            versions.save(session, row, now=self._now)

    def verified(self, dataset: str, batch_id: str) -> None:
        """Note that a batch was read back and found right."""
        with transaction(self._engine) as session:
            self.verified_in(session, dataset, batch_id)

    def verified_in(self, session: Session, dataset: str, batch_id: str) -> None:
        """The same inside a transaction that records more."""
        row = replace(self._row(session, dataset, batch_id), state="verified")
        versions.save(session, row, now=self._now)

    def _row(self, session: Session, dataset: str, batch_id: str) -> LedgerRow:
        row = versions.batch(session, batch_id, dataset)
        if row is None:
            raise LakeError(
                f"{self._source_id}: batch {batch_id} of {dataset} was never planned",
                code="LAKE_BATCH_OPEN",
                subject=batch_id,
                way_out="run `clearway ingest` again",
            )
        return row


def _entry(row: LedgerRow) -> Entry:
    return Entry(
        dataset=row.dataset,
        batch_id=row.batch_id,
        state=row.state,
        base_version=row.base_version,
        fragments=row.fragments,
        files=row.files,
        keys_digest=row.keys_digest,
        rows=row.rows,
        version=row.version,
    )
