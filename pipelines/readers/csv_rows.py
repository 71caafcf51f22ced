"""The rows of a table of text: a line of names, then cells between commas, semicolons or tabs.

In: a file, packed or not. Out: each row as a mapping and as the text that is kept, or what is wrong
with it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.readers.packed import lines_of
from pipelines.readers.reading import Refused
from pipelines.readers.row_text import NO_TEXT, Bad, Row, as_text, each_once, number_in


def cell_rows(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
    """Yield the rows below the line of names."""
    ended = [True]
    texts = _texts(lines_of(path, name), ended)
    first = next(texts, "")
    mark = max(",;\t", key=first.count)
    csv.field_size_limit(16 << 20)
    if NO_TEXT.search(first):
        yield Bad(number=1, why="the line of names is not UTF-8 text")
        return
    header = each_once([cell.strip() for cell in next(csv.reader([first], delimiter=mark), [])])
    if all(number_in(cell) is not None for cell in header):
        raise Refused(f"{name}: a table without names", code="UNKNOWN_SCHEMA", subject=name)
    rows = csv.reader(texts, delimiter=mark)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Bad(number=rows.line_num + 1, why=str(error))
            continue
        if row:
            yield _cells(row, header, number=rows.line_num + 1, cut=not ended[0])


def _cells(row: list[str], header: list[str], *, number: int, cut: bool) -> Row:
    """Return one row of a table as a mapping and as text, or what is wrong with it."""
    if len(row) != len(header):
        why = f"{len(row)} cells, expected {len(header)}"
        return Bad(number=number, why=why, cut=cut and len(row) < len(header))
    if NO_TEXT.search("".join(row)):
        return Bad(number=number, why="not UTF-8 text")
    as_found = dict(zip(header, row, strict=True))
    return with_numbers(as_found), as_text(as_found)


def with_numbers(as_found: Mapping[str, str]) -> dict[str, Any]:
    """Return a row with its numbers as such."""
    doc: dict[str, Any] = {}
    for key, cell in as_found.items():
        number_of = number_in(cell)
        doc[key] = cell if number_of is None else number_of
    return doc


def _texts(lines: Iterable[bytes], ended: list[bool]) -> Iterator[str]:
    """Yield lines as text; bytes that are none stay recognisable. `ended` tells of the last one."""
    for number, line in enumerate(lines):
        ended[0] = line.endswith(b"\n")
        yield line.decode("utf-8-sig" if number == 0 else "utf-8", errors="surrogateescape")
