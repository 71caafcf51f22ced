"""Cases from a file, as `clearway rights decide` and `explain` read them."""

import json
from pathlib import Path
from typing import Any

from pipelines.errors import RegistrationError


def read_cases(file: Path) -> list[Any]:
    """Read one case or a list of cases (JSON).

    A field that stands twice in one object is kept under a name that no rule knows, so that its
    case is refused by that name: which of the two was meant nobody can tell.

    Raises:
        RegistrationError: FILE_UNREADABLE.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
        content = json.loads(text, object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:
        raise RegistrationError(
            f"{file}: not readable as JSON: {error}",
            code="FILE_UNREADABLE",
            subject=str(file),
            way_out="give a JSON file that holds one case or a list of cases",
        ) from error
    return content if isinstance(content, list) else [content]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    doc = dict(pairs)
    if len(doc) < len(pairs):
        names = [name for name, _ in pairs]
        doc |= {f"{name} (twice)": None for name in doc if names.count(name) > 1}
    return doc
