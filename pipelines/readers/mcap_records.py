"""The records of an MCAP file, from front to back, every checksum checked.

The file is not trusted to have its end: what lies before a cut is read, and a chunk whose checksum
is wrong is lost as a whole, with its place and the number of messages that its index names. The
summary at the end is only used to compare counts.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from pipelines.readers.blocks import LARGEST, opened

if TYPE_CHECKING:
    from mcap.records import Channel, Schema

MAGIC = b"\x89MCAP0\r\n"
HEAD = struct.Struct("<BQ")
MESSAGE = struct.Struct("<HIQQ")
CHUNK = struct.Struct("<QQQI")
FOOT = struct.Struct("<QQI")
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE_OP, CHUNK_OP, INDEX, STATISTICS, DATA_END = (
    *(1, 2, 3, 4, 5, 6, 7, 11),
    15,
)
LATEST = 2**63 - 1  # ns; later times are not kept apart
Feed = Callable[[bytes, int, int], None]  # bytes of a message, log time, publish time
Record = TypeVar("Record")


@dataclass(slots=True, kw_only=True)
class Records:
    """One file: what it declares, and what was lost of it.

    `feed_of` is asked once a channel for what takes its messages.
    """

    feed_of: Callable[[Channel, Schema | None], Feed]
    feeds: dict[int, Feed] = field(default_factory=dict)
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    lost: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    promised: int = -1
    ended: str = ""

    def read(self, file: BinaryIO) -> None:
        """Read the whole file; its messages go to their feeds."""
        checked, lost_chunk = zlib.crc32(file.read(len(MAGIC))), False
        try:
            for opcode, offset, head, payload in _framed(file):
                if opcode == INDEX and lost_chunk:
                    self.lost[-1]["messages"] += (len(payload) - 6) // 16
                elif opcode not in {INDEX, DATA_END, FOOTER}:
                    lost_chunk = not self._take(opcode, payload, offset)
                checked = self._checked(checked, (opcode, offset, head, payload))
        except (EOFError, struct.error, ValueError) as error:
            self.ended = f"{error}"
        if self.ended and _ends_well(file):  # not cut off: a length or a record is wrong
            self.lost.append({"message": self.ended})

    def _take(self, opcode: int, payload: bytes, offset: int) -> bool:
        """Take one record; say whether it could be read. A chunk is lost as a whole."""
        from mcap.records import Statistics

        if opcode == CHUNK_OP:
            return self._open(payload, offset)
        if opcode == STATISTICS:
            self.promised = _parsed(Statistics.read, payload).message_count
        else:
            self._inner(opcode, payload)
        return True

    def _open(self, payload: bytes, offset: int) -> bool:
        """Read the records of a chunk."""
        start_ns, end_ns, size, crc = CHUNK.unpack_from(payload)
        at = CHUNK.size
        (length,) = struct.unpack_from("<I", payload, at)
        compression = payload[at + 4 : at + 4 + length].decode("utf-8", "replace")
        try:
            data = opened(compression, payload[at + 12 + length :], size)
            if crc and zlib.crc32(data) != crc:
                raise ValueError("its checksum is wrong")  # noqa: TRY301 - one way to lose a chunk
        except ValueError as error:
            lost = {"offset": offset, "messages": 0, "chunk_ns": (start_ns, end_ns)}
            self.lost.append({**lost, "message": str(error)})
            self.gaps.append((start_ns, end_ns + 1))
            return False
        at = 0
        while at < len(data):
            opcode, length = HEAD.unpack_from(data, at)
            at += HEAD.size + length
            if at > len(data):
                raise ValueError("a record that is longer than its chunk")
            self._inner(opcode, data[at - length : at])
        return True

    def _inner(self, opcode: int, record: bytes) -> None:
        """Take a record that may stand in a chunk."""
        from mcap.records import Channel, Schema

        if opcode == MESSAGE_OP:
            number, _, log_time, publish_time = MESSAGE.unpack_from(record)
            if number not in self.feeds:
                self._open_feed(number)
            body = record[MESSAGE.size :]
            self.feeds[number](body, min(log_time, LATEST), min(publish_time, LATEST))
        elif opcode == SCHEMA:
            schema = _parsed(Schema.read, record)
            self.schemas[schema.id] = schema
        elif opcode == CHANNEL:
            channel = _parsed(Channel.read, record)
            self.channels[channel.id] = channel

    def _open_feed(self, number: int) -> None:
        channel = self.channels.get(number)
        if channel is None:
            self.feeds[number] = self._undeclared
        else:
            self.feeds[number] = self.feed_of(channel, self.schemas.get(channel.schema_id))

    def _undeclared(self, data: bytes, log_time: int, _: int) -> None:
        what = f"{len(data)} bytes of a channel nobody declared"
        self.lost.append({"at_ns": log_time, "message": what})

    def _checked(self, checked: int, record: tuple[int, int, bytes, bytes]) -> int:
        """Go on with the checksum of the section; compare it at its end."""
        opcode, offset, head, payload = record
        if opcode == DATA_END:
            (told,) = struct.unpack_from("<I", payload)
            self._compare("data section", told, checked, offset=offset)
            return zlib.crc32(b"")
        if opcode == FOOTER:
            told = FOOT.unpack_from(payload)[2]
            found = zlib.crc32(payload[: FOOT.size - 4], zlib.crc32(head, checked))
            self._compare("summary", told, found, offset=offset)
        return zlib.crc32(payload, zlib.crc32(head, checked))

    def _compare(self, what: str, told: int, found: int, *, offset: int) -> None:
        if told and told != found:
            self.lost.append({"offset": offset, "message": f"the checksum of the {what} is wrong"})


def _framed(file: BinaryIO) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield (opcode, offset, head, payload) of each record up to the footer."""
    while True:
        offset = file.tell()
        head = file.read(HEAD.size)
        if len(head) < HEAD.size:
            raise EOFError(f"no footer before the end at byte {offset + len(head)}")
        opcode, length = HEAD.unpack(head)
        if length > LARGEST or (offset == len(MAGIC) and opcode != HEADER):
            raise ValueError(f"record {opcode} of {length} bytes at byte {offset}")
        payload = file.read(length)
        if len(payload) < length:
            raise EOFError(f"{len(payload)} of {length} bytes of the record at byte {offset}")
        yield opcode, offset, head, payload
        if opcode == FOOTER:
            _refuse_other_end(file)
            return


def _refuse_other_end(file: BinaryIO) -> None:
    """The mark stands behind the footer, and nothing behind the mark."""
    if file.read(len(MAGIC)) != MAGIC:
        raise EOFError("no mark after the footer")
    if file.read(1):
        raise ValueError(f"bytes behind the end at byte {file.tell() - 1}")


def _ends_well(file: BinaryIO) -> bool:
    """Say whether the mark stands at the end, and not only at the start."""
    end = file.seek(-len(MAGIC), io.SEEK_END)
    return end > 0 and file.read() == MAGIC


def _parsed(read: Callable[[Any], Record], payload: bytes) -> Record:
    from mcap.data_stream import ReadDataStream
    from mcap.exceptions import McapError

    try:
        return read(ReadDataStream(io.BytesIO(payload)))
    except McapError as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
