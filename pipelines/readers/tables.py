"""The rows of an event log: JSON lines, a JSON array, CSV, Parquet or Arrow, packed or not.

In: a file. Out: `Rows`, each row as a mapping and as the text that is kept. A row that cannot be
parsed refuses the file: the evidence names the first of them and counts them all, and how many
others read. A log that may be partial is given without them. Rows too many to hold are looked at
once and let go: their texts, times and numbers lie in files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.ondisk import Texts
from pipelines.readers.columnar import table_rows
from pipelines.readers.csv_rows import cell_rows, with_numbers
from pipelines.readers.gathered import Gathered
from pipelines.readers.json_array import array_rows
from pipelines.readers.json_rows import line_rows
from pipelines.readers.parsed import Parsed, Reread
from pipelines.readers.reading import Config, Counted, Refused
from pipelines.readers.row_text import DECODER, Bad, Row, as_text

HELD = 8 << 20  # characters of rows: what is more lies on disk
TOLD = 10  # bad rows that the evidence names


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one log, as mappings and as kept text."""

    docs: Sequence[Mapping[str, Any]]
    texts: Sequence[str]
    scratch: Path  # where files may lie that hold what memory does not
    gathered: Gathered | None = None  # what they say, if they are too many to hold
    units: Mapping[str, str] = field(default_factory=dict)  # of columns whose type says it
    notes: tuple[str, ...] = ()
    breaks: tuple[int, ...] = ()  # rows before which one is left out


def load_rows(
    path: Path, kind: str, name: str, *, scratch: Path, config: Config, partial: bool = False
) -> Rows:
    """Read the log at `path`, of a `kind` of LOADERS; `partial` leaves out what cannot be read.

    One of more than HELD characters lies in files of `scratch`, its mappings are made when asked
    for.
    """
    units: dict[str, str] = {}
    docs: list[Mapping[str, Any]] = []
    texts: list[str] | Texts = []
    gathered: Gathered | None = None
    bad: list[Bad] = []
    breaks: list[int] = []
    size = 0
    for row in _until_it_breaks(LOADERS[kind](path, name, units)):
        if isinstance(row, Bad):
            breaks.append(len(texts))
            bad = [*bad[:TOLD], row]
            continue
        doc, text = row
        texts.append(text)
        if gathered:
            gathered.add(doc)
            continue
        docs.append(doc)
        size += len(text)
        if size > HELD:
            texts, gathered = Texts(scratch, texts), Gathered(docs, config, scratch)
            docs = []
    if bad and not (partial and texts):
        raise _damaged(name, len(texts), bad, num_bad=len(breaks))
    if not texts:
        raise Refused(f"{name}: no row in it", code="NO_CONTENT", subject=name)
    if gathered:
        gathered.close()
    return Rows(
        docs=_again(path, kind, name, texts=texts) if gathered else docs,
        texts=texts,
        scratch=scratch,
        gathered=gathered,
        units=units,
        notes=(f"{name}: {len(breaks)} rows left out, row {bad[0].number} first",) if bad else (),
        breaks=tuple(breaks),
    )


def _again(
    path: Path, kind: str, name: str, *, texts: Sequence[str]
) -> Sequence[Mapping[str, Any]]:
    """Return the rows as they come from their texts, or from the file again."""
    if kind in AGAIN:
        return Parsed(texts, AGAIN[kind])
    return Reread(len(texts), lambda: table_rows(path, name, {}))


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


def _columns(path: Path, name: str, units: dict[str, str]) -> Iterator[Row]:
    for doc in table_rows(path, name, units):
        yield doc, as_text(doc)


LOADERS: dict[str, Callable[[Path, str, dict[str, str]], Iterator[Row]]] = {
    "jsonl": line_rows,
    "json": array_rows,
    "csv": cell_rows,
    "parquet": _columns,
    "arrow": _columns,
}
AGAIN: dict[str, Callable[[str], Mapping[str, Any]]] = {  # text that says all that its row said
    "jsonl": DECODER.decode,
    "json": DECODER.decode,
    "csv": lambda text: with_numbers(json.loads(text)),
}
