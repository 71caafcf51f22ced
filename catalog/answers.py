"""Answers: what people said where a document asks and no other record knows.

A field is named as its document names it; `SET/FIELD` speaks of one training set alone, a bare
field of them all. Another answer is a new dated record.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import records, schema
from catalog.records import Change


def record_answer(session: Session, field: str, text: str, *, now: datetime) -> Change:
    """Record the answer to a field; the same again changes nothing, an empty one takes it back."""
    doc = {"field": field, "text": text}
    return records.record_changed(session, schema.answers, doc, column="field", now=now)


def answers(
    session: Session, set_name: str = "", *, known: datetime | None = None
) -> Mapping[str, str]:
    """Return the answers by field, those about `set_name` before those about all sets."""
    rows = records.latest_by(records.stored(session, schema.answers, known=known), "field")
    said = {str(row.doc["field"]): str(row.doc["text"]) for row in rows}
    found = {field: text for field, text in said.items() if "/" not in field}
    own = f"{set_name}/"
    found |= {
        field.removeprefix(own): text for field, text in said.items() if field.startswith(own)
    }
    return {field: text for field, text in sorted(found.items()) if text}
