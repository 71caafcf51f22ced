"""Reader `mcap`: an MCAP log with JSON or ROS 2 (CDR) messages, one stream a topic.

The file is read from front to back, chunk by chunk, with every checksum checked: a log that was cut
off still gives what lies before the cut, and a flipped byte costs its chunk and is known. The
summary at the end is only used to compare counts.
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

from pipelines.readers.formats import Reader
from pipelines.readers.reading import Counted, Job, ReadResult, Refused, Track, duration
from pipelines.readers.topics import Topic
from pipelines.records import Found, Stream

if TYPE_CHECKING:
    from mcap.records import Channel, Chunk, McapRecord, Message, Schema

END = b"\x89MCAP0\r\n"
MAX_RECORD = 1 << 30
LATEST_NS = 1 << 63  # times are counted without a sign, and kept with one
UNREADABLE = (struct.error, ValueError, OverflowError)


@dataclass(slots=True, kw_only=True)
class Log:
    """What has been read of one file."""

    topics: dict[str, Topic] = field(default_factory=dict)
    schemas: dict[int, Schema] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    lost: list[dict[str, Any]] = field(default_factory=list)  # chunks and messages
    gaps: list[tuple[int, int]] = field(default_factory=list)
    promised: int = -1
    ended: str = ""

    @property
    def num_messages(self) -> int:
        """Messages read of all topics."""
        return sum(topic.num_messages for topic in self.topics.values())


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    log = _read_log(job, found)
    if not log.num_messages and not log.lost and not log.ended:
        raise Refused(f"{found.path}: no message in it", code="NO_CONTENT", subject=found.path)
    streams: list[Stream] = []
    tracks: list[Track] = []
    for topic in sorted(log.topics.values(), key=lambda each: each.name):
        stream, track = topic.stream(found.sha256, job.scratch)
        streams.append(stream)
        tracks += [track] if track else []
    partial = Counted(
        num_frames=sum(stream.num_frames for stream in streams),
        num_messages=log.num_messages,
        duration_ns=duration(streams),
        streams=tuple(stream.doc() for stream in streams),
    )
    _refuse_damage(log, job, found, partial=partial)
    facts = job.facts(found, partial)
    episode = job.episode(streams, gaps=log.gaps, notes=_notes(log))
    yield ReadResult(episodes=(episode,), tracks=tuple(tracks), files=(facts,))


def _read_log(job: Job, found: Found) -> Log:
    from mcap.exceptions import McapError
    from mcap.stream_reader import CRCValidationError

    log, decoder = Log(), _Decoder()
    with job.path(found).open("rb") as file:
        records = _records(file)
        while True:
            try:
                record = next(records)
            except StopIteration:
                return log
            except (McapError, CRCValidationError, *UNREADABLE) as error:
                log.ended = f"{type(error).__name__}: {error}".rstrip(": ")
                log.lost += [{"offset": file.tell()}] if "CRC" in log.ended else []
                return log
            _take(log, record, decoder, job=job)


def _records(file: BinaryIO) -> Iterator[McapRecord]:
    from mcap.stream_reader import StreamReader

    reader = StreamReader(file, emit_chunks=True, validate_crcs=True, record_size_limit=MAX_RECORD)
    yield from reader.records


def _take(log: Log, record: McapRecord, decoder: _Decoder, *, job: Job) -> None:
    """Take one record of the file; a chunk is opened, and lost as a whole if its sum is wrong."""
    from mcap.records import Channel, Chunk, Message, Schema, Statistics

    if isinstance(record, Chunk):
        for inner in _open_chunk(log, record):
            _take(log, inner, decoder, job=job)
    elif isinstance(record, Schema):
        log.schemas[record.id] = record
    elif isinstance(record, Channel):
        log.channels[record.id] = record
    elif isinstance(record, Message):
        _message(log, record, decoder, job=job)
    elif isinstance(record, Statistics):
        log.promised = record.message_count


def _open_chunk(log: Log, chunk: Chunk) -> list[McapRecord]:
    from mcap.exceptions import McapError, UnsupportedCompressionError
    from mcap.stream_reader import CRCValidationError, breakup_chunk
    from zstandard import ZstdError

    try:
        if chunk.uncompressed_size > MAX_RECORD:
            raise ValueError(f"{chunk.uncompressed_size} bytes in a chunk")
        return breakup_chunk(chunk, validate_crc=True)
    except UnsupportedCompressionError as error:
        raise Refused(str(error), code="UNSUPPORTED_CODEC") from error
    except (McapError, CRCValidationError, ZstdError, RuntimeError, *UNREADABLE) as error:
        # lz4 raises RuntimeError when a block does not open
        span = (chunk.message_start_time, chunk.message_end_time)
        log.lost.append({"chunk_ns": span, "message": str(error)})
        log.gaps.append((span[0], span[1] + 1))
        return []


def _message(log: Log, message: Message, decoder: _Decoder, *, job: Job) -> None:
    channel = log.channels.get(message.channel_id)
    if channel is None:
        log.lost.append({"channel": message.channel_id, "message": "a channel nobody declared"})
        return
    if max(message.log_time, message.publish_time) >= LATEST_NS:
        log.lost.append({"at_ns": message.log_time, "message": "a time that no clock shows"})
        return
    topic = log.topics.get(channel.topic)
    if topic is None:
        number = len(log.topics)
        topic = log.topics[channel.topic] = Topic(
            name=channel.topic,
            spool=job.scratch / f"{job.group.files[0].sha256[:16]}-{number}",
            stamp_field=str(job.config.get("stamp_field", "")),
        )
    times = {"log_time": message.log_time, "publish_time": message.publish_time}
    try:
        doc = decoder.decode(channel, log.schemas.get(channel.schema_id), message.data)
    except (ValueError, struct.error, IndexError) as error:
        log.lost.append({"topic": channel.topic, "at_ns": message.log_time, "message": str(error)})
        return
    if doc is None:
        topic.add_raw(message.data, **times)
    else:
        topic.add(doc, **times)


class _Decoder:
    """Decodes messages by the encoding of their channel; holds the compiled definitions."""

    def __init__(self) -> None:
        from mcap_ros2.decoder import DecoderFactory

        self._ros = DecoderFactory()

    def decode(self, channel: Channel, schema: Schema | None, data: bytes) -> dict[str, Any] | None:
        """Return the message as a document, or None when its encoding is not known."""
        if channel.message_encoding == "json":
            doc = json.loads(data)
            return doc if isinstance(doc, dict) else {"value": doc}
        read = self._ros.decoder_for(channel.message_encoding, schema)
        if read is None:
            return None
        doc = _plain(read(data))
        return doc if isinstance(doc, dict) else {"value": doc}


def _plain(value: object) -> object:
    """Return a decoded message as mappings and lists; bytes stay bytes."""
    if isinstance(value, SimpleNamespace):
        names = getattr(value, "__slots__", ()) or vars(value)
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, array):
        return value.tolist()
    return value


def _refuse_damage(log: Log, job: Job, found: Found, *, partial: Counted) -> None:
    missing = log.promised - log.num_messages if log.promised >= 0 else 0
    if job.config.get("accept_partial") or not (log.lost or log.ended or missing):
        return
    with job.path(found).open("rb") as file:
        file.seek(max(0, found.size_bytes - len(END)))
        has_end = file.read() == END
    raise Refused(
        f"{found.path}: {log.num_messages} messages read, then damaged",
        code="CORRUPT" if log.lost or not log.ended or has_end else "TRUNCATED",
        subject=found.path,
        way_out="set accept_partial in the source's config to keep what reads",
        evidence={
            "messages_read": log.num_messages,
            "messages_promised": log.promised,
            "lost": len(log.lost),
            "first_lost": log.lost[0] if log.lost else {},
            "ended": log.ended,
        },
        partial={found.path: partial},
    )


def _notes(log: Log) -> tuple[str, ...]:
    notes = [f"partial: {len(log.lost)} chunks or messages lost"] if log.lost else []
    return (*notes, *([f"partial: ended early, {log.ended}"] if log.ended else []))


READER = Reader(read=read, kinds=("mcap",))
