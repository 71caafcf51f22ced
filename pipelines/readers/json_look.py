"""What a JSON text is by its look: a log of rows, a document, or rows that damage has left.

A document is a companion: nobody misses what is not read of it. Rows that do not parse are no
document, and neither is one that holds rows with times and does not parse to its end. Comments and
commas too many are a habit of people, and no damage.
"""

from __future__ import annotations

import json
import re

from pipelines.readers.formats import Glance, Kind
from pipelines.readers.timing import TIME_FIELDS

_TIME = rf'"(?:{"|".join(TIME_FIELDS)})"\s*:\s*(?:-?\d|"\d{{4}}-\d\d-\d\d[T ]|"\d+(?:\.\d+)?")'
_STRING = r'"(?:[^"\\]|\\.)*"'
TIMED = re.compile(rf"[{{,]\s*{_TIME}")
ROW = re.compile(rf"\{{\s*(?:{_STRING}\s*:\s*(?:{_STRING}|[\w.+-]+)\s*,\s*)*{_TIME}")
EARLY = Kind(name="truncated", looks="JSON of rows that ends early")
SOME_ROWS = 3
LARGEST = 4 << 20  # bytes of a text that are parsed for the sake of telling what it is
DECODER = json.JSONDecoder(strict=False)
WORD = re.compile(r"[\w.+-]+")
HABIT = re.compile(r"//|/\*|[}\]]")  # a comment, or what stands behind a comma too many


def is_array_of_rows(text: str) -> bool:
    """Say whether an array begins with an object that carries a time: a log, not a document."""
    start = text.lstrip()
    inner = start[1:].lstrip()
    if not start.startswith("[") or not inner.startswith("{"):
        return False
    try:
        first, _ = DECODER.raw_decode(inner)
    except ValueError:
        return ROW.match(inner) is not None  # too long, cut or damaged: the reader says which
    return isinstance(first, dict) and not first.keys().isdisjoint(TIME_FIELDS)


def torn(text: str, seen: Glance, *, whole: bool) -> Kind | None:
    """Return what became of rows in a JSON text that does not parse, None for a document.

    `text` is all of the file, or what comes first in it.
    """
    rows = len(TIMED.findall(text)) if text.lstrip()[:1] in {"{", "["} else 0
    if not rows or (not whole and (rows < SOME_ROWS or not seen.tail)):
        return None
    if not whole and not seen.tail.rstrip().endswith((b"}", b"]")):
        return EARLY
    if not whole and seen.size > LARGEST:
        return None
    full = text if whole else seen.path.read_bytes().decode("utf-8-sig", errors="replace")
    try:
        DECODER.decode(full)
    except json.JSONDecodeError as error:
        return _named(error, full.rstrip(), rows)
    return None


def _named(error: json.JSONDecodeError, text: str, rows: int) -> Kind | None:
    """Return what the error says of the text, None for a habit of people."""
    if _ends_in(error, text):
        return EARLY
    is_habit = rows < SOME_ROWS or HABIT.match(text, error.pos)
    return None if is_habit else Kind(name="damaged", looks="JSON of rows that does not parse")


def _ends_in(error: json.JSONDecodeError, text: str) -> bool:
    """Say whether the text ends where it cannot be parsed further."""
    if error.msg.startswith("Unterminated string"):
        return True
    return error.pos >= len(text) or WORD.fullmatch(text, error.pos) is not None
