"""What the version before has that need not be made again: all of it, or some of its shards.

In: a plan, the version before it, the folder of the new one. Out: what was rendered, of the sources
whose plan and settings are the same and whose files still have the digests of their manifest. On
one disk the files are linked, in a bucket copied; a file that changed is rendered anew, and so is a
shard that lacks a clip: what failed may pass.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from licensing.manifest import open_manifest, sha256_hex
from pipelines.export.lineage_groups import SELECTION
from pipelines.export.rendering import LeftOut, Rendered, read_left_out
from pipelines.lake.writing import Written
from pipelines.storage import (
    copy_file,
    delete_file,
    exists,
    hash_file,
    join,
    list_files,
    read_bytes,
)

if TYPE_CHECKING:
    from pipelines.export.planning import SetPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The version before; `is_whole` when the files are there that its manifest lists."""

    uri: str
    plan: str
    is_whole: bool
    left_out: tuple[LeftOut, ...]
    shards: Mapping[str, Mapping[str, Any]]


def read_before(uri: str, manifest_digest: str) -> Before | None:
    """Read what the version at `uri` was made from; None of one whose papers changed."""
    if not exists(join(uri, "manifest.json")) or not exists(join(uri, SELECTION)):
        return None
    raw, selection = read_bytes(join(uri, "manifest.json")), read_bytes(join(uri, SELECTION))
    if sha256_hex(raw) != manifest_digest:
        return None
    files = open_manifest(raw)["files"]
    listed = {one["path"]: one["sha256"] for one in files}
    if sha256_hex(selection) != listed.get(SELECTION):
        return None
    said = json.loads(selection)
    there = {one.path: one.size_bytes for one in list_files(uri) if "/" in one.path}
    return Before(
        uri=uri,
        plan=said["plan"],
        is_whole=there == {one["path"]: one["bytes"] for one in files},
        left_out=read_left_out(said),
        shards={
            source_id: {**shard, "files": list(_with_digests(shard, listed))}
            for source_id, shard in said["shards"].items()
        },
    )


def reuse_shards(plan: SetPlan, before: Before, uri: str) -> tuple[Rendered, ...]:
    """Take from the version before into the folder `uri` what `plan` would render again."""
    found = []
    for source in plan.sources:
        shard = before.shards.get(source.source_id)
        if shard is None or shard["plan"] != plan.shard_digest(source):
            continue
        if _taken(before.uri, uri, shard["files"]):
            written = Written(
                fragments=tuple(shard["fragments"]),
                files=tuple((path, size) for path, size, _ in shard["files"]),
            )
            found.append(Rendered(source_id=source.source_id, written=written, reused=True))
    return tuple(found)


def shard_notes(plan: SetPlan, rendered: Iterable[Rendered]) -> dict[str, Any]:
    """What the next version must know of each whole shard to take it over, by source."""
    digests = {one.source_id: plan.shard_digest(one) for one in plan.sources}
    return {
        one.source_id: {
            "plan": digests[one.source_id],
            "fragments": list(one.written.fragments),
            "files": [[path, size] for path, size in one.written.files],
        }
        for one in rendered
        if one.written.fragments and not one.left_out
    }


def _with_digests(
    shard: Mapping[str, Any], listed: Mapping[str, str]
) -> Iterator[tuple[str, int, str]]:
    for path, size in shard["files"]:
        yield path, size, listed.get(f"data.lance/{path}", "")


def _taken(before: str, uri: str, files: list[tuple[str, int, str]]) -> bool:
    """Bring files over; when one is not what it was, none of them stays."""
    places = [tuple(join(one, "data.lance", path) for one in (before, uri)) for path, _, _ in files]
    for (old, new), (_, size, sha256) in zip(places, files, strict=True):
        if not exists(old) or hash_file(old) != (sha256, size):
            for _, other in places:
                delete_file(other)
            return False
        copy_file(old, new)
    return True
