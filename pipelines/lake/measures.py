"""Add measured columns to rows that are there, without rewriting the others."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import LakeError
from pipelines.lake.datasets import open_dataset, refusals
from pipelines.lake.reading import scan_batches

AT_ONCE = 1 << 15  # rows


def merge_columns(uri: str, key: str, table: pa.Table) -> int:
    """Set the columns of `table` on the rows that its `key` column names; return the version.

    Columns that the dataset lacks are added, nullable. When every value is there already, nothing
    is written. Many rows are set some at a time, in the order of `table`: killed between, the rest
    lacks its values. The caller holds the source's lock.

    Raises:
        LakeError: KEY_MISSING when a key is in no row, KEY_PRESENT when it is twice in `table`.
    """
    _refuse_odd_keys(uri, key, table)
    add_columns(uri, table.schema)
    version = int(open_dataset(uri).version)
    for low in range(0, len(table), AT_ONCE):
        version = _merge(uri, key, table.slice(low, AT_ONCE))
    return version


def add_columns(uri: str, schema: pa.Schema) -> None:
    """Add the columns of `schema` that the dataset lacks, all null. The caller holds the lock."""
    dataset = open_dataset(uri)
    missing = [one for one in schema if one.name not in dataset.schema.names]
    if missing:
        with refusals(uri):
            dataset.add_columns(pa.schema([pa.field(one.name, one.type) for one in missing]))


def _merge(uri: str, key: str, table: pa.Table) -> int:
    names = [name for name in table.column_names if name != key]
    dataset = open_dataset(uri)
    wanted = pa.table(
        {name: table[name].cast(dataset.schema.field(name).type) for name in (key, *names)}
    ).sort_by(key)
    if _known(uri, key, wanted).equals(wanted):
        return int(dataset.version)
    with refusals(uri):
        (
            dataset.merge_insert(key)
            .when_matched_update_all()
            .write_mode("rewrite_columns")
            .execute(wanted)
        )
    return int(open_dataset(uri).version)


def _refuse_odd_keys(uri: str, key: str, table: pa.Table) -> None:
    keys = table[key].to_pylist()
    known = set(open_dataset(uri).to_table(columns=[key])[key].to_pylist())
    absent = [one for one in keys if one not in known]
    if absent:
        raise LakeError(
            f"{uri}: no row has {key} {absent[0]!r} ({len(absent)} of {len(keys)} keys are absent)",
            code="KEY_MISSING",
            subject=str(absent[0]),
            way_out="append the rows first",
        )
    if len(set(keys)) != len(keys):
        raise LakeError(
            f"{uri}: {len(keys)} measures name {len(set(keys))} rows",
            code="KEY_PRESENT",
            subject=key,
            way_out="give one row of measures per key",
        )


def _known(uri: str, key: str, wanted: pa.Table) -> pa.Table:
    """Return what the rows of `wanted` hold now."""
    keys = wanted[key].combine_chunks()
    batches = scan_batches(uri, wanted.column_names, rows=AT_ONCE)
    found = [one.filter(pc.is_in(one[key], value_set=keys)) for one in batches]
    table = pa.Table.from_batches(found) if found else wanted.slice(0, 0)
    return pa.table({name: table[name] for name in wanted.column_names}).sort_by(key)
