"""What a commit does not check: files, fields and keys before it, the rows read back after it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lance

from pipelines.errors import LakeError
from pipelines.lake.datasets import open_dataset, refusals
from pipelines.lake.ledger import Entry
from pipelines.lake.schemas import key_columns, key_lines
from pipelines.lake.writing import data_paths
from pipelines.storage import join, size_of

_REPAIR = "run the same command again; if it repeats, `clearway catalog check` names the damage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a dataset whose `column` has one of `values`."""

    column: str
    values: tuple[str, ...]

    @property
    def where(self) -> str:
        """The same as an SQL predicate."""
        return f"{self.column} IN ({', '.join(quoted(one) for one in self.values)})"

    def doc(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"column": self.column, "values": list(self.values)}

    @classmethod
    def of_doc(cls, doc: Mapping[str, Any]) -> Rows:
        """Read back what `doc` wrote."""
        return cls(column=doc["column"], values=tuple(doc["values"]))


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def remove_rows(uri: str, rows: Rows) -> None:
    """Delete rows; none there is fine."""
    dataset = open_dataset(uri)
    with refusals(uri):
        if rows.values and dataset.count_rows(rows.where):
            dataset.delete(rows.where)


def keys_digest(keys: Iterable[str]) -> str:
    """The digest of a set of keys, in whatever order they were written."""
    digest = hashlib.sha256()
    for key in sorted(keys):
        digest.update(f"{len(key)}:{key}".encode())
    return digest.hexdigest()


def refuse_known_keys(uri: str, keys: Sequence[str], *, but: Rows | None = None) -> None:
    """No key stands twice in the batch or already in the dataset, save in the rows of `but`."""
    twice = [key for key, times in Counter(keys).items() if times > 1]
    dataset = open_dataset(uri)
    columns = key_columns(dataset.schema)
    known: set[str] = set()
    if keys and dataset.count_rows():
        rows = dataset.to_table(columns=list(columns), filter=f"NOT {but.where}" if but else None)
        known.update(key_lines(rows, columns))
    present = twice or [key for key in keys if key in known]
    if present:
        raise LakeError(
            f"{uri}: {len(present)} of {len(keys)} keys are there already: {present[0]!r}",
            code="KEY_PRESENT",
            subject=present[0],
            way_out="what is stored stays as it is; only new keys can be appended",
        )


def refuse_missing_files(uri: str, entry: Entry) -> None:
    """Every file that was noted is there with its size."""
    for path, size in entry.files["files"]:
        there = size_of(join(uri, path))
        if there != size:
            raise LakeError(
                f"{uri}: {path} has {there} bytes (-1 = absent), {size} were written",
                code="LAKE_FILE_MISSING",
                subject=path,
                way_out="restore the file from a backup",
            )


def refuse_foreign(uri: str, dataset: lance.LanceDataset, entry: Entry) -> None:
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


def verify_batch(uri: str, entry: Entry) -> None:
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
