"""The certificate of an erasure: what went, by digests and counts, and what remains; signed.

It holds no name and no message: it can be shown to whoever asked for the erasure, and is enough to
erase the same again from a home that was restored from a backup.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog.erasures import Erasure
from licensing.errors import PaperError
from licensing.manifest import digest, instant, open_statement, sign_statement
from pipelines.storage import join, write_bytes

if TYPE_CHECKING:
    from pipelines.erase.scope import Scope
    from pipelines.settings import Settings

ERASURE_TYPE = "application/vnd.clearway.erasure+json"
SCHEMA = "clearway/erasure/1"
FIELDS = (
    "schema",
    "subject",
    "revocation",
    "begun_at",
    "ended_at",
    "erased",
    "remains",
    "read_back",
)


def certificate(
    scope: Scope, noted: Mapping[str, Any], left: Mapping[str, Any], *, now: datetime
) -> dict[str, Any]:
    """The document, ready to be signed; `noted` is what the erasure found when it began."""
    return {
        "schema": SCHEMA,
        "subject": scope.subject,
        "revocation": scope.revocation_id,
        "begun_at": noted["begun_at"],
        "ended_at": instant(now),
        "erased": noted["found"],
        "remains": dict(left),
        "read_back": "no file, row, text or batch of the subject was found",
    }


def signed(doc: Mapping[str, Any], secret: bytes) -> Erasure:
    """Sign a certificate; its id is the digest of what it says."""
    raw = sign_statement(doc, payload_type=ERASURE_TYPE, secret=secret)
    return _erasure(doc, raw)


def opened(raw: bytes, publics: Sequence[bytes]) -> Erasure:
    """Read a certificate whose signature holds.

    Raises:
        PaperError: as `open_statement`, and MANIFEST_MALFORMED for what is no certificate.
    """
    doc = open_statement(raw, payload_type=ERASURE_TYPE, publics=publics)
    subject = doc.get("subject")
    if sorted(doc) != sorted(FIELDS) or doc["schema"] != SCHEMA or not _is_subject(subject):
        raise PaperError(
            f"an erasure certificate of schema {doc.get('schema')!r}, expected {SCHEMA!r}",
            code="MANIFEST_MALFORMED",
            subject="certificate",
            way_out="take the file that `clearway erase` wrote",
        )
    return _erasure(doc, raw)


def keep(erasure: Erasure, settings: Settings) -> str:
    """Write the certificate to the home, from where it is copied beside backups; return where."""
    path = join(str(settings.home), "erasures", f"{erasure.erasure_id}.dsse.json")
    write_bytes(path, erasure.certificate.encode())
    return path


def _erasure(doc: Mapping[str, Any], raw: bytes) -> Erasure:
    subject = doc["subject"]
    return Erasure(
        erasure_id=digest(dict(doc)),
        source_id=subject["source"],
        subject_kind=subject["kind"],
        subject_id=subject["id"],
        certificate=raw.decode(),
    )


def _is_subject(subject: object) -> bool:
    match subject:
        case {"kind": "source" | "file", "id": str(), "source": str(name)}:
            return bool(name) and "/" not in name and name not in {".", ".."}
    return False
