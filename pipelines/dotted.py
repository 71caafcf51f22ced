"""What stands at a dotted path of a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping

MISSING = object()


def value_at(doc: object, path: str) -> object:
    """Return what stands at a path of a document, MISSING where nothing does."""
    if not isinstance(doc, Mapping):
        return MISSING
    if path in doc:
        return doc[path]
    head, dot, tail = path.partition(".")
    return value_at(doc[head], tail) if dot and head in doc else MISSING


def document(text: str) -> object:
    """Return the document that a row of an event stream holds; what is no JSON is text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
