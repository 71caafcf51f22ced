"""What documents must say: a field that no fact answers stops them, with where to record it.

In: the facts. Out: the facts that are mandatory, or an error by field. A placeholder is never
written: a form that has a word for "unknown" is given that word by its builder, not from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from pipelines.documents.facts import DocumentFacts
from pipelines.errors import ExportError

ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ACTION: Final = "state `action` in the request, as `clearway rights decide` reads it"
_AGAIN: Final = "export the training set again: the station fills this from its own data"


def require(
    facts: DocumentFacts, own: Mapping[str, object] = MappingProxyType({}), *, document: str
) -> None:
    """Refuse a document without what each one says, or without its `own` fields, given by name.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING, naming the fields and where to record the first.
    """
    operator = "clearway party add operator --name 'Your organisation' --jurisdiction DE"
    shared = (
        ("operator.name", facts.organisation.name.strip(), operator),
        ("name", facts.name.strip(), "export the training set under a name"),
        ("request.action", facts.request.get("action"), _ACTION),
        ("producer", facts.producer.strip(), _AGAIN),
        ("sources", facts.sources, _AGAIN),
    )
    for field, value, way_out in shared:
        if not value:
            raise missing(facts, field, document=document, way_out=way_out)
    digests = {"content_digest": facts.content_digest}
    digests |= {f"files.{one.path}.sha256": one.sha256 for one in facts.files}
    for field, value in digests.items():
        if not _SHA256.fullmatch(value):
            raise missing(
                facts, field, document=document, got=value, expected="64 hex digits", way_out=_AGAIN
            )
    if lacking := [name for name, value in own.items() if not value]:
        way_out = f"record {lacking[0]}, then export the training set again"
        raise missing(facts, *lacking, document=document, way_out=way_out)


def no_draft(facts: DocumentFacts, fields: Sequence[str], *, document: str) -> None:
    """Refuse the final form of a document of which fields are missing.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    if fields:
        way_out = f"record an answer to the field {fields[0]}, then write it again"
        raise missing(facts, *fields, document=document, way_out=way_out)


def missing(
    facts: DocumentFacts,
    *fields: str,
    document: str,
    way_out: str,
    got: object = None,
    expected: str = "a fact on record or an answer",
) -> ExportError:
    """Say that mandatory fields have no fact, and where to record the first of them."""
    return ExportError(
        f"{facts.set_id}: {document} must say {', '.join(fields)}; got "
        f"{'nothing' if got is None else repr(got)}, expected {expected}: a document never makes "
        "one up",
        code="DOCUMENT_FIELD_MISSING",
        subject=fields[0],
        way_out=way_out,
    )


def address_of(facts: DocumentFacts) -> str:
    """Where the set is to be found: as people said in the answer `url`, else its own name.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING for an answer that is no absolute address.
    """
    said = facts.answers.get("url", facts.urn)
    if not ADDRESS.fullmatch(said):
        raise missing(
            facts,
            "url",
            document="each document",
            got=said,
            expected="an absolute address, such as https://example.org/sets/1",
            way_out="record the answer `url` anew, or take it back",
        )
    return said


def is_web_address(text: str) -> bool:
    """Whether a text can stand where a form asks for the address of a page."""
    return text.lower().startswith(("http://", "https://")) and bool(ADDRESS.fullmatch(text))


def day_of(day: date) -> str:
    """A day as a point in time: its first second, UTC."""
    return f"{day.isoformat()}T00:00:00Z"


def last_day(facts: DocumentFacts) -> date | None:
    """The first day on which the set may no longer be used; None if no right ends."""
    return None if facts.not_after.year == date.max.year else facts.not_after
