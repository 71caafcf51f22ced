"""The rows of an event log: JSON lines, a JSON array, CSV, Parquet or Arrow, packed or not.

In: a file. Out: `Rows`, each row as a mapping and as the text that is kept. A row that cannot be
parsed refuses the file: the evidence names the first of them and counts them all, and how many
others read. A log that may be partial is given without them.
"""

from __future__ import annotations

import base64
import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.ondisk import Texts
from pipelines.readers.columnar import table_rows
from pipelines.readers.packed import lines_of, unpacked
from pipelines.readers.parsed import Parsed
from pipelines.readers.reading import Counted, Refused

OTHER = re.compile(r"[^ \t\r\n,]|$")  # what stands between no rows
NO_TEXT = re.compile("[\x00\udc80-\udcff]")  # zero bytes, and bytes that are no UTF-8
HELD = 32 << 20  # characters of rows: what is more lies on disk
TOLD = 10  # bad rows that the evidence names


class Written(float):
    """A number that remembers how it was written: a float has too few digits for a time in ns."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Written:
        """Read `text` as a float, and keep it."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _plain(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


DECODER = json.JSONDecoder(parse_float=Written)
ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one log, as mappings and as kept text."""

    docs: Sequence[Mapping[str, Any]]
    texts: Sequence[str]
    scratch: Path  # where files may lie that hold what memory does not
    units: Mapping[str, str] = field(default_factory=dict)  # of columns whose type says it
    notes: tuple[str, ...] = ()
    breaks: tuple[int, ...] = ()  # rows before which one is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A row that cannot be parsed: its number, why, and whether the file ends within it."""

    number: int
    why: str
    cut: bool = False


Row = tuple[Mapping[str, Any], str] | Bad


def load_rows(path: Path, kind: str, name: str, *, scratch: Path, partial: bool = False) -> Rows:
    """Read the log at `path`, of a `kind` of LOADERS; `partial` leaves out what cannot be read.

    One of more than HELD characters lies in a file of `scratch` and is parsed when asked for.
    """
    units: dict[str, str] = {}
    docs: list[Mapping[str, Any]] = []
    texts: list[str] | Texts = []
    bad: list[Bad] = []
    breaks: list[int] = []
    size, again = 0, AGAIN.get(kind)
    for row in _until_it_breaks(LOADERS[kind](path, name, units)):
        if isinstance(row, Bad):
            breaks.append(len(texts))
            bad = [*bad[:TOLD], row]
            continue
        doc, text = row
        size += len(text)
        if again and size > HELD and isinstance(texts, list):
            texts = Texts(scratch, texts)
            docs.clear()
        texts.append(text)
        if isinstance(texts, list):
            docs.append(doc)
    if bad and not (partial and texts):
        raise _damaged(name, len(texts), bad, num_bad=len(breaks))
    if not texts:
        raise Refused(f"{name}: no row in it", code="NO_CONTENT", subject=name)
    return Rows(
        docs=Parsed(texts, again) if again and isinstance(texts, Texts) else docs,
        texts=texts,
        scratch=scratch,
        units=units,
        notes=(f"{name}: {len(breaks)} rows left out, row {bad[0].number} first",) if bad else (),
        breaks=tuple(breaks),
    )


def as_text(doc: Mapping[str, Any]) -> str:
    """Return a row as JSON; bytes stand in it as base64."""
    return ENCODER.encode(doc)


def number_in(cell: str) -> int | float | None:
    """Return the number that a cell of a table holds, or None."""
    try:
        return int(cell) if "_" not in cell else None
    except ValueError:
        pass
    try:
        return Written(cell) if "_" not in cell else None
    except ValueError:
        return None


def _until_it_breaks(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield rows; a file that ends early or does not unpack ends them with a bad one."""
    count = 0
    try:
        for row in rows:
            count += 1
            yield row
    except Refused as error:
        if error.code not in {"TRUNCATED", "CORRUPT"}:
            raise
        yield Bad(number=count + 1, why=str(error), cut=error.code == "TRUNCATED")


def _damaged(name: str, read: int, bad: list[Bad], *, num_bad: int) -> Refused:
    first = bad[0]
    return Refused(
        f"{name}: {read} rows read, {num_bad} cannot be parsed, row {first.number} first",
        code="TRUNCATED" if num_bad == 1 and first.cut else "CORRUPT",
        subject=name,
        way_out="set accept_partial in the source's config to keep the rows that read",
        evidence={
            "rows_read": read,
            "rows_bad": num_bad,
            "line": first.number,
            "message": first.why,
            "lines": [row.number for row in bad[:TOLD]],
        },
        partial={name: Counted(num_messages=read)},
    )


def _jsonl(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
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
            doc = DECODER.decode(text)
        except RecursionError as error:
            raise _too_deep(name) from error
        except ValueError as error:
            yield Bad(number=number, why=str(error), cut=cut)
            continue
        if not isinstance(doc, dict):
            yield Bad(number=number, why="not an object")
        elif "resourceLogs" in doc:
            yield from ((record, as_text(record)) for record in _log_records(doc))
        else:
            yield doc, text


def _log_records(doc: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the records of an OpenTelemetry export, each with what it says of its resource."""
    for resource in doc["resourceLogs"]:
        about = {"resource": resource.get("resource", {})}
        for scope in resource.get("scopeLogs", ()):
            about |= {"scope": scope.get("scope", {})}
            for record in scope.get("logRecords", ()):
                yield {**record, **about}


def _json(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
    """Yield the objects of one array; after a broken one nothing more can be told apart."""
    raw = b"".join(unpacked(path, name))
    text = raw.decode("utf-8-sig", errors="replace")
    at, number = text.index("[") + 1, 0
    while True:
        at = next(OTHER.finditer(text, at)).start()
        if text[at : at + 1] == "]":
            return
        number += 1
        try:
            doc, end = DECODER.raw_decode(text, at)
        except RecursionError as error:
            raise _too_deep(name) from error
        except ValueError as error:
            yield Bad(number=number, why=str(error), cut=not text.rstrip().endswith("]"))
            return
        if isinstance(doc, dict):
            yield doc, text[at:end]
        else:
            yield Bad(number=number, why="not an object")
        at = end


def _csv(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
    ended = [True]
    texts = _texts(lines_of(path, name), ended)
    first = next(texts, "")
    mark = max(",;\t", key=first.count)
    csv.field_size_limit(16 << 20)
    header = _names(next(csv.reader([first], delimiter=mark), []))
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
    return _with_numbers(as_found), as_text(as_found)


def _with_numbers(as_found: Mapping[str, str]) -> dict[str, Any]:
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


def _names(header: list[str]) -> list[str]:
    """Return the names of the columns, each once."""
    names: list[str] = []
    for number, cell in enumerate(header):
        name = cell.strip() or f"column.{number}"
        names.append(name if name not in names else f"{name}.{number}")
    return names


def _columns(path: Path, name: str, units: dict[str, str]) -> Iterator[Row]:
    for doc in table_rows(path, name, units):
        yield doc, as_text(doc)


def _too_deep(name: str) -> Refused:
    return Refused(f"{name}: nested too deep", code="UNSAFE_CONTENT", subject=name)


LOADERS: dict[str, Callable[[Path, str, dict[str, str]], Iterator[Row]]] = {
    "jsonl": _jsonl,
    "json": _json,
    "csv": _csv,
    "parquet": _columns,
    "arrow": _columns,
}
AGAIN: dict[str, Callable[[str], Mapping[str, Any]]] = {  # text that says all that its row said
    "jsonl": DECODER.decode,
    "json": DECODER.decode,
    "csv": lambda text: _with_numbers(json.loads(text)),
}
