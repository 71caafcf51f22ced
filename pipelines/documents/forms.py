"""What all forms need: their bytes, and what was answered to their questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipelines.documents.facts import DocumentFacts
from pipelines.errors import ExportError


def json_bytes(doc: Any) -> bytes:  # noqa: ANN401 - JSON
    """Write JSON for people and machines: sorted keys, one line end, any text escaped or kept."""
    text = json.dumps(doc, indent=1, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "backslashreplace")  # half a pair becomes its JSON escape


def text_bytes(lines: Sequence[str]) -> bytes:
    """Write lines of text."""
    return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")


def answer(facts: DocumentFacts, field: str) -> str:
    """What was answered to a field, or nothing."""
    return facts.answers.get(field, "").strip()


def yes_or_no(facts: DocumentFacts, field: str) -> bool | None:
    """The answer to a question that has two; None where nobody gave one.

    Raises:
        ExportError: DOCUMENT_FIELD_INVALID.
    """
    said = answer(facts, field)
    word = said.split(" ")[0].strip(".,;:").lower()
    if said and word not in {"yes", "no"}:
        raise ExportError(
            f"{facts.set_id}: the answer to {field} is {said!r}, expected yes or no as its first "
            "word",
            code="DOCUMENT_FIELD_INVALID",
            subject=field,
            way_out=f"record another answer to {field}, then write it again",
        )
    return {"yes": True, "no": False}.get(word)


def lacking(field: str) -> str:
    """What a draft says in the place of a field that nothing fills."""
    return f"Missing: nothing on record answers this. The field is `{field}`."
