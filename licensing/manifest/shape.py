"""What a paper's fields may hold: small tests on values, and the check that a document passes them.

A document must have exactly the fields of its shape. An unknown field is refused like a missing
one: a reader that skips what it does not know may skip a condition.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from licensing.errors import PaperError

Test = Callable[[object], bool]
Shape = Mapping[str, Test]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def check_fields(doc: object, where: str, shape: Shape) -> dict[str, Any]:
    """Give `doc` back if it is an object with exactly the fields of `shape`, each passing.

    Raises:
        PaperError: MANIFEST_MALFORMED; its subject names the field.
    """
    if not isinstance(doc, dict):
        raise malformed(where, f"{where} is {_shown(doc)}, expected an object")
    for name in sorted({*shape, *doc}):
        path = f"{where}.{name}"
        if name not in doc:
            raise malformed(path, f"{path} is missing")
        if name not in shape:
            raise malformed(path, f"{path} is not a field of this schema")
        if not shape[name](doc[name]):
            raise malformed(path, f"{path} is {_shown(doc[name])}, which it may not be")
    return doc


def check_each(docs: Iterable[object], where: str, shape: Shape) -> None:
    """Refuse a list of objects unless each has exactly the fields of `shape`."""
    for at, doc in enumerate(docs):
        check_fields(doc, f"{where}[{at}]", shape)


def malformed(subject: str, message: str) -> PaperError:
    """The refusal of a paper that its own schema does not allow."""
    return PaperError(
        message,
        code="MANIFEST_MALFORMED",
        subject=subject,
        way_out="fetch the paper again from its issuer, or let the station write it anew",
    )


def is_text(value: object) -> bool:
    """A string that is not empty."""
    return isinstance(value, str) and value != ""


def is_string(value: object) -> bool:
    """Any string."""
    return isinstance(value, str)


def is_count(value: object) -> bool:
    """A whole number from 0 on; True is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_positive(value: object) -> bool:
    """A whole number from 1 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_number(value: object) -> bool:
    """A finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_digest(value: object) -> bool:
    """A sha256 in lower-case hex."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def is_doc(value: object) -> bool:
    """A JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> bool:
    """A JSON list."""
    return isinstance(value, list)


def is_date(value: object) -> bool:
    """A day that exists, `2026-12-01`."""
    return _parses(value, _DATE, date.fromisoformat)


def is_instant(value: object) -> bool:
    """A second that exists, `2026-11-23T23:00:00Z`."""
    return _parses(value, _INSTANT, datetime.fromisoformat)


def list_of(test: Test) -> Test:
    """A list whose every element passes `test`."""
    return lambda value: isinstance(value, list) and all(test(one) for one in value)


def or_null(test: Test) -> Test:
    """Null, or what passes `test`."""
    return lambda value: value is None or test(value)


def one_of(*allowed: object) -> Test:
    """One of these values."""
    return lambda value: value in allowed


def _parses(value: object, form: re.Pattern[str], parse: Callable[[str], object]) -> bool:
    if not isinstance(value, str) or form.fullmatch(value) is None:
        return False
    try:
        parse(value)
    except ValueError:
        return False
    return True


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
