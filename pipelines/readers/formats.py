"""What a reader declares, and what it is shown of a source: values, nothing that reads.

A file has a kind, told by its first bytes (`sniff.py`, or the reader's own look). A reader takes
files of its kinds, each as a group of its own, unless its `group` claims several as one: a folder
format, the parts of a split log. What nobody claims and no reader takes is listed apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.readers.reading import Job, ReadResult

LONGEST_TEXT = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the bytes are: the `name` of a format, and how they look where that says too little."""

    name: str
    looks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The two ends of a file: enough to tell its format."""

    name: str  # its path inside the source
    path: Path
    size: int
    head: bytes
    tail: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a source holds that no reader has claimed yet: the kind of each path, in order."""

    root: Path
    kinds: Mapping[str, str]

    def text(self, path: str) -> str:
        """Return a small text of the source, such as an index of a data set; "" if it is none."""
        try:
            with (self.root / path).open("rb") as file:
                return file.read(LONGEST_TEXT).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Paths that are read together, in the order that names their episodes.

    `companions` are files that reading needs and no episode is made of, such as an index of a data
    set. Several claims may name the same one: it is listed once, as a companion.
    """

    files: tuple[str, ...]
    companions: tuple[str, ...] = ()
    picture: str = ""  # the video among `files` that a log beside it is read without, if need be


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """What is not installed with Clearway itself: the extra, and the module that it brings."""

    name: str
    module: str

    @property
    def way_out(self) -> str:
        """The line that installs it."""
        return f"pip install 'clearway[{self.name}]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader: what it takes, what belongs together, how it is read.

    `sniff` names the kind of what it knows by its own look and says "" to the rest; it is asked
    before the shared table. `group` claims the files that are read together. `read` yields results.
    """

    read: Callable[[Job], Iterable[ReadResult]]
    kinds: tuple[str, ...]
    sniff: Callable[[Glance], str] | None = None
    group: Callable[[Listing], Iterable[Claim]] | None = None
    has_video: bool = False  # the video of the same name beside a file belongs to it
    extra: Extra | None = None
    told: str = ""  # name@version, as the registry has it
