"""The rows of JSON lines: one a line, or the records of an OpenTelemetry export.

In: a file, packed or not. Out: each row as a mapping and as the text that is kept, or what is wrong
with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.readers.packed import lines_of
from pipelines.readers.row_text import DECODER, Bad, Row, as_text, too_deep


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
