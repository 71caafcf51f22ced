"""The manifest: which fields it has, and what must agree inside it.

In: a document, or the bytes of `manifest.json`. Out: nothing, or the document; or a `PaperError`.
The manifest carries no signature, for its digest keys the sample order and must outlive a renewal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from licensing.errors import BadCase, PaperError
from licensing.manifest.digests import from_canonical
from licensing.manifest.shape import (
    Shape,
    check_each,
    check_fields,
    is_count,
    is_date,
    is_digest,
    is_doc,
    is_list,
    is_number,
    is_positive,
    is_string,
    is_text,
    list_of,
    malformed,
    one_of,
    or_null,
)
from licensing.request import read_request, request_digest

MANIFEST_SCHEMA = "clearway/manifest/1"
# Papers that are signed, or whose digest is: no list of files names them.
UNLISTED = (
    "manifest.json",
    "clearance.dsse.json",
    "revocations.dsse.json",
    "pack.json",
    "pack.dsse.json",
)

_MANIFEST: Shape = {
    "schema": is_text,
    "name": is_text,
    "version": is_positive,
    "request": is_doc,
    "request_digest": is_digest,
    "predecessor": or_null(is_digest),
    "not_after": is_date,
    "content_digest": is_digest,
    "data": is_doc,
    "files": is_list,
    "shards": is_list,
    "channels": is_list,
    "layouts": is_doc,
    "splits": is_doc,
    "render": is_doc,
    "tombstones": is_list,
}
_DATA: Shape = {"path": one_of("data.lance"), "version": is_positive}
_FILE: Shape = {"path": is_text, "bytes": is_count, "sha256": is_digest}
_SHARD: Shape = {
    "shard": is_count,
    "source_id": is_text,
    "num_rows": is_positive,
    "num_clips": is_positive,
    "num_frames": is_count,
    "digest": is_digest,
}
_CHANNEL: Shape = {
    "kind": one_of("action", "state"),
    "name": is_text,
    "unit": is_string,
    "index": is_count,
    "mean": is_number,
    "std": is_number,
}
_LAYOUT: Shape = {"action": list_of(is_count), "state": list_of(is_count)}
_SPLITS: Shape = {"train": is_count, "val": is_count, "test": is_count}
_RENDER: Shape = {
    "width": is_positive,
    "height": is_positive,
    "fps": is_number,
    "gop": is_positive,
    "codec": one_of("h264"),
    "crf": is_count,
    "preset": is_text,
    "encoder": is_text,
}
_TOMBSTONE: Shape = {  # what gave a row of the predecessor its place in the order
    "source_id": is_text,
    "clip_id": is_text,
    "camera": is_string,
    "split": is_text,
    "num_frames": is_count,
}


def open_manifest(raw: bytes) -> dict[str, Any]:
    """Read the bytes of `manifest.json`.

    Raises:
        PaperError: MANIFEST_MALFORMED or SCHEMA_UNKNOWN, see `check_manifest`; also for bytes that
            are not canonical JSON.
    """
    return check_manifest(from_canonical(raw, "manifest.json"))


def check_manifest(found: object) -> dict[str, Any]:
    """Give a manifest back if it is of our schema and does not contradict itself.

    Raises:
        PaperError: SCHEMA_UNKNOWN for another schema, MANIFEST_MALFORMED for a field that is
            missing, unknown or odd, for paths that leave the set, and for sums that do not agree.
    """
    if isinstance(found, dict) and found.get("schema") != MANIFEST_SCHEMA:
        raise PaperError(
            f"manifest.json has schema {found.get('schema')!r}, expected {MANIFEST_SCHEMA!r}",
            code="SCHEMA_UNKNOWN",
            subject="manifest.schema",
            way_out="read the set with the version of Clearway that wrote it, or export it anew",
        )
    doc = check_fields(found, "manifest", _MANIFEST)
    check_fields(doc["data"], "manifest.data", _DATA)
    check_each(doc["files"], "manifest.files", _FILE)
    check_each(doc["shards"], "manifest.shards", _SHARD)
    check_each(doc["channels"], "manifest.channels", _CHANNEL)
    check_fields(doc["splits"], "manifest.splits", _SPLITS)
    check_fields(doc["render"], "manifest.render", _RENDER)
    check_each(doc["tombstones"], "manifest.tombstones", _TOMBSTONE)
    check_paths([file["path"] for file in doc["files"]], "manifest.files")
    _check_shards(doc["shards"], doc["splits"])
    _check_channels(doc)
    _check_request(doc)
    return doc


def check_paths(paths: Sequence[str], where: str) -> None:
    """Refuse a list of files unless it is sorted, each once, each below its folder.

    Raises:
        PaperError: MANIFEST_MALFORMED.
    """
    if list(paths) != sorted(set(paths)):
        raise malformed(where, f"{where} is not sorted by path, each path once")
    for path in paths:
        steps = path.split("/")
        if {"", ".", ".."} & set(steps) or "\\" in path or path in UNLISTED:
            raise malformed(path, f"{where} names {path!r}, which is no file below its folder")


def _check_shards(shards: Sequence[Mapping[str, Any]], splits: Mapping[str, int]) -> None:
    numbers = [shard["shard"] for shard in shards]
    if not shards or numbers != sorted(set(numbers)):
        raise malformed("manifest.shards", "manifest.shards is empty, or not sorted by shard")
    clips = sum(shard["num_clips"] for shard in shards)
    if clips != sum(splits.values()):
        raise malformed(
            "manifest.splits",
            f"manifest.splits adds up to {sum(splits.values())} clips, the shards to {clips}",
        )


def _check_channels(doc: Mapping[str, Any]) -> None:
    numbered = Counter((channel["kind"], channel["index"]) for channel in doc["channels"])
    for kind in ("action", "state"):
        indices = sorted(index for of, index in numbered.elements() if of == kind)
        if indices != list(range(len(indices))):
            raise malformed("manifest.channels", f"{kind} channels are not numbered from 0, once")
    sources = {shard["source_id"] for shard in doc["shards"]}
    if sources != set(doc["layouts"]):
        raise malformed("manifest.layouts", "manifest.layouts names other sources than the shards")
    for source_id, layout in doc["layouts"].items():
        where = f"manifest.layouts.{source_id}"
        check_fields(layout, where, _LAYOUT)
        for kind in ("action", "state"):
            if any((kind, index) not in numbered for index in layout[kind]):
                raise malformed(where, f"{where}.{kind} names a channel that is not listed")


def _check_request(doc: Mapping[str, Any]) -> None:
    try:
        found = request_digest(read_request(doc["request"]))
    except BadCase as error:
        raise malformed("manifest.request", f"manifest.request: {error}") from error
    if found != doc["request_digest"]:
        raise malformed("manifest.request_digest", "request_digest is not that of the request")
