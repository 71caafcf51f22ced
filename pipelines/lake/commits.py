"""The driver commits what workers wrote, exactly once, and recovers what a killed run left open.

Every step is noted in the ledger first, under the source's lock:

planned    -> workers write; killed here, the next run works again
written    -> fragments are on the store; killed here, the next run commits those same fragments
committed  -> the version is known; killed here, the next run only verifies
verified   -> read back and found right

Lance checks little at a commit, so this module does: each file exists with its size, no key is
there already, and afterwards the rows read back are the rows written.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence

import lance
import pyarrow as pa
from lance import LanceOperation, Transaction

from pipelines.errors import LakeError
from pipelines.lake.datasets import create_dataset, dataset_name, open_dataset, refusals
from pipelines.lake.ledger import Entry, Ledger
from pipelines.lake.schemas import key_columns, key_lines
from pipelines.lake.writing import Written, data_paths, write_fragments
from pipelines.storage import join, size_of

ATTEMPTS = 5
_BATCH = "clearway.batch"
_REPAIR = "run the same command again; if it repeats, `clearway catalog check` names the damage"


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


def note_written(
    uri: str, written: Written, *, ledger: Ledger, batch_id: str, outcome: object = None
) -> None:
    """Note the fragments of a batch; `outcome` is kept for whoever finishes the batch.

    Raises:
        LakeError: KEY_PRESENT when a row of that key is there already, or twice in the batch.
    """
    _refuse_known_keys(uri, written.keys)
    ledger.written(
        Entry(
            dataset=dataset_name(uri),
            batch_id=batch_id,
            state="written",
            fragments=written.fragments,
            files={"files": [list(one) for one in written.files], "outcome": outcome},
            keys_digest=keys_digest(written.keys),
            rows=written.rows,
        )
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
        _verify(uri, entry)
    return entry.version


def keys_digest(keys: Iterable[str]) -> str:
    """The digest of a set of keys, in whatever order they were written."""
    digest = hashlib.sha256()
    for key in sorted(keys):
        digest.update(f"{len(key)}:{key}".encode())
    return digest.hexdigest()


def _refuse_known_keys(uri: str, keys: Sequence[str]) -> None:
    twice = [key for key, times in Counter(keys).items() if times > 1]
    dataset = open_dataset(uri)
    columns = key_columns(dataset.schema)
    known: set[str] = set()
    if keys and dataset.count_rows():
        known.update(key_lines(dataset.to_table(columns=list(columns)), columns))
    present = twice or [key for key in keys if key in known]
    if present:
        raise LakeError(
            f"{uri}: {len(present)} of {len(keys)} keys are there already: {present[0]!r}",
            code="KEY_PRESENT",
            subject=present[0],
            way_out="what is stored stays as it is; only new keys can be appended",
        )


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
    _refuse_missing_files(uri, entry)
    fragments = [lance.FragmentMetadata.from_json(text) for text in entry.fragments]
    for attempt in range(ATTEMPTS):
        dataset = open_dataset(uri)
        _refuse_foreign(uri, dataset, entry)
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


def _refuse_missing_files(uri: str, entry: Entry) -> None:
    for path, size in entry.files["files"]:
        there = size_of(join(uri, path))
        if there != size:
            raise LakeError(
                f"{uri}: {path} has {there} bytes (-1 = absent), {size} were written",
                code="LAKE_FILE_MISSING",
                subject=path,
                way_out="restore the file from a backup",
            )


def _refuse_foreign(uri: str, dataset: lance.LanceDataset, entry: Entry) -> None:
    """Commit takes fragments of any dataset without a word: compare their field ids."""
    own = {field.id() for field in dataset.lance_schema.fields()}
    physical = 0
    for text in entry.fragments:
        fragment = json.loads(text)
        physical += int(fragment["physical_rows"])
        fields = {number for file in fragment["files"] for number in file["fields"]}
        if not own & fields:
            raise LakeError(
                f"{uri}: a fragment of another dataset, fields {sorted(fields)}",
                code="LAKE_FOREIGN",
                subject=entry.batch_id,
                way_out=_REPAIR,
            )
    if physical != entry.rows:
        raise LakeError(
            f"{uri}: the fragments hold {physical} rows, {entry.rows} were written",
            code="LAKE_FOREIGN",
            subject=entry.batch_id,
            way_out=_REPAIR,
        )


def _verify(uri: str, entry: Entry) -> None:
    """Read the batch back; fragments that a process which outlived its lock doubled are removed."""
    dataset = open_dataset(uri)
    wanted = {path for text in entry.fragments for path in data_paths(text)}
    holders = _holders(dataset, wanted)
    twins = [numbers[1:] for numbers in holders.values() if len(numbers) > 1]
    for number in sorted({number for extra in twins for number in extra}):
        _drop_fragment(uri, number)
    if twins:
        dataset = open_dataset(uri)
        holders = _holders(dataset, wanted)
    numbers = {number for found in holders.values() for number in found}
    columns = key_columns(dataset.schema)
    live = [one for one in dataset.get_fragments() if one.fragment_id in numbers]
    with refusals(uri):
        table = dataset.scanner(columns=list(columns), fragments=live).to_table()
    keys = key_lines(table, columns) if live else ()
    if len(keys) != entry.rows or keys_digest(keys) != entry.keys_digest:
        raise LakeError(
            f"{uri}: batch {entry.batch_id} reads back {len(keys)} rows, {entry.rows} were written",
            code="LAKE_DAMAGED",
            subject=entry.batch_id,
            way_out=_REPAIR,
        )


def _holders(dataset: lance.LanceDataset, wanted: set[str]) -> dict[str, list[int]]:
    holders: dict[str, list[int]] = {path: [] for path in wanted}
    for fragment in dataset.get_fragments():
        for file in fragment.data_files():
            if file.path in wanted:
                holders[file.path].append(int(fragment.fragment_id))
    return {path: sorted(numbers) for path, numbers in holders.items()}


def _drop_fragment(uri: str, number: int) -> None:
    dataset = open_dataset(uri)
    twin = next(one for one in dataset.get_fragments() if one.fragment_id == number)
    ids = twin.scanner(columns=[], with_row_id=True).to_table()["_rowid"].to_pylist()
    with refusals(uri):
        dataset.delete(f"_rowid in ({','.join(map(str, ids))})")
