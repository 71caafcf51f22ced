"""The papers of a pack: which files a training set was written to in another format, and by whom.

In: what was written. Out: `pack.json`, which lists it, and the statement over its digest; the same
read back. A pack carries the set's own manifest and clearance unchanged, and is cleared by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from licensing.errors import PaperError
from licensing.manifest.digests import from_canonical
from licensing.manifest.papers import STATEMENT
from licensing.manifest.schema import MANIFEST_SCHEMA, check_paths
from licensing.manifest.shape import (
    Shape,
    check_each,
    check_fields,
    is_count,
    is_digest,
    is_doc,
    is_list,
    is_text,
    list_of,
    malformed,
    one_of,
    or_null,
)
from licensing.manifest.signing import open_statement

PACK_SCHEMA = "clearway/pack/1"
PACK_TYPE = "application/vnd.in-toto+json"
PACK_PREDICATE = "https://clearway.example/pack/v1"
PACK_FORMATS = ("lerobot", "webdataset", "parquet")
_PACK: Shape = {
    "schema": one_of(PACK_SCHEMA),
    "format": one_of(*PACK_FORMATS),
    "version": is_text,
    "manifest": is_digest,
    "split": or_null(one_of("train", "val", "test")),
    "clips": list_of(is_text),
    "files": is_list,
}
_FILE: Shape = {"path": is_text, "bytes": is_count, "sha256": is_digest}
_STATEMENT: Shape = {
    "_type": one_of(STATEMENT),
    "subject": is_list,
    "predicateType": one_of(PACK_PREDICATE),
    "predicate": is_doc,
}
_SUBJECT: Shape = {"name": one_of("manifest.json", "pack.json"), "digest": is_doc}
_PREDICATE: Shape = {"schema": one_of(PACK_SCHEMA), "set": one_of(MANIFEST_SCHEMA)}


def pack_list(
    format_name: str,
    *,
    version: str,
    manifest_digest: str,
    split: str | None,
    clips: Iterable[str],
    files: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """The list of a pack: its format with the format's version, the set, its clips and its files.

    A file is `{"path", "bytes", "sha256"}`. The papers that are signed themselves are not listed:
    they may be renewed.
    """
    doc = {
        "schema": PACK_SCHEMA,
        "format": format_name,
        "version": version,
        "manifest": manifest_digest,
        "split": split,
        "clips": sorted(set(clips)),
        "files": sorted((dict(one) for one in files), key=lambda one: one["path"]),
    }
    return _checked(doc)


def open_pack(raw: bytes) -> dict[str, Any]:
    """Read the bytes of `pack.json`.

    Raises:
        PaperError: MANIFEST_MALFORMED for a field that is missing, unknown or odd.
    """
    return _checked(from_canonical(raw, "pack.json"))


def pack_statement(pack_digest: str, manifest_digest: str) -> dict[str, Any]:
    """The in-toto statement that binds a pack's list to the manifest of its set, to be signed."""
    names = (("manifest.json", manifest_digest), ("pack.json", pack_digest))
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in names],
        "predicateType": PACK_PREDICATE,
        "predicate": {"schema": PACK_SCHEMA, "set": MANIFEST_SCHEMA},
    }


def open_pack_statement(raw: bytes, publics: Sequence[bytes]) -> dict[str, str]:
    """The digests that a signed pack statement names, by the name of the file.

    Raises:
        PaperError: as `open_statement`, and MANIFEST_MALFORMED for a field that is missing or odd.
    """
    doc = open_statement(raw, payload_type=PACK_TYPE, publics=publics)
    if doc.get("predicateType") != PACK_PREDICATE:
        raise PaperError(
            f"the signed paper has predicateType {doc.get('predicateType')!r}, expected "
            f"{PACK_PREDICATE!r}",
            code="SCHEMA_UNKNOWN",
            subject="predicateType",
            way_out="read it with the version of Clearway that wrote it, or pack the set anew",
        )
    check_fields(doc, "pack statement", _STATEMENT)
    check_each(doc["subject"], "pack statement.subject", _SUBJECT)
    for one in doc["subject"]:
        check_fields(one["digest"], "pack statement.subject.digest", {"sha256": is_digest})
    check_fields(doc["predicate"], "pack statement.predicate", _PREDICATE)
    found = {one["name"]: one["digest"]["sha256"] for one in doc["subject"]}
    if len(doc["subject"]) != 2 or len(found) != 2:
        raise malformed("pack statement.subject", "a pack has two subjects, manifest and pack")
    return found


def _checked(found: object) -> dict[str, Any]:
    doc = check_fields(found, "pack", _PACK)
    check_each(doc["files"], "pack.files", _FILE)
    check_paths([file["path"] for file in doc["files"]], "pack.files")
    return doc
