"""Reader `mcap`: an MCAP log, one stream a topic: ROS messages, protobuf, JSON, pictures.

Topics whose messages nothing here decodes are kept as bytes, message by message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.readers.formats import Reader
from pipelines.readers.logs import Feed, Log, Said
from pipelines.readers.mcap_records import Records
from pipelines.readers.reading import Job, ReadResult

if TYPE_CHECKING:
    from mcap.records import Channel, Schema

ENCODINGS = {
    "cdr": frozenset({"ros2msg", "ros2idl"}),
    "ros1": frozenset({"ros1msg"}),
    "protobuf": frozenset({"protobuf"}),
}


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    log = Log(job=job)
    read_messages(log, job.path(found))
    log.end_part(found)
    yield from log.results()


def read_messages(
    log: Log, path: Path, *, unpack: Callable[[Feed], Feed] = lambda feed: feed
) -> None:
    """Read the file at `path` into `log`; `unpack` stands before what takes each message."""

    def feed_of(channel: Channel, schema: Schema | None) -> Feed:
        return unpack(log.feed(channel.topic, _said(channel, schema)))

    records = Records(feed_of=feed_of)
    with path.open("rb") as file:
        records.read(file)
    log.lost += records.lost
    log.gaps += records.gaps
    log.ended = log.ended or records.ended
    log.promise(records.promised)


def _said(channel: Channel, schema: Schema | None) -> Said:
    """Return how messages are written; a schema of another kind than the encoding says nothing."""
    encoding = channel.message_encoding
    if encoding == "json":
        return Said(encoding=encoding)
    if schema is None or schema.encoding not in ENCODINGS.get(encoding, frozenset()):
        kind = f"{encoding} {schema.encoding}" if schema else encoding
        return Said(encoding=f"{kind} messages", type_name=schema.name if schema else "")
    return Said(
        encoding=encoding,
        type_name=schema.name,
        definition=schema.data,
        definition_encoding=schema.encoding,
    )


READER = Reader(read=read, kinds=("mcap",))
