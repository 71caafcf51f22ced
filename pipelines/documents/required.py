"""What documents must say: a field that no fact answers stops them, with where to record it.

In: the facts. Out: the facts that are mandatory, or an error by field. A placeholder is never
written: a form that has a word for "unknown" is given that word by its builder, not from here.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from pipelines.documents.facts import DocumentFacts
from pipelines.errors import ExportError

ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_ACTION: Final = "state `action` in the request, as `clearway rights decide` reads it"
_AGAIN: Final = "export the training set again: the station fills this from its own data"


def check_mandatory(facts: DocumentFacts) -> None:
    """Refuse facts without what every document says: who made what, of which sources, for what use.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING, naming the field and where to record it.
    """
    operator = "clearway party add operator --name 'Your organisation' --jurisdiction DE"
    stated = (
        ("organisation.name", facts.organisation.name.strip(), operator),
        ("name", facts.name.strip(), "export the training set under a name"),
        ("request.action", facts.request.get("action"), _ACTION),
        ("producer", facts.producer.strip(), _AGAIN),
        ("sources", facts.sources, _AGAIN),
    )
    for field, value, way_out in stated:
        if not value:
            raise missing(facts, field, got=value, way_out=way_out)
    digests = {"content_digest": facts.content_digest}
    digests |= {f"files.{one.path}.sha256": one.sha256 for one in facts.files}
    for field, value in digests.items():
        if not _SHA256.fullmatch(value):
            raise missing(facts, field, got=value, expected="64 hex digits", way_out=_AGAIN)


def missing(
    facts: DocumentFacts, field: str, *, got: object, way_out: str, expected: str = "a value"
) -> ExportError:
    """Say that a mandatory field has no fact, and where to record one."""
    return ExportError(
        f"documents of {facts.set_id}: field {field!r}: got {got!r}, expected {expected}",
        code="DOCUMENT_FIELD_MISSING",
        subject=field,
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
