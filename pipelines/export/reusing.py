"""Use shards of the version before again: what has the same inputs is not rendered twice.

In: a plan, the version before it, the folder of the new one. Out: what was rendered, of the sources
whose plan and settings are the same and whose files still have the digests of their manifest. On
one disk the files are linked, in a bucket copied; a file that changed is rendered anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from licensing.manifest import open_manifest, sha256_hex
from pipelines.export.lineage_groups import SELECTION
from pipelines.export.rendering import LeftOut, Rendered
from pipelines.lake.writing import Written
from pipelines.storage import copy_file, delete_file, exists, hash_file, join, read_bytes

if TYPE_CHECKING:
    from pipelines.export.planning import SetPlan


def reuse_shards(
    plan: SetPlan, before: str, uri: str, *, manifest_digest: str
) -> tuple[Rendered, ...]:
    """Take from the version at `before` into the folder `uri` what `plan` would render again."""
    known = _known(before, manifest_digest)
    found = []
    for source in plan.sources:
        shard = known.get(source.source_id)
        if shard is None or shard["plan"] != plan.shard_digest(source):
            continue
        if _taken(before, uri, shard["files"]):
            found.append(
                Rendered(
                    source_id=source.source_id,
                    written=Written(
                        fragments=tuple(shard["fragments"]),
                        files=tuple((path, size) for path, size, _ in shard["files"]),
                    ),
                    left_out=tuple(LeftOut(**one) for one in shard["left_out"]),
                    reused=True,
                )
            )
    return tuple(found)


def shard_notes(plan: SetPlan, rendered: Iterable[Rendered]) -> dict[str, Any]:
    """What the next version must know of each shard to take it over, by source."""
    digests = {one.source_id: plan.shard_digest(one) for one in plan.sources}
    return {
        one.source_id: {
            "plan": digests[one.source_id],
            "fragments": list(one.written.fragments),
            "files": [[path, size] for path, size in one.written.files],
            "left_out": [asdict(each) for each in one.left_out],
        }
        for one in rendered
        if one.written.fragments
    }


def _known(before: str, manifest_digest: str) -> dict[str, dict[str, Any]]:
    """The shards of the version before, each file with its digest; none of a set that changed."""
    if not exists(join(before, "manifest.json")) or not exists(join(before, SELECTION)):
        return {}
    raw, selection = read_bytes(join(before, "manifest.json")), read_bytes(join(before, SELECTION))
    if sha256_hex(raw) != manifest_digest:
        return {}
    listed = {one["path"]: one["sha256"] for one in open_manifest(raw)["files"]}
    if sha256_hex(selection) != listed.get(SELECTION):
        return {}
    said = json.loads(selection)
    return {
        source_id: {**shard, "files": list(_with_digests(shard, listed))}
        for source_id, shard in said.get("shards", {}).items()
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
