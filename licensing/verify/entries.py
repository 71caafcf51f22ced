"""Verify what a log holds, from the proof alone: signed heads, paths, leaves, documents.

In: the bytes of a proof file and public keys. Out: a report, a finding an entry. Nothing of the
catalog is asked: what the log's keeper signed, the leaves and the documents are all in the file.
The file is canonical JSON, so that no byte of it can change without being noticed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from licensing.errors import PaperError
from licensing.manifest import from_canonical, sha256_hex
from licensing.manifest.shape import (
    Shape,
    check_each,
    check_fields,
    is_count,
    is_digest,
    is_doc,
    is_list,
    is_string,
    is_text,
    list_of,
    one_of,
    or_null,
)
from licensing.merkle import consistency_holds, inclusion_holds, leaf_hash
from licensing.note import PROOF_SCHEMA, SignedHead, open_head
from licensing.verify.report import Finding, Report, failed, passed

_PROOF: Final[Shape] = {
    "schema": one_of(PROOF_SCHEMA),
    "note": is_text,
    "entries": is_list,
    "older": or_null(is_doc),
}
_OLDER: Final[Shape] = {"note": is_text, "path": list_of(is_digest)}
ENTRY: Final[Shape] = {
    "index": is_count,
    "leaf": is_text,
    "path": list_of(is_digest),
    "document": or_null(is_string),
}
_LEAF: Final[Shape] = {
    "kind": is_text,
    "table_name": is_string,
    "key": is_string,
    "digest": is_digest,
    "recorded_at": is_text,
}


def verify_entries(raw: bytes, publics: Sequence[bytes]) -> Report:
    """Judge the proof in `raw` by itself and the public keys in `publics`."""
    try:
        proof = _read(raw)
        head = open_head(proof["note"], publics)
    except PaperError as error:
        said = failed("proof", code=error.code, subject=error.subject, message=str(error))
        return Report(findings=(said,))
    signed = f"log {head.origin} of {head.size} entries, signed by key {head.key_id}"
    found = [passed("head", signed), *(check_entry(one, head) for one in proof["entries"])]
    if proof["older"] is not None:
        found.append(_older(proof["older"], head, publics))
    return Report(findings=tuple(found))


def check_entry(entry: Mapping[str, Any], head: SignedHead) -> Finding:
    """Judge one entry of a proof: is it below the head, and is its document the one logged?"""
    check, text = f"entry {entry['index']}", entry["leaf"].encode()
    try:
        leaf = check_fields(json.loads(text), "leaf", _LEAF)
    except (ValueError, RecursionError, PaperError) as error:
        said = f"the leaf cannot be read: {error}"
        return failed(check, code="PROOF_MALFORMED", subject=check, message=said)
    name = f"{leaf['kind']} {leaf['key']}"
    holds = inclusion_holds(
        leaf_hash(text),
        index=entry["index"],
        size=head.size,
        proof=[bytes.fromhex(one) for one in entry["path"]],
        head=bytes.fromhex(head.root),
    )
    if not holds:
        said = f"the path does not lead from {name} to the head of the log"
        return failed(check, code="LOG_BROKEN", subject=name, message=said)
    document = entry["document"]
    if document is not None and sha256_hex(document.encode()) != leaf["digest"]:
        said = f"the document is not the one of {name} in the log"
        return failed(check, code="DOCUMENT_CHANGED", subject=name, message=said)
    shown = "with its document" if document is not None else f"by its digest {leaf['digest'][:16]}"
    return passed(check, f"{name}, recorded at {leaf['recorded_at']}, {shown}")


def _read(raw: bytes) -> dict[str, Any]:
    proof = check_fields(from_canonical(raw, "proof"), "proof", _PROOF)
    check_each(proof["entries"], "proof.entries", ENTRY)
    if proof["older"] is not None:
        check_fields(proof["older"], "proof.older", _OLDER)
    return proof


def _older(older: Mapping[str, Any], head: SignedHead, publics: Sequence[bytes]) -> Finding:
    """Whether the log of `head` begins with the whole of an older one, unchanged."""
    try:
        before = open_head(older["note"], publics)
    except PaperError as error:
        return failed("older head", code=error.code, subject=error.subject, message=str(error))
    if before.origin != head.origin:
        said = f"got a head of {before.origin}, expected one of {head.origin}"
        return failed("older head", code="LOG_BROKEN", subject=before.origin, message=said)
    holds = consistency_holds(
        old_size=before.size,
        new_size=head.size,
        old_head=bytes.fromhex(before.root),
        new_head=bytes.fromhex(head.root),
        proof=[bytes.fromhex(one) for one in older["path"]],
    )
    if not holds:
        said = f"{head.size} entries are not shown to begin with the {before.size} signed before"
        return failed("older head", code="LOG_BROKEN", subject=head.origin, message=said)
    return passed("older head", f"the first {before.size} entries are as they were signed before")
