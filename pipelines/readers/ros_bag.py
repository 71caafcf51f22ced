"""Reader `ros_bag`: a ROS 1 bag (format 2.0), one stream a topic.

The file is read from front to back. A bag that was not closed, or was cut off, gives what lies
before its end; a chunk that does not open is lost with as many messages as its index names. The
index at the end is only used to compare counts: bags carry no checksums.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from pipelines.readers.blocks import LARGEST, opened
from pipelines.readers.definitions import md5_of
from pipelines.readers.formats import Reader
from pipelines.readers.logs import Feed, Log, Said
from pipelines.readers.reading import Job, ReadResult, Refused

MAGIC = b"#ROSBAG V2.0\n"
MESSAGE, BAG, INDEX, CHUNK, CHUNK_INFO, CONNECTION = 2, 3, 4, 5, 6, 7
ANY_MD5 = "*"
Header = Mapping[bytes, bytes]


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    log = Log(job=job)
    bag = _Bag(log=log, name=found.path)
    with job.path(found).open("rb") as file:
        bag.read(file, found.size_bytes)
    log.promise(bag.promised)
    log.end_part(found)
    yield from log.results()


@dataclass(slots=True, kw_only=True)
class _Bag:
    """One bag while it is read."""

    log: Log
    name: str
    feeds: dict[int, Feed] = field(default_factory=dict)
    doubtful: dict[int, tuple[Header, Header]] = field(default_factory=dict)  # another md5
    index_at: int = 0
    num_chunks: int = 0
    infos: list[int] = field(default_factory=list)  # messages of each chunk, as the end says
    lost_chunk: bool = False

    @property
    def promised(self) -> int:
        """How many messages the end of the bag names, -1 when it is not there."""
        return sum(self.infos) if self.index_at and len(self.infos) == self.num_chunks else -1

    def read(self, file: BinaryIO, size: int) -> None:
        """Read all records of the file."""
        offset = len(file.readline(64))
        try:
            while offset < size:
                header, data = _record(file)
                self._take(header, data, offset)
                offset = file.tell()
                if _op(header) == BAG and self.index_at < size:
                    self._declare(file)
                    file.seek(offset)
        except (EOFError, struct.error, ValueError) as error:
            self.log.ended = str(error)
            if offset < self.index_at < size:  # the end is there: this is no cut
                self.log.lost.append({"offset": offset, "message": str(error)})
        if not self.log.ended and self.promised < 0:
            self.log.ended = "no index at the end: the bag was not closed, or was cut off"

    def _take(self, header: Header, data: bytes, offset: int) -> None:
        op = _op(header)
        if op == CHUNK:
            self.lost_chunk = not self._open(header, data, offset)
        elif op == INDEX and self.lost_chunk:
            self._count_lost(data)
        elif op == CHUNK_INFO:
            counts = struct.unpack(f"<{len(data) // 4}I", data)
            self.infos.append(sum(counts[1::2]))
        elif op == BAG:
            self._begin(header)
        elif op in {MESSAGE, CONNECTION}:
            self._inner(op, header, data)

    def _begin(self, header: Header) -> None:
        if header.get(b"encryptor"):
            raise Refused(
                f"{self.name}: encrypted with {header[b'encryptor'].decode('utf-8', 'replace')}",
                code="ENCRYPTED",
                subject=self.name,
            )
        self.index_at = _number(header, b"index_pos", "<Q")
        self.num_chunks = _number(header, b"chunk_count", "<I")

    def _declare(self, file: BinaryIO) -> None:
        """Read the connections at the end: the chunk that declares one first may be lost."""
        file.seek(self.index_at)
        try:
            header, data = _record(file)
            while _op(header) == CONNECTION:
                self._inner(CONNECTION, header, data)
                header, data = _record(file)
        except (EOFError, struct.error, ValueError):
            return  # the records are read again in their turn

    def _open(self, header: Header, data: bytes, offset: int) -> bool:
        """Read the records of a chunk; say whether it could be opened."""
        compression = header.get(b"compression", b"").decode("utf-8", "replace")
        try:
            plain = opened(compression, data, _number(header, b"size", "<I"))
        except ValueError as error:
            self.log.lost.append({"offset": offset, "messages": 0, "message": str(error)})
            return False
        at = 0
        try:
            while at < len(plain):
                inner, body, at = _record_in(plain, at)
                self._inner(_op(inner), inner, body)
        except (struct.error, ValueError) as error:
            self.log.lost.append({"offset": offset, "message": str(error)})
        return True

    def _count_lost(self, data: bytes) -> None:
        """Add what the index of a lost chunk names: its messages and the span they are in."""
        entries = list(struct.iter_unpack("<III", data))
        lost: dict[str, Any] = dict(self.log.lost[-1])
        self.log.lost[-1] = {**lost, "messages": lost["messages"] + len(entries)}
        times = [sec * 10**9 + nanosec for sec, nanosec, _ in entries]
        if times:
            self.log.gaps.append((min(times), max(times) + 1))

    def _inner(self, op: int, header: Header, data: bytes) -> None:
        """Take a record that stands in a chunk, or by itself."""
        if op == CONNECTION:
            number = _number(header, b"conn", "<I")
            self._connect(number, header, _fields(data))
        elif op == MESSAGE:
            number, time = _number(header, b"conn", "<I"), _number(header, b"time", "<Q")
            log_time = (time & 0xFFFFFFFF) * 10**9 + (time >> 32)
            if number in self.doubtful:
                self.feeds[number] = self._feed(*self.doubtful.pop(number))
            if number in self.feeds:
                self.feeds[number](data, log_time, 0)
            else:
                what = f"{len(data)} bytes of a connection nobody declared"
                self.log.lost.append({"at_ns": log_time, "message": what})

    def _connect(self, number: int, header: Header, told: Header) -> None:
        """Take what a connection says; of its two copies the one whose md5 fits."""
        if number in self.feeds:
            return
        if _fits(told):
            self.doubtful.pop(number, None)
            self.feeds[number] = self._feed(header, told)
        else:
            self.doubtful.setdefault(number, (header, told))

    def _feed(self, header: Header, told: Header) -> Feed:
        topic = header.get(b"topic", told.get(b"topic", b"")).decode("utf-8", "replace")
        name = told.get(b"type", b"").decode("utf-8", "replace")
        definition = told.get(b"message_definition", b"")
        md5 = told.get(b"md5sum", b"").decode("utf-8", "replace")
        own = md5_of(name, definition.decode("utf-8", "replace"))
        if own and md5 not in {own, ANY_MD5}:
            self.log.notes.append(f"{topic}: the definition of {name} has md5 {own}, not {md5}")
        return self.log.feed(topic, Said(encoding="ros1", type_name=name, definition=definition))


def _fits(told: Header) -> bool:
    """Say whether the definition of a connection is the one that its md5 names."""
    name, text, md5 = (
        told.get(key, b"").decode("utf-8", "replace")
        for key in (b"type", b"message_definition", b"md5sum")
    )
    return md5 in {md5_of(name, text), ANY_MD5}


def _record(file: BinaryIO) -> tuple[Header, bytes]:
    header = _fields(_sized(file))
    return header, _sized(file)


def _sized(file: BinaryIO) -> bytes:
    head = file.read(4)
    size = int.from_bytes(head, "little")
    if len(head) < 4:
        raise EOFError(f"cut off at byte {file.tell()}")
    if size > LARGEST:
        raise ValueError(f"a length of {size} before byte {file.tell()}")
    data = file.read(size)
    if len(data) < size:
        raise EOFError(f"{len(data)} of {size} bytes before byte {file.tell()}")
    return data


def _record_in(data: bytes, at: int) -> tuple[Header, bytes, int]:
    """Return the record at `at` of an open chunk, and where the next one is."""
    parts = []
    for _ in range(2):
        (size,) = struct.unpack_from("<I", data, at)
        at += 4 + size
        if at > len(data):
            raise ValueError("a record that is longer than its chunk")
        parts.append(data[at - size : at])
    return _fields(parts[0]), parts[1], at


def _fields(data: bytes) -> Header:
    """Return the `name=value` fields of a header."""
    fields, at = {}, 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        at += 4 + size
        name, mark, value = data[at - size : at].partition(b"=")
        if not mark or at > len(data):
            raise ValueError("a header that is none")
        fields[name] = value
    return fields


def _op(header: Header) -> int:
    return header[b"op"][0] if header.get(b"op") else 0


def _number(header: Header, name: bytes, kind: str) -> int:
    value = header.get(name, b"")
    if len(value) != struct.calcsize(kind):
        raise ValueError(f"a header without {name.decode()}")
    return int(struct.unpack(kind, value)[0])


READER = Reader(read=read, kinds=("ros bag",))
