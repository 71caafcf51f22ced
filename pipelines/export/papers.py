"""The papers of a training set: its manifest, and the clearance that is signed over it.

In: a plan, what was rendered of it, the moment. Out: canonical bytes. The manifest is made once and
never changes; a clearance lives at most a day and is made anew over the same manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from licensing.manifest import (
    CLEARANCE_TYPE,
    MANIFEST_SCHEMA,
    canonical,
    check_manifest,
    clearance_statement,
    combine,
    sha256_hex,
    sign_statement,
)
from pipelines.export.splits import SPLITS
from pipelines.lake.rendered import scan_rows
from pipelines.lake.sealing import seal
from pipelines.storage import hash_file, join, list_files

if TYPE_CHECKING:
    from pipelines.clear import Clearance
    from pipelines.export.planning import SetPlan

LASTS = timedelta(hours=24)
INDEX = pa.schema(
    {
        **dict.fromkeys(("clip_id", "camera", "split"), pa.string()),
        **dict.fromkeys(("num_frames", "shard"), pa.int32()),
        "sha256": pa.binary(32),
    }
)
_NUMBERS = ("source_id", "action_width", "state_width", "valid", "action", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A signed clearance and the span in which it holds."""

    raw: bytes
    not_before: datetime
    not_after: datetime

    @property
    def digest(self) -> str:
        """The digest by which the catalog knows it."""
        return sha256_hex(self.raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What lies in the sealed data of a set, before its documents and its manifest are written."""

    index: pa.Table
    data_version: int
    files: tuple[Mapping[str, Any], ...]  # path, bytes, sha256
    shards: tuple[Mapping[str, Any], ...]
    channels: tuple[Mapping[str, Any], ...]
    layouts: Mapping[str, Mapping[str, Sequence[int]]]
    splits: Mapping[str, int]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where a version stands among those of its name."""

    version: int
    predecessor: str | None  # digest of the manifest before
    tombstones: tuple[Mapping[str, Any], ...]  # rows that the version before had and it has not


def read_contents(plan: SetPlan, uri: str) -> Contents:
    """What lies in the sealed data of the set at `uri`; every file is hashed once.

    Rows are gone over some at a time: of each, memory keeps what `INDEX` names.
    """
    data = join(uri, "data.lance")
    data_version = seal(data)
    names, layouts = number_channels(plan)
    sums: dict[tuple[str, int], list[float]] = {}
    kept, owners = [], {}
    columns = dict.fromkeys((*INDEX.names, *_NUMBERS))
    for shard, batch in scan_rows(data, data_version, [one for one in columns if one != "shard"]):
        owners[shard] = batch["source_id"][0].as_py()
        kept.append(_index_of(batch, shard))
        _sum_up(sums, batch, layouts[owners[shard]])
    index = pa.Table.from_batches(kept, schema=INDEX)
    shards = [_shard(index, shard, source_id) for shard, source_id in owners.items()]
    order = sorted(owners, key=lambda shard: owners[shard])
    return Contents(
        index=index,
        data_version=data_version,
        files=tuple(list_contents(uri, below="data.lance/")),
        shards=tuple(shards),
        channels=tuple(_describe_channels(names, sums)),
        layouts={key: layouts[key] for key in layouts if key in owners.values()},
        splits=_splits(index),
        digest=combine(one for shard in order for one in _digests(index, shard)),
    )


def write_manifest(plan: SetPlan, uri: str, contents: Contents, *, line: Line) -> dict[str, Any]:
    """Describe the files below `uri`; everything there is listed, and nothing else."""
    documents = list_contents(uri, below="documents/")
    return check_manifest(
        {
            "schema": MANIFEST_SCHEMA,
            "name": plan.name,
            "version": line.version,
            "request": dict(plan.clearance.request),
            "request_digest": plan.clearance.request_digest,
            "predecessor": line.predecessor,
            "not_after": plan.not_after.isoformat(),
            "content_digest": contents.digest,
            "data": {"path": "data.lance", "version": contents.data_version},
            "files": sorted([*contents.files, *documents], key=lambda one: str(one["path"])),
            "shards": list(contents.shards),
            "channels": list(contents.channels),
            "layouts": dict(contents.layouts),
            "splits": dict(contents.splits),
            "render": plan.spec.doc(),
            "tombstones": list(line.tombstones),
        }
    )


def grant(
    manifest_digest: str,
    clearance: Clearance,
    *,
    ends: date,
    now: datetime,
    log: Mapping[str, Any] | None,
    secret: bytes,
) -> Grant:
    """Sign that `clearance` covers the manifest, for a day or until the first of its facts ends."""
    first_end = datetime.combine(ends, datetime.min.time(), tzinfo=UTC)
    not_after = min(now + LASTS, first_end)
    parts = clearance.permitted
    statement = clearance_statement(
        manifest_digest,
        request=clearance.request,
        profile=clearance.profile,
        rulebook_digest=clearance.rulebook_digest,
        valid=clearance.valid.isoformat(),
        known=clearance.known.date().isoformat(),
        decisions=[part.decision_digest for part in parts],
        obligations=sorted({duty for part in parts for duty in part.obligations}),
        not_before=now,
        not_after=not_after,
        log=log,
    )
    raw = sign_statement(statement, payload_type=CLEARANCE_TYPE, secret=secret)
    return Grant(raw=raw, not_before=now, not_after=not_after)


def list_contents(uri: str, *, below: str) -> list[dict[str, Any]]:
    """Every file of the set at `uri` below a folder, with its size and digest, sorted by path."""
    found = []
    for one in list_files(uri):
        if one.path.startswith(below):
            sha256, size = hash_file(join(uri, one.path))
            found.append({"path": one.path, "bytes": size, "sha256": sha256})
    return sorted(found, key=lambda one: str(one["path"]))


def number_channels(
    plan: SetPlan,
) -> tuple[dict[str, list[tuple[str, str]]], dict[str, dict[str, list[int]]]]:
    """Number the channels of all sources, and say which one stands in which column of a source.

    Equal names with equal units are one channel, whatever source they are from.
    """
    names: dict[str, list[tuple[str, str]]] = {"action": [], "state": []}
    layouts: dict[str, dict[str, list[int]]] = {}
    for source in plan.sources:
        layouts[source.source_id] = {}
        for kind, pairs in (("action", source.columns.action), ("state", source.columns.state)):
            named = [_named(stream, channel, source.units) for stream, channel in pairs]
            names[kind] += [one for one in named if one not in names[kind]]
            layouts[source.source_id][kind] = [names[kind].index(one) for one in named]
    return names, layouts


def _describe_channels(
    names: Mapping[str, Sequence[tuple[str, str]]],
    sums: Mapping[tuple[str, int], Sequence[float]],
) -> list[dict[str, Any]]:
    """The channels with mean and deviation over the valid values of all cleared rows."""
    return [
        {"kind": kind, "name": name, "unit": unit, "index": number} | _moments(sums, kind, number)
        for kind, each in names.items()
        for number, (name, unit) in enumerate(each)
    ]


def _sum_up(
    sums: dict[tuple[str, int], list[float]],
    batch: pa.RecordBatch,
    layout: Mapping[str, Sequence[int]],
) -> None:
    for row in batch.select([*_NUMBERS, "num_frames"]).to_pylist():
        for kind, column, values in _columns(row):
            total = sums.setdefault((kind, layout[kind][column]), [0.0, 0.0, 0.0])
            total[0] += len(values)
            total[1] += float(values.sum())
            total[2] += float(np.square(values).sum())


def _named(stream: str, channel: str, units: Mapping[str, str]) -> tuple[str, str]:
    name = f"{stream}.{channel}"
    return name, units.get(name, units.get(channel, ""))


def _columns(row: Mapping[str, Any]) -> Iterable[tuple[str, int, np.ndarray]]:
    """The valid values of each column of a row, in float64."""
    widths = {"action": row["action_width"], "state": row["state_width"]}
    valid = np.asarray(row["valid"], dtype=np.bool_).reshape(row["num_frames"], -1)
    at = 0
    for kind, width in widths.items():
        values = np.asarray(row[kind], dtype=np.float64).reshape(row["num_frames"], width)
        for column in range(width):
            yield kind, column, values[:, column][valid[:, at + column]]
        at += width


def _moments(
    sums: Mapping[tuple[str, int], Sequence[float]], kind: str, number: int
) -> dict[str, float]:
    count, total, squares = sums.get((kind, number), (0.0, 0.0, 0.0))
    if not count:
        return {"mean": 0.0, "std": 0.0}
    mean = total / count
    return {"mean": mean, "std": max(0.0, squares / count - mean * mean) ** 0.5}


def _index_of(batch: pa.RecordBatch, shard: int) -> pa.RecordBatch:
    """The columns of `INDEX`, copied: a slice would hold all that was read."""
    said: dict[str, list[Any]] = {
        name: batch[name].to_pylist() for name in INDEX.names if name != "shard"
    }
    said["shard"] = [shard] * batch.num_rows
    said["sha256"] = [bytes.fromhex(one) for one in said["sha256"]]
    return pa.RecordBatch.from_pydict(said, schema=INDEX)


def _shard(index: pa.Table, shard: int, source_id: str) -> dict[str, Any]:
    own = index.filter(pc.equal(index["shard"], shard))
    return {
        "shard": shard,
        "source_id": source_id,
        "num_rows": own.num_rows,
        "num_clips": pc.count_distinct(own["clip_id"]).as_py(),
        "num_frames": pc.sum(own["num_frames"]).as_py(),
        "digest": combine(_digests(index, shard)),
    }


def _digests(index: pa.Table, shard: int) -> Iterator[str]:
    """The digests of the rows of a shard, by clip and camera."""
    own = index.filter(pc.equal(index["shard"], shard))
    own = own.sort_by([("clip_id", "ascending"), ("camera", "ascending")])
    for batch in own.select(["sha256"]).to_batches(max_chunksize=1_024):
        yield from (raw.hex() for raw in batch["sha256"].to_pylist())


def _splits(index: pa.Table) -> dict[str, int]:
    """The clips of each split: all rows of a clip lie in one."""
    return {
        split: pc.count_distinct(index.filter(pc.equal(index["split"], split))["clip_id"]).as_py()
        for split in SPLITS
    }


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The one byte form of a manifest, whose digest names it everywhere."""
    return canonical(dict(manifest))
