"""The papers of a training set: its manifest, and the clearance that is signed over it.

In: a plan, what was rendered of it, the moment. Out: canonical bytes. The manifest is made once and
never changes; a clearance lives at most a day and is made anew over the same manifest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

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
from pipelines.lake.sealing import seal
from pipelines.storage import hash_file, join, list_files
from training.loader import read_index

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.clear import Clearance
    from pipelines.export.planning import SetPlan

LASTS = timedelta(hours=24)
_PER_CLIP = ("clip_id", "camera", "source_id", "split", "num_frames", "shard", "sha256")


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


def read_contents(plan: SetPlan, uri: str) -> Contents:
    """What lies in the sealed data of the set at `uri`; every file is hashed once."""
    data_version = seal(join(uri, "data.lance"))
    index = read_index(join(uri, "data.lance"), data_version)
    rows = index.select(_PER_CLIP).to_pylist()
    channels, layouts = describe_channels(plan, index)
    return Contents(
        index=index,
        data_version=data_version,
        files=tuple(list_contents(uri, below="data.lance/")),
        shards=tuple(_shards(rows)),
        channels=tuple(channels),
        layouts=layouts,
        splits=_splits(rows),
        digest=combine(one["sha256"] for one in sorted(rows, key=_content_order)),
    )


def write_manifest(
    plan: SetPlan, uri: str, contents: Contents, *, version: int, predecessor: str | None
) -> dict[str, Any]:
    """Describe the files below `uri`; everything there is listed, and nothing else."""
    documents = list_contents(uri, below="documents/")
    return check_manifest(
        {
            "schema": MANIFEST_SCHEMA,
            "name": plan.name,
            "version": version,
            "request": dict(plan.clearance.request),
            "request_digest": plan.clearance.request_digest,
            "predecessor": predecessor,
            "not_after": plan.not_after.isoformat(),
            "content_digest": contents.digest,
            "data": {"path": "data.lance", "version": contents.data_version},
            "files": sorted([*contents.files, *documents], key=lambda one: str(one["path"])),
            "shards": list(contents.shards),
            "channels": list(contents.channels),
            "layouts": dict(contents.layouts),
            "splits": dict(contents.splits),
            "render": plan.spec.doc(),
            "tombstones": [],
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


def describe_channels(
    plan: SetPlan, index: pa.Table
) -> tuple[list[dict[str, Any]], dict[str, dict[str, list[int]]]]:
    """Number the channels of all sources, and say which one stands in which column of a source.

    Mean and deviation are over the valid values of all cleared rows; equal names with equal units
    are one channel, whatever source they are from.
    """
    names: dict[str, list[tuple[str, str]]] = {"action": [], "state": []}
    layouts: dict[str, dict[str, list[int]]] = {}
    sums: dict[tuple[str, int], list[float]] = {}
    for source in plan.sources:
        layouts[source.source_id] = {}
        for kind, pairs in (("action", source.columns.action), ("state", source.columns.state)):
            named = [_named(stream, channel, source.units) for stream, channel in pairs]
            names[kind] += [one for one in named if one not in names[kind]]
            layouts[source.source_id][kind] = [names[kind].index(one) for one in named]
    rendered = set(index["source_id"].to_pylist())
    for row in index.sort_by([(name, "ascending") for name in _PER_CLIP[:2]]).to_pylist():
        for kind, column, values in _columns(row):
            number = layouts[row["source_id"]][kind][column]
            total = sums.setdefault((kind, number), [0.0, 0.0, 0.0])
            total[0] += len(values)
            total[1] += float(values.sum())
            total[2] += float(np.square(values).sum())
    channels = [
        {"kind": kind, "name": name, "unit": unit, "index": number} | _moments(sums, kind, number)
        for kind, each in names.items()
        for number, (name, unit) in enumerate(each)
    ]
    return channels, {key: layouts[key] for key in layouts if key in rendered}


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


def _shards(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    shards = []
    for number in sorted({one["shard"] for one in rows}):
        own = sorted((one for one in rows if one["shard"] == number), key=_content_order)
        shards.append(
            {
                "shard": number,
                "source_id": own[0]["source_id"],
                "num_rows": len(own),
                "num_clips": len({one["clip_id"] for one in own}),
                "num_frames": sum(one["num_frames"] for one in own),
                "digest": combine(one["sha256"] for one in own),
            }
        )
    return shards


def _splits(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = Counter(split for _, split in {(one["clip_id"], one["split"]) for one in rows})
    return {split: found[split] for split in SPLITS}


def _content_order(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["source_id"], row["clip_id"], row["camera"]


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """The one byte form of a manifest, whose digest names it everywhere."""
    return canonical(dict(manifest))
