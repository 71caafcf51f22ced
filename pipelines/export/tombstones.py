"""Tombstones: rows that the version before had and a version has not, so that numbers stay.

A trainer numbers windows by clips in a fixed order. A run goes on with the successor of its set
only if every row that is gone is named there with its length. The rows of a version are noted in
its `selection.json`, which an erasure leaves: ids and lengths, nothing of what they held.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from licensing.manifest import open_manifest, sha256_hex
from pipelines.export.lineage_groups import SELECTION
from pipelines.storage import exists, join, read_bytes

if TYPE_CHECKING:
    from pipelines.export.papers import Contents

_ROW: Final = ("source_id", "clip_id", "camera", "split", "num_frames")
_KEY: Final = 3  # of its fields say which row it is


def row_notes(contents: Contents) -> list[list[Any]]:
    """Every row of a version: source, clip, camera, split and number of frames, sorted."""
    owners = {one["shard"]: one["source_id"] for one in contents.shards}
    columns = (contents.index[name].to_pylist() for name in ("shard", *_ROW[1:]))
    return sorted([owners[shard], *rest] for shard, *rest in zip(*columns, strict=True))


def tombstones_after(
    uri: str, manifest_digest: str, contents: Contents
) -> tuple[Mapping[str, Any], ...]:
    """The rows that the version at `uri` had, or had as tombstones, and `contents` has not.

    None where its papers are gone or changed: then no run goes on from it.
    """
    manifest, selection = join(uri, "manifest.json"), join(uri, SELECTION)
    if not (exists(manifest) and exists(selection)):
        return ()
    raw, said = read_bytes(manifest), read_bytes(selection)
    if sha256_hex(raw) != manifest_digest:
        return ()
    before = open_manifest(raw)
    if sha256_hex(said) not in {one["sha256"] for one in before["files"]}:
        return ()
    there = {tuple(one[:_KEY]) for one in row_notes(contents)}
    gone = [[one[name] for name in _ROW] for one in before["tombstones"]]
    gone += json.loads(said).get("rows", [])
    return tuple(
        dict(zip(_ROW, one, strict=True)) for one in sorted(gone) if tuple(one[:_KEY]) not in there
    )
