"""The rows of one JSON array, of which memory holds a few at a time.

In: a file, packed or not. Out: each row as a mapping and as the text that is kept, or what is wrong
with it.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from pathlib import Path

from pipelines.readers.packed import unpacked
from pipelines.readers.row_text import DECODER, NO_TEXT, Bad, Row, too_deep

WINDOW = 1 << 20  # characters that are read at once
LONGEST_ROW = 64 << 20  # characters: what does not parse by then is no row
SPACE = re.compile(r"[ \t\r\n]*")


def array_rows(path: Path, name: str, _units: dict[str, str]) -> Iterator[Row]:
    """Yield the objects of one array; after a broken one nothing more can be told apart."""
    window = _Window(path, name)
    while "[" not in window.text and window.more():
        pass
    at, number = window.behind_space(window.text.index("[") + 1), 0
    ended = window.text.startswith("]", at)
    at += ended
    while not ended:
        number += 1
        start = window.forget(at)
        try:
            doc, at = window.document(start)
        except RecursionError as error:
            raise too_deep(name) from error
        except ValueError as error:
            yield Bad(number=number, why=window.why(error), cut=window.last() != "]")
            return
        yield _row(doc, window.text[start:at], number)
        at = window.behind_space(at)
        mark = window.text[at : at + 1]
        if mark not in {",", "]"}:
            cut = window.is_space(at)
            yield Bad(number=number + 1, why="neither a comma nor the end behind it", cut=cut)
            return
        at, ended = window.behind_space(at + 1), mark == "]"
    if not window.is_space(at):
        yield Bad(number=number + 1, why="there is more behind the end of the array")


def _row(doc: object, text: str, number: int) -> Row:
    if not isinstance(doc, dict):
        return Bad(number=number, why="not an object")
    return Bad(number=number, why="not UTF-8 text") if NO_TEXT.search(text) else (doc, text)


class _Window:
    """The part of a text that is held; it grows at its end, and is forgotten from its start."""

    def __init__(self, path: Path, name: str) -> None:
        self.text = ""
        self._chunks = unpacked(path, name)
        self._decoder = getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._ended = False
        self._gone = self._lines = 0  # characters and line ends that are forgotten
        self._line_end = -1  # where the last of them stood

    def more(self) -> bool:
        """Read on; say whether there was anything."""
        fresh: list[str] = []
        size = 0
        while size < WINDOW and not self._ended:
            chunk = next(self._chunks, b"")
            self._ended = not chunk
            fresh.append(self._decoder.decode(chunk, final=self._ended))
            size += len(fresh[-1])
        self.text += "".join(fresh)
        return size > 0

    def forget(self, at: int) -> int:
        """Let go of what lies before a place, if that is much; return where the place is then."""
        if at < WINDOW:
            return at
        self._lines += self.text.count("\n", 0, at)
        last = self.text.rfind("\n", 0, at)
        self._line_end = self._gone + last if last >= 0 else self._line_end
        self._gone += at
        self.text = self.text[at:]
        return 0

    def behind_space(self, at: int) -> int:
        """Return the place of the next character that is no white space of JSON."""
        while True:
            found = SPACE.match(self.text, at)
            at = found.end() if found else at
            if at < len(self.text) or not self.more():
                return at

    def document(self, at: int) -> tuple[object, int]:
        """Return what stands at a place, and where it ends."""
        while True:
            try:
                doc, end = DECODER.raw_decode(self.text, at)
            except ValueError:
                if len(self.text) - at > LONGEST_ROW or not self.more():
                    raise
                continue
            if end < len(self.text) or not self.more():
                return doc, end

    def why(self, error: ValueError) -> str:
        """Return what an error says, its place counted from the start of the file."""
        if not isinstance(error, json.JSONDecodeError):
            return str(error)
        line = self._lines + self.text.count("\n", 0, error.pos) + 1
        last = self.text.rfind("\n", 0, error.pos)
        before = self._gone + last if last >= 0 else self._line_end
        place = self._gone + error.pos
        return f"{error.msg}: line {line} column {place - before} (char {place})"

    def last(self) -> str:
        """Return the last character that is no white space; what is held ends here."""
        found = self.text.rstrip()[-1:]
        for rest in self._rest():
            found = rest.rstrip()[-1:] or found
        return found

    def is_space(self, at: int) -> bool:
        """Say whether nothing but white space follows; what is held ends here."""
        return not self.text[at:].strip() and all(not rest.strip() for rest in self._rest())

    def _rest(self) -> Iterator[str]:
        self.text = ""
        while self.more():
            yield self.text
            self.text = ""
