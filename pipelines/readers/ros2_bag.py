"""Reader `ros2_bag`: a ROS 2 bag: its parts, SQLite or MCAP files, are one episode.

Parts may be compressed as a whole or message by message. A database with rows that are still in
its write-ahead log is copied and read with them: SQLite would not see them, or would write beside
the source. Bags from before Iron carry no definitions: those of a distribution are chosen.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from pipelines.readers.blocks import ZSTD_MAGIC, opened_zstd
from pipelines.readers.definitions import DISTROS
from pipelines.readers.formats import Reader
from pipelines.readers.logs import Feed, Log, Said
from pipelines.readers.mcap import read_messages
from pipelines.readers.mcap_records import MAGIC as MCAP_MAGIC
from pipelines.readers.reading import Job, ReadResult, Refused
from pipelines.readers.ros2_parts import (
    DB3,
    INDEX,
    PACKED_DB3,
    PACKED_MCAP,
    PENDING,
    SQLITE_MAGIC,
    TABLES,
    Bag,
    group,
    opened_database,
    read_index,
    sniff,
)
from pipelines.records import Found

LARGEST_PART = 64 << 30
COPY_BYTES = 8 << 20
HEADER = 100  # bytes of a database before its first page begins


def read(job: Job) -> Iterator[ReadResult]:
    """Read all parts of the bag, in order."""
    bag = _index(job)
    log = Log(job=job, distro=bag.distro if bag.distro in DISTROS else "")
    files = {found.path: found for found in job.group.files}
    parts = [found for path, found in files.items() if not path.endswith(PENDING)]
    for found in parts:
        pending = [files[found.path + end] for end in PENDING if found.path + end in files]
        _read_part(log, found, pending)
        for each in (found, *pending):
            log.end_part(each)
    absent = len(bag.parts) - len(parts)
    if absent > 0:
        log.notes.append(f"{absent} of {len(bag.parts)} parts are not there")
    elif bag.num_messages >= 0:
        log.promised, log.shortfall = bag.num_messages, "PARTS_DISAGREE"
    yield from log.results()


def _index(job: Job) -> Bag:
    for found in job.group.companions:
        if found.path.endswith(INDEX):
            return read_index(job.path(found).read_text("utf-8", "replace"))
    return Bag()


def _read_part(log: Log, found: Found, pending: list[Found]) -> None:
    path = log.job.path(found)
    with path.open("rb") as file:
        head = file.read(len(SQLITE_MAGIC))
    if head.startswith(ZSTD_MAGIC):
        path, is_copy = _unpacked(log, found), True
    elif pending:
        path, is_copy = _copied(log.job, found, pending), True
    else:
        is_copy = False
    with path.open("rb") as file:
        head = file.read(len(SQLITE_MAGIC))
    if head.startswith(MCAP_MAGIC):
        read_messages(log, path, unpack=partial(_unpacking, log))
    elif head == SQLITE_MAGIC:
        _read_database(log, found, path, is_copy=is_copy)
    elif not log.is_damaged:
        raise Refused(
            f"{found.path}: neither a database nor an MCAP log",
            code="NOT_THE_FORMAT",
            subject=found.path,
            evidence={"head": head.hex()},
        )
    if is_copy:
        path.unlink()


def _unpacked(log: Log, found: Found) -> Path:
    """Open a part that is compressed as a whole; what comes before a fault is kept."""
    from zstandard import ZstdError

    target = log.job.scratch / f"{found.sha256[:16]}.part"
    with log.job.path(found).open("rb") as file, target.open("wb") as sink:
        try:
            _unpack(file, sink, found.path)
        except ZstdError as error:
            log.lost.append({"part": found.path, "offset": file.tell(), "message": str(error)})
    return target


def _unpack(file: BinaryIO, sink: BinaryIO, name: str) -> None:
    from zstandard import ZstdDecompressor

    size = 0
    reader = ZstdDecompressor().stream_reader(file, read_across_frames=True)
    while data := reader.read(COPY_BYTES):
        size += sink.write(data)
        if size > LARGEST_PART:
            why = f"{name}: opens to over {LARGEST_PART} bytes"
            raise Refused(why, code="TOO_LARGE", subject=name)


def _copied(job: Job, found: Found, pending: list[Found]) -> Path:
    """Copy a database together with the rows that are not in it yet."""
    target = job.scratch / f"{found.sha256[:16]}.part"
    shutil.copyfile(job.path(found), target)
    for each in pending:
        end = each.path.removeprefix(found.path)
        shutil.copyfile(job.path(each), target.with_name(target.name + end))
    return target


def _unpacking(log: Log, feed: Feed) -> Feed:
    """Return what takes messages that may each be compressed."""

    def take(data: bytes, log_time: int, publish_time: int) -> None:
        if data.startswith(ZSTD_MAGIC):
            try:
                data = opened_zstd(data)
            except ValueError as error:
                log.lost.append({"at_ns": log_time, "message": str(error)})
                return
        feed(data, log_time, publish_time)

    return take


def _read_database(log: Log, found: Found, path: Path, *, is_copy: bool) -> None:
    """Read all rows of a database; one that is damaged gives those before the damage."""
    missing, page = _missing_bytes(path)
    if missing:
        log.ended, log.is_cut = f"{missing} bytes of {found.path} are not there", True
        path, is_copy = _whole_pages(log.job, found, path, page=page), True
    with closing(opened_database(path, is_copy=is_copy)) as database:
        if missing:  # else it is not opened at all
            database.execute("PRAGMA writable_schema = ON")
        faults = list(_read_rows(log, database))
    if missing:
        path.unlink()
    else:
        log.lost += [{"part": found.path, "message": fault} for fault in faults]


def _whole_pages(job: Job, found: Found, path: Path, *, page: int) -> Path:
    """Copy a database up to its last whole page: SQLite would take what is missing for zeros."""
    target = job.scratch / f"{found.sha256[:16]}.pages"
    shutil.copyfile(path, target)
    with target.open("r+b") as file:
        file.truncate(target.stat().st_size // page * page)
    return target


def _read_rows(log: Log, database: sqlite3.Connection) -> Iterator[str]:
    """Feed all messages to their topics; yield what is wrong with the database."""
    try:
        feeds = _feeds(log, database)
        rows = database.execute("SELECT topic_id, timestamp, data FROM messages ORDER BY id")
        for topic, time, data in rows:
            if topic in feeds and isinstance(data, bytes) and isinstance(time, int):
                feeds[topic](data, time, 0)
            else:
                yield f"a row of topic {topic!r} that is no message"
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            yield str(verdict)
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        yield str(error)


def _missing_bytes(path: Path) -> tuple[int, int]:
    """Return by how much a database is shorter than its header says, and the size of a page."""
    with path.open("rb") as file:
        head = file.read(HEADER)
    if len(head) < HEADER:
        return HEADER - len(head), HEADER
    page = int.from_bytes(head[16:18], "big")
    page = 65_536 if page == 1 else page
    is_valid = head[24:28] == head[92:96]  # else an old writer left the number as it was
    promised = page * int.from_bytes(head[28:32], "big") if is_valid else 0
    return max(0, promised - path.stat().st_size), max(page, 512)


def _feeds(log: Log, database: sqlite3.Connection) -> Mapping[int, Feed]:
    """Return what takes the messages of each topic."""
    names = {str(name) for (name,) in database.execute(TABLES)}
    if not {"topics", "messages"} <= names:
        if log.is_cut:
            return {}
        raise Refused("a database without messages of a bag", code="UNSUPPORTED_FORMAT")
    definitions: dict[str, tuple[str, str]] = {}
    if "message_definitions" in names:
        query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        definitions = {name: (how, text) for name, how, text in database.execute(query)}
    if "schema" in names and not log.distro:
        found: Any = database.execute("SELECT ros_distro FROM schema").fetchone()
        log.distro = found[0] if found and found[0] in DISTROS else ""
    feeds = {}
    query = "SELECT id, name, type, serialization_format FROM topics"
    for number, topic, type_name, form in database.execute(query):
        how, text = definitions.get(type_name, ("ros2msg", ""))
        said = Said(
            encoding=form,
            type_name=type_name,
            definition=text.encode(),
            definition_encoding=how,
        )
        feeds[number] = _unpacking(log, log.feed(topic, said))
    return feeds


READER = Reader(read=read, kinds=(DB3, PACKED_DB3, PACKED_MCAP), sniff=sniff, group=group)
