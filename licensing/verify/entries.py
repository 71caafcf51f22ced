"""Verify that entries are in a log, from the proof alone: signed head, paths, documents.

In: the bytes of a proof file and public keys. Out: a report, a finding an entry. Nothing of the
catalog is asked: what the log's keeper signed, the leaves and the documents are all in the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from licensing.errors import PaperError
from licensing.manifest import sha256_hex
from licensing.manifest.shape import (
    Shape,
    check_each,
    check_fields,
    is_count,
    is_digest,
    is_list,
    is_string,
    is_text,
    list_of,
    one_of,
    or_null,
)
from licensing.merkle import inclusion_holds, leaf_hash
from licensing.note import PROOF_SCHEMA, SignedHead, open_head
from licensing.verify.report import Finding, Report, failed, passed

_PROOF: Final[Shape] = {"schema": one_of(PROOF_SCHEMA), "note": is_text, "entries": is_list}
_ENTRY: Final[Shape] = {
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
    entries = tuple(_entry(one, head) for one in proof["entries"])
    return Report(findings=(passed("head", signed), *entries))


def _read(raw: bytes) -> dict[str, Any]:
    try:
        doc = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise PaperError(
            f"the proof is not JSON: {error}", code="MANIFEST_MALFORMED", subject="proof"
        ) from error
    proof = check_fields(doc, "proof", _PROOF)
    check_each(proof["entries"], "proof.entries", _ENTRY)
    return proof


def _entry(entry: Mapping[str, Any], head: SignedHead) -> Finding:
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
