"""What a page is made of: values that a template draws, and that a table's export writes.

A page knows no HTML and a block no database: a table is read a window at a time, for the page as
for its export.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from catalog.pages.paging import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Words that lead to another page of the console."""

    text: str
    href: str


Cell = str | int | float | None | Link | Sequence["str | Link"]
Row = Mapping[str, Cell]
Item = TypeVar("Item")
Read = Callable[[Window], tuple[Sequence[Row], str]]  # the rows, and the cursor of the next page


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column: the name of its cells, the words over it, and how they are drawn.

    `kind` is text, code (an id), number, hours, share (of the largest, as a bar) or verdict.
    """

    name: str
    title: str
    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that is read page by page; `name` is that of its export and of its cursor."""

    name: str
    title: str
    columns: tuple[Column, ...]
    read: Read
    empty: str = "Nothing is on record."
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Names and what they stand for, as a list of terms."""

    rows: tuple[tuple[str, Cell], ...]
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Paragraphs; `tone` is plain, note or warning."""

    paragraphs: tuple[str, ...]
    title: str = ""
    tone: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A line of a tree and what hangs below it."""

    text: str
    verdict: str = ""
    links: tuple[Link, ...] = ()
    below: tuple["Branch", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A proof, or whatever else has parts of parts."""

    title: str
    roots: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that stands for itself, and where it comes from."""

    number: str
    says: str
    href: str = ""
    tone: str = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A row of numbers."""

    title: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a form; with `choices`, one of those; of kind `file`, a file."""

    name: str
    label: str
    value: str = ""
    kind: str = "text"
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A question that a page answers by its address; with the `word` of a session, an act."""

    title: str
    action: str
    fields: tuple[Field, ...]
    button: str
    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The lines of a paper; `marked` are the numbers of those that a clause lies on."""

    title: str
    lines: tuple[str, ...]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """A place for a file, whose sha256 is computed in the browser and looked up."""

    title: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawing of ours, as SVG that is markup already: whatever it says was escaped in it."""

    title: str
    svg: str


Block = Drop | Picture | Table | Terms | Words | Tree | Figures | Form | Lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its title, where it stands, what it holds."""

    title: str
    blocks: tuple[Block, ...]
    trail: tuple[Link, ...] = ()
    lead: str = ""


# The section in which a thing has a page of its own, by the word for what it is.
SECTION_OF = {
    "source": "sources", "request": "requests", "decision": "decisions", "training set": "sets",
    "run": "runs", "checkpoint": "checkpoints", "file": "files",
}  # fmt: skip


def fixed(rows: Iterable[Row]) -> Read:
    """Read rows that are all at hand, a window at a time; their cursor is a number."""
    return listed(tuple(rows), lambda some: some)


def listed(items: Sequence[Item], draw: Callable[[Sequence[Item]], Sequence[Row]]) -> Read:
    """Read what is at hand a window at a time, each drawn as rows when it is shown."""

    def read(window: Window) -> tuple[Sequence[Row], str]:
        start = int(window.after) if window.after.isdecimal() else 0
        end = start + window.limit
        return draw(items[start:end]), str(end) if end < len(items) else ""

    return read


def path(*parts: str, **asked: object) -> str:
    """An address of the console: every part is quoted, and so is every value that is asked."""
    where = "/" + "/".join(quote(one, safe="") for one in parts)
    said = "&".join(
        f"{name}={quote(str(value), safe='')}" for name, value in asked.items() if value
    )
    return f"{where}?{said}" if said else where
