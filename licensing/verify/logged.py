"""Verify the place of a clearance in the log: who signed the head, and what the entry says.

In: an opened clearance and public keys. Out: one finding. The log's keeper signed a head over an
entry with the manifest and the root of the decisions; whoever clears a set in secret has no such
head, and whoever takes an entry out of the log later is found by it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from licensing.errors import PaperError
from licensing.manifest import Clearance
from licensing.manifest.shape import check_fields
from licensing.note import open_head
from licensing.verify.entries import ENTRY, check_entry
from licensing.verify.report import Finding, failed, passed, skipped


def check_log(clearance: Clearance, publics: Sequence[bytes]) -> Finding:
    """Judge the proof that the clearance carries by the public keys in `publics`.

    Codes: LOG_HEAD_BAD, PROOF_MALFORMED, LOG_BROKEN, DOCUMENT_CHANGED, LOG_OTHER_CLEARANCE.
    """
    place = clearance.predicate["log"]
    if place is None or "note" not in place:
        return skipped("log", "the clearance carries no proof of its place in the log")
    code = "LOG_HEAD_BAD"
    try:
        head = open_head(str(place["note"]), publics)
        code = "PROOF_MALFORMED"
        entry = check_fields(place.get("entry"), "clearance.log.entry", ENTRY)
    except PaperError as error:
        return failed("log", code=code, subject=error.subject, message=str(error))
    found = check_entry(entry, head)
    if found.state == "failed":
        return replace(found, check="log")
    if not _is_about(clearance, entry["document"]):
        said = "the entry of the log is about another manifest, or about other decisions"
        return failed("log", code="LOG_OTHER_CLEARANCE", subject=found.check, message=said)
    signed = f"in a head of {head.origin} that key {head.key_id} signed"
    return passed("log", f"entry {entry['index']} of {head.size}, {signed}")


def _is_about(clearance: Clearance, document: str | None) -> bool:
    wanted = {
        "manifest_digest": clearance.manifest_digest,
        "decisions_root": clearance.predicate["decisions_root"],
    }
    try:
        return bool(json.loads(document or "null") == wanted)
    except (ValueError, RecursionError):
        return False
