"""The files of ROS 2 bags: which of a source belong together, and what their index says.

A bag is a folder with `metadata.yaml` and one or several parts, which are SQLite or MCAP files,
perhaps compressed. The index may be missing: parts of one name, numbered one after the other, are
then one bag. What SQLite leaves beside a database (`-wal`, `-journal`, `-shm`) belongs to it.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from pipelines.readers.blocks import ZSTD_MAGIC
from pipelines.readers.formats import Claim, Glance, Listing
from pipelines.readers.mcap_records import MAGIC as MCAP_MAGIC

SQLITE_MAGIC = b"SQLite format 3\x00"
DB3, PACKED_DB3, PACKED_MCAP, BESIDE = "ros2 db3", "zstd db3", "zstd mcap", "sqlite journal"
PENDING = ("-wal", "-journal")  # may hold rows that are not in the database yet
NUMBERED = re.compile(r"(.*)_(\d+)\.(?:db3|mcap)(?:\.zstd)?")
INDEX = "metadata.yaml"
INFORMATION = "rosbag2_bagfile_information"
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bag:
    """What the index of a bag says."""

    parts: tuple[str, ...] = ()  # names of files, in order
    num_messages: int = -1
    distro: str = ""


def sniff(seen: Glance) -> str:
    """Tell a part of a bag by its bytes, and by its name what SQLite left beside one."""
    if seen.name.endswith((*PENDING, "-shm")):
        return BESIDE
    if seen.head.startswith(SQLITE_MAGIC):
        return DB3 if _holds_messages(seen.path) else ""
    if seen.head.startswith(ZSTD_MAGIC):
        start = _opened_start(seen.head)
        if start.startswith(SQLITE_MAGIC):
            return PACKED_DB3
        return PACKED_MCAP if start.startswith(MCAP_MAGIC) else ""
    return ""


def group(listing: Listing) -> Iterator[Claim]:
    """Claim the files of each bag: by its index, else by name and number, else one by one."""
    taken: set[str] = set()
    for path in listing.kinds:
        if PurePosixPath(path).name == INDEX:
            parts = _listed(listing, path)
            taken.update(parts)
            if parts:
                yield _claim(listing, parts, index=path)
    for parts in _numbered(listing, taken):
        taken.update(parts)
        yield _claim(listing, parts)
    for path, kind in listing.kinds.items():
        is_part = kind in {DB3, PACKED_DB3, PACKED_MCAP} or (
            kind == "sqlite" and any(path + end in listing.kinds for end in PENDING)
        )
        if is_part and path not in taken:
            yield _claim(listing, (path,))


def read_index(text: str) -> Bag:
    """Read `metadata.yaml`; one that cannot be read says nothing."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        doc = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError):
        return Bag()
    told: Any = doc.get(INFORMATION) if isinstance(doc, Mapping) else None
    if not isinstance(told, Mapping):
        return Bag()
    paths, count = told.get("relative_file_paths"), told.get("message_count")
    return Bag(
        parts=tuple(PurePosixPath(str(one)).name for one in paths or ()),
        num_messages=count if isinstance(count, int) else -1,
        distro=str(told.get("ros_distro") or ""),
    )


def opened_database(path: Path, *, is_copy: bool = False) -> sqlite3.Connection:
    """Open a database for reading; beside one that is not a copy of ours nothing is written."""
    how = "mode=rw" if is_copy else "mode=ro&immutable=1"
    return sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True)


def _listed(listing: Listing, index: str) -> tuple[str, ...]:
    """Return the parts that an index names, as far as they are there."""
    text = listing.text(index)
    names = read_index(text).parts if INFORMATION in text else ()
    folder = PurePosixPath(index).parent
    paths = (str(folder / (name + end)) for name in names for end in ("", ".zstd"))
    return tuple(dict.fromkeys(path for path in paths if path in listing.kinds))


def _numbered(listing: Listing, taken: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield the parts of bags without an index.

    MCAP logs are often numbered without being parts of one recording: of them only those that are
    named after their folder, as a recorder names parts, belong together.
    """
    sets: dict[tuple[PurePosixPath, str], dict[int, str]] = defaultdict(dict)
    known = set(taken)
    for path, kind in listing.kinds.items():
        at = PurePosixPath(path)
        named = NUMBERED.fullmatch(at.name)
        if not named or path in known or kind not in {DB3, PACKED_DB3, PACKED_MCAP, "mcap"}:
            continue
        folder = at.parent.name or listing.root.name
        if kind in {DB3, PACKED_DB3} or named[1] == folder:
            sets[at.parent, named[1]][int(named[2])] = path
    for numbers in sets.values():
        if len(numbers) > 1 and max(numbers) - min(numbers) == len(numbers) - 1:
            yield tuple(numbers[number] for number in sorted(numbers))


def _claim(listing: Listing, parts: Sequence[str], index: str = "") -> Claim:
    files: list[str] = []
    companions = [index] if index else []
    for part in parts:
        files.append(part)
        for end in (*PENDING, "-shm"):
            beside = part + end
            pending = end in PENDING and beside in listing.kinds  # an empty file has no kind
            if (listing.root / beside).is_file():
                (files if pending else companions).append(beside)
    return Claim(files=tuple(files), companions=tuple(companions))


def _holds_messages(path: Path) -> bool:
    """Say whether a database has the tables of a bag; a damaged one may have had them."""
    connection = opened_database(path)
    try:
        names = {str(name) for (name,) in connection.execute(TABLES)}
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return True
    finally:
        connection.close()
    return {"topics", "messages"} <= names


def _opened_start(head: bytes) -> bytes:
    from zstandard import ZstdDecompressor, ZstdError

    try:
        with ZstdDecompressor().stream_reader(head) as reader:
            return bytes(reader.read(len(SQLITE_MAGIC)))
    except ZstdError:
        return b""
