"""The two signed papers: the clearance statement of a training set and the revocation list.

In: values that a station has decided. Out: documents to sign, and the same read back as frozen
values once their signature holds. Times are RFC 3339 in UTC with whole seconds, cut down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from licensing.errors import PaperError
from licensing.manifest.digests import sha256_hex
from licensing.manifest.shape import (
    Shape,
    check_each,
    check_fields,
    is_count,
    is_digest,
    is_doc,
    is_instant,
    is_list,
    is_text,
    list_of,
    malformed,
    one_of,
    or_null,
)
from licensing.manifest.signing import open_statement
from licensing.merkle import leaf_hash, tree_head

CLEARANCE_TYPE = "application/vnd.in-toto+json"
REVOCATIONS_TYPE = "application/vnd.clearway.revocations+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://clearway.example/clearance/v1"
REVOCATIONS_SCHEMA = "clearway/revocations/1"
_STATEMENT: Shape = {
    "_type": one_of(STATEMENT),
    "subject": is_list,
    "predicateType": is_text,
    "predicate": is_doc,
}
_SUBJECT: Shape = {"name": one_of("manifest.json"), "digest": is_doc}
_PREDICATE: Shape = {
    "request": is_doc,
    "profile": is_text,
    "rulebook_digest": is_digest,
    "valid": or_null(is_text),
    "known": or_null(is_text),
    "decisions": list_of(is_digest),
    "decisions_root": is_digest,
    "obligations": list_of(is_text),
    "not_before": is_instant,
    "not_after": is_instant,
    "log": or_null(is_doc),
}
_REVOCATIONS: Shape = {
    "schema": is_text,
    "sequence": is_count,
    "issued_at": is_instant,
    "fresh_until": is_instant,
    "entries": is_list,
}
_ENTRY: Shape = {
    "kind": one_of("source", "clip", "set"),
    "id": is_text,
    "reason": is_text,
    "at": is_instant,
    "successor": or_null(is_digest),
}
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """A clearance statement whose signature held: who may train on what, and until when.

    `predicate` is the whole of what was signed about the set; `digest` that of the envelope.
    """

    manifest_digest: str
    not_before: datetime
    not_after: datetime
    predicate: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """A revocation list whose signature held; `digest` is that of the envelope."""

    sequence: int
    issued_at: datetime
    fresh_until: datetime
    entries: tuple[Mapping[str, Any], ...]
    digest: str

    def of(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The entries about one kind of thing (source, clip, set), by id."""
        return {entry["id"]: entry for entry in self.entries if entry["kind"] == kind}


def instant(now: datetime) -> str:
    """A moment as the papers write it."""
    return now.astimezone(UTC).strftime(_INSTANT)


def moment(text: str) -> datetime:
    """A moment of the papers, which has their form, as an aware datetime."""
    return datetime.fromisoformat(text)


def clearance_statement(  # noqa: PLR0913  one argument a field of the statement
    manifest_digest: str,
    *,
    request: Mapping[str, Any],
    profile: str,
    rulebook_digest: str,
    valid: str,
    known: str,
    decisions: Iterable[str],
    obligations: Sequence[str],
    not_before: datetime,
    not_after: datetime,
    log: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The in-toto statement that clears the manifest of this digest, ready to be signed.

    `valid` and `known` are the dates that the decisions were taken for; `log` is the place of the
    clearance in the catalog's log, if it has one: a signed head (`note`) with the `entry` that it
    is over and its path (`licensing.verify.logged`). The log comes last: it is the only field that
    the decisions do not give.
    """
    ordered = sorted(set(decisions))
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": "manifest.json", "digest": {"sha256": manifest_digest}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "request": dict(request),
            "profile": profile,
            "rulebook_digest": rulebook_digest,
            "valid": valid,
            "known": known,
            "decisions": ordered,
            "decisions_root": decisions_root(ordered),
            "obligations": list(obligations),
            "not_before": instant(not_before),
            "not_after": instant(not_after),
            "log": None if log is None else dict(log),
        },
    }
    _check_clearance(statement)
    return statement


def decisions_root(digests: Iterable[str]) -> str:
    """The Merkle head over decision digests: whoever holds one can be shown that it counted."""
    return tree_head([leaf_hash(bytes.fromhex(one)) for one in digests]).hex()


def open_clearance(raw: bytes, publics: Sequence[bytes]) -> Clearance:
    """Read a signed clearance statement.

    Raises:
        PaperError: as `open_statement`, and MANIFEST_MALFORMED for a field that is missing or odd.
    """
    doc = open_statement(raw, payload_type=CLEARANCE_TYPE, publics=publics)
    _check_clearance(doc)
    predicate = doc["predicate"]
    return Clearance(
        manifest_digest=doc["subject"][0]["digest"]["sha256"],
        not_before=moment(predicate["not_before"]),
        not_after=moment(predicate["not_after"]),
        predicate=predicate,
        digest=sha256_hex(raw),
    )


def revocation_list(
    sequence: int,
    *,
    issued_at: datetime,
    fresh_until: datetime,
    entries: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """The list of everything revoked so far, ready to be signed.

    An entry is `{"kind": "source"|"clip"|"set", "id", "reason", "at", "successor"}`: the id of a
    set is its manifest digest, `at` an instant, `successor` the digest of the manifest that takes
    its place or None. Rights facts stay in the catalog.
    """
    doc = {
        "schema": REVOCATIONS_SCHEMA,
        "sequence": sequence,
        "issued_at": instant(issued_at),
        "fresh_until": instant(fresh_until),
        "entries": [dict(entry) for entry in entries],
    }
    _check_revocations(doc)
    return doc


def open_revocations(raw: bytes, publics: Sequence[bytes]) -> Revocations:
    """Read a signed revocation list.

    Raises:
        PaperError: as `open_statement`, and MANIFEST_MALFORMED for a field that is missing or odd.
    """
    doc = open_statement(raw, payload_type=REVOCATIONS_TYPE, publics=publics)
    _check_revocations(doc)
    return Revocations(
        sequence=doc["sequence"],
        issued_at=moment(doc["issued_at"]),
        fresh_until=moment(doc["fresh_until"]),
        entries=tuple(doc["entries"]),
        digest=sha256_hex(raw),
    )


def _check_clearance(doc: Mapping[str, Any]) -> None:
    _check_schema(doc, "predicateType", PREDICATE_TYPE)
    check_fields(doc, "clearance", _STATEMENT)
    if len(doc["subject"]) != 1:
        raise malformed("clearance.subject", "the clearance must have one subject, the manifest")
    check_fields(doc["subject"][0], "clearance.subject", _SUBJECT)
    check_fields(doc["subject"][0]["digest"], "clearance.subject.digest", {"sha256": is_digest})
    predicate = doc["predicate"]
    check_fields(predicate, "clearance.predicate", _PREDICATE)
    if predicate["not_before"] >= predicate["not_after"]:
        raise malformed("clearance.not_after", "the clearance ends before it begins")
    if decisions_root(predicate["decisions"]) != predicate["decisions_root"]:
        raise malformed("clearance.decisions_root", "decisions_root is not the head of decisions")


def _check_revocations(doc: Mapping[str, Any]) -> None:
    _check_schema(doc, "schema", REVOCATIONS_SCHEMA)
    check_fields(doc, "revocations", _REVOCATIONS)
    check_each(doc["entries"], "revocations.entries", _ENTRY)


def _check_schema(doc: Mapping[str, Any], field: str, known: str) -> None:
    found = doc.get(field)
    if found != known:
        raise PaperError(
            f"the signed paper has {field} {found!r}, expected {known!r}",
            code="SCHEMA_UNKNOWN",
            subject=field,
            way_out="read it with the version of Clearway that wrote it, or have it signed anew",
        )
