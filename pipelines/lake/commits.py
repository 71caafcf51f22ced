"""The driver commits what workers wrote, exactly once, and recovers what a killed run left open.

Every step is noted in the ledger first, under the source's lock:

planned    -> workers write; killed here, the next run works again
written    -> fragments are on the store; killed here, the next run commits those same fragments
committed  -> the version is known; killed here, the next run only verifies
verified   -> read back and found right

Lance checks little at a commit, so this module does: each file exists with its size, no key is
there already, and afterwards the rows read back are the rows written (`checks.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import lance
import pyarrow as pa
from lance import LanceOperation, Transaction

from pipelines.errors import LakeError
from pipelines.lake.checks import (
    Rows,
    keys_digest,
    refuse_foreign,
    refuse_known_keys,
    refuse_missing_files,
    remove_rows,
    verify_batch,
)
from pipelines.lake.datasets import create_dataset, dataset_name, open_dataset, refusals
from pipelines.lake.ledger import Entry, Ledger
from pipelines.lake.writing import Written, write_fragments

ATTEMPTS = 5
_BATCH = "clearway.batch"


def append_rows(
    uri: str,
    schema: pa.Schema,
    rows: pa.Table | Iterable[pa.RecordBatch],
    *,
    ledger: Ledger,
    batch_id: str,
    run_id: str,
) -> int:
    """Create the dataset if need be and append `rows` exactly once; return the version they are in.

    A batch that is verified already writes nothing. The caller holds the source's lock.
    """
    entry = ledger.entry(dataset_name(uri), batch_id)
    if entry is None or entry.state == "planned":
        create_dataset(uri, schema)
        plan_batch(uri, ledger=ledger, batch_id=batch_id, run_id=run_id)
        note_written(uri, write_fragments(uri, schema, rows), ledger=ledger, batch_id=batch_id)
    return finish_batch(uri, ledger=ledger, batch_id=batch_id, run_id=run_id)


def plan_batch(uri: str, *, ledger: Ledger, batch_id: str, run_id: str) -> None:
    """Note that work on a batch begins; the dataset exists."""
    version = int(open_dataset(uri).version)
    ledger.plan(dataset_name(uri), batch_id, base_version=version, run_id=run_id)


def note_written(uri: str, written: Written, *, ledger: Ledger, batch_id: str) -> None:
    """Note the fragments of a batch.

    Raises:
        LakeError: KEY_PRESENT when a row of that key is there already, or twice in the batch.
    """
    ledger.written(entry_of(uri, written, batch_id=batch_id))


def entry_of(
    uri: str,
    written: Written,
    *,
    batch_id: str,
    outcome: object = None,
    replaces: Rows | None = None,
) -> Entry:
    """The ledger's entry for fragments on the store.

    `outcome` is kept for whoever finishes the batch; the rows of `replaces` go at its commit.

    Raises:
        LakeError: KEY_PRESENT when a row of that key is there already, or twice in the batch.
    """
    refuse_known_keys(uri, written.keys, but=replaces)
    files = {"files": [list(one) for one in written.files], "outcome": outcome}
    return Entry(
        dataset=dataset_name(uri),
        batch_id=batch_id,
        state="written",
        fragments=written.fragments,
        files=files | ({"replaces": replaces.doc()} if replaces else {}),
        keys_digest=keys_digest(written.keys),
        rows=written.rows,
    )


def publish(uri: str, written: Written, *, ledger: Ledger, batch_id: str, run_id: str) -> int:
    """Plan, commit and verify fragments that lie on the store; return the version."""
    entry = ledger.entry(dataset_name(uri), batch_id)
    if entry is None or entry.state == "planned":
        plan_batch(uri, ledger=ledger, batch_id=batch_id, run_id=run_id)
        note_written(uri, written, ledger=ledger, batch_id=batch_id)
    return finish_batch(uri, ledger=ledger, batch_id=batch_id, run_id=run_id)


def finish_batch(uri: str, *, ledger: Ledger, batch_id: str, run_id: str) -> int:
    """Bring a batch whose fragments are noted to `verified`, from wherever it stands."""
    version = commit_batch(uri, ledger=ledger, batch_id=batch_id, run_id=run_id)
    ledger.verified(dataset_name(uri), batch_id)
    return version


def commit_batch(uri: str, *, ledger: Ledger, batch_id: str, run_id: str) -> int:
    """Commit the noted fragments unless that was done, read them back, and return the version."""
    name = dataset_name(uri)
    entry = ledger.entry(name, batch_id)
    if entry is None or entry.state == "planned":
        raise LakeError(
            f"{uri}: batch {batch_id} has no fragments on record",
            code="LAKE_BATCH_OPEN",
            subject=batch_id,
            way_out="run `clearway ingest` again",
        )
    if entry.state == "verified":
        return entry.version
    if entry.state == "written":
        version = _committed_as(uri, entry) or _commit(uri, entry, run_id)
        ledger.committed(name, batch_id, version)
        entry = entry.at(version)
    if entry.rows:
        verify_batch(uri, entry)
    return entry.version


def _committed_as(uri: str, entry: Entry) -> int:
    """The version that holds this batch, 0 when none does."""
    dataset = open_dataset(uri)
    newer = int(dataset.version) - entry.base_version
    if newer <= 0:
        return 0
    with refusals(uri):
        found = zip(
            range(int(dataset.version), 0, -1), dataset.get_transactions(newer), strict=False
        )
        for version, transaction in found:
            properties = transaction.transaction_properties if transaction else {}
            if (properties or {}).get(_BATCH) == entry.batch_id:
                return version
    return 0


def _commit(uri: str, entry: Entry, run_id: str) -> int:
    if not entry.rows:
        return int(open_dataset(uri).version)
    refuse_missing_files(uri, entry)
    if replaced := entry.files.get("replaces"):
        remove_rows(uri, Rows.of_doc(replaced))
    fragments = [lance.FragmentMetadata.from_json(text) for text in entry.fragments]
    for attempt in range(ATTEMPTS):
        dataset = open_dataset(uri)
        refuse_foreign(uri, dataset, entry)
        transaction = Transaction(
            read_version=dataset.version,
            operation=LanceOperation.Append(fragments),
            transaction_properties={_BATCH: entry.batch_id, "clearway.run_id": run_id},
        )
        try:
            with refusals(uri):
                return int(lance.LanceDataset.commit(uri, transaction).version)
        except LakeError as error:
            if error.code != "LAKE_CONFLICT" or attempt == ATTEMPTS - 1:
                raise
        if version := _committed_as(uri, entry):
            return version
    raise AssertionError("unreachable")
