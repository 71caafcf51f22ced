"""The rows of JSON: one a line, all of them in an array, or the records of an OpenTelemetry export.

In: a file, packed or not. Out: each row as a mapping and as the text that is kept, or what is wrong
with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.readers.packed import lines_of, unpacked
from pipelines.readers.row_text import DECODER, NO_TEXT, Bad, Row, as_text, too_deep

SPACE = re.compile(r"[ \t\r\n]*")
BETWEEN = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")  # what stands behind a row


def line_rows(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
    """Yield the object of each line, or the records that it exports."""
    for number, raw in enumerate(lines_of(path, name), start=1):
        line = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
        cut = not raw.endswith(b"\n")
        if not line.strip():
            continue
        if not line.strip(b"\x00\r\n\t "):
            yield Bad(number=number, why="nothing but zero bytes", cut=True)
            continue
        try:
            text = line.decode().strip()
            doc = _document(text)
        except RecursionError as error:
            raise too_deep(name) from error
        except ValueError as error:
            yield Bad(number=number, why=str(error), cut=cut)
            continue
        if not isinstance(doc, dict):
            yield Bad(number=number, why="not an object")
        elif "resourceLogs" in doc:
            yield from ((record, as_text(record)) for record in _log_records(doc))
        else:
            yield doc, text


def _document(text: str) -> object:
    """Return what the decoder does, sooner: no white space stands about the text."""
    doc, end = DECODER.raw_decode(text)
    return doc if end == len(text) else DECODER.decode(text)


def _log_records(doc: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the records of an OpenTelemetry export, each with what it says of its resource."""
    for resource in doc["resourceLogs"]:
        about = {"resource": resource.get("resource", {})}
        for scope in resource.get("scopeLogs", ()):
            about |= {"scope": scope.get("scope", {})}
            for record in scope.get("logRecords", ()):
                yield {**record, **about}


def array_rows(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
    """Yield the objects of one array; after a broken one nothing more can be told apart."""
    text = b"".join(unpacked(path, name)).decode("utf-8-sig", errors="surrogateescape")
    begin = SPACE.match(text, text.index("[") + 1)
    at, number = begin.end() if begin else 0, 0
    ended = text.startswith("]", at)
    at += ended
    while not ended:
        number += 1
        start = at
        try:
            doc, at = DECODER.raw_decode(text, start)
        except RecursionError as error:
            raise too_deep(name) from error
        except ValueError as error:
            yield Bad(number=number, why=str(error), cut=not text.rstrip().endswith("]"))
            return
        yield _row(doc, text[start:at], number)
        mark = BETWEEN.match(text, at)
        if mark is None:
            cut = not text[at:].strip()
            yield Bad(number=number + 1, why="neither a comma nor the end behind it", cut=cut)
            return
        at, ended = mark.end(), mark[1] == "]"
    if text[at:].strip():
        yield Bad(number=number + 1, why="there is more behind the end of the array")


def _row(doc: object, text: str, number: int) -> Row:
    if not isinstance(doc, dict):
        return Bad(number=number, why="not an object")
    return Bad(number=number, why="not UTF-8 text") if NO_TEXT.search(text) else (doc, text)
