"""The messages of one topic, gathered in the order of the file and turned into one stream.

Numbers are gathered as float64 rows, what is not a number as text, pictures in a spool file, so
that memory holds no picture. When all messages are in, the topic chooses its clock, sorts by it,
and pictures are muxed into a track of their own without being encoded again.
"""

from __future__ import annotations

import base64
import binascii
import json
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.clocks import choose_clock
from pipelines.readers.indexing import index_of
from pipelines.readers.muxing import mux_images
from pipelines.readers.packets import walk
from pipelines.readers.reading import Refused, Track
from pipelines.readers.rows import numbers, words
from pipelines.records import Clock, Floats, Int64s, Stream

CODECS = (
    ("jpeg", "mjpeg"),
    ("jpg", "mjpeg"),
    ("png", "png"),
    ("webp", "webp"),
    ("h264", "h264"),
    ("h265", "hevc"),
    ("hevc", "hevc"),
)
LATEST_NS = 1 << 63
STAMPS = ("header.stamp", "stamp_ns", "timestamp", "stamp")


@dataclass(slots=True, kw_only=True)
class Topic:
    """What one topic has said so far."""

    name: str
    spool: Path
    stamp_field: str = ""
    codec: str = ""
    columns: dict[str, int] = field(default_factory=dict)
    rows: list[tuple[tuple[int, ...], array[float]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    has_words: bool = False
    images: list[tuple[int, int]] = field(default_factory=list)  # offset and size in the spool
    stamps: list[int] = field(default_factory=list)
    published: list[int] = field(default_factory=list)
    logged: list[int] = field(default_factory=list)

    @property
    def num_messages(self) -> int:
        """Messages gathered."""
        return len(self.logged)

    def add(self, doc: Mapping[str, Any], *, log_time: int, publish_time: int) -> None:
        """Take one decoded message."""
        self.logged.append(log_time)
        self.published.append(publish_time)
        stamp, path = stamp_of(doc, self.stamp_field)
        self.stamps.append(stamp)
        codec, data = _image(doc)
        if codec and (self.codec or not self.rows):
            self.codec = self.codec or codec
            self._spool(data)
            return
        rest = _without(doc, path)
        pairs = list(numbers(rest))
        where = tuple(self.columns.setdefault(name, len(self.columns)) for name, _ in pairs)
        if self.rows and self.rows[-1][0] == where:
            where = self.rows[-1][0]  # one tuple for all messages of one shape
        self.rows.append((where, array("d", [number for _, number in pairs])))
        left = words(rest)
        self.has_words = self.has_words or left is not None
        self.texts.append("null" if left is None else json.dumps(left, ensure_ascii=False))

    def add_raw(self, data: bytes, *, log_time: int, publish_time: int) -> None:
        """Take one message that nothing here can decode: its bytes are kept as they are."""
        doc = {"base64": base64.b64encode(data).decode()}
        self.add(doc, log_time=log_time, publish_time=publish_time)

    def stream(self, file_id: str, scratch: Path) -> tuple[Stream, Track | None]:
        """Return the topic as a stream, and the track that its pictures were muxed into."""
        chosen = choose_clock(
            {
                "stamp": np.array(self.stamps, np.int64),
                "publish": np.array(self.published, np.int64),
                "log": np.array(self.logged, np.int64),
            }
        )
        order = np.argsort(chosen.ts_ns, kind="stable")
        ts_ns = chosen.ts_ns[order]
        if self.images:
            return self._pictures(ts_ns, order, chosen.clock, scratch=scratch)
        values = self._values()[order]
        words_kept = self.has_words or not self.columns
        return Stream(
            name=self.name,
            kind="vector" if self.columns else "event",
            clock=chosen.clock,
            ts_ns=ts_ns,
            file_id=file_id,
            values=values if self.columns else None,
            channels=tuple(self.columns),
            events=tuple(self.texts[index] for index in order) if words_kept else None,
            num_messages=self.num_messages,
        ), None

    def _spool(self, data: bytes) -> None:
        with self.spool.open("ab") as file:
            self.images.append((file.tell(), file.write(data)))

    def _values(self) -> Floats:
        values = np.full((len(self.rows), len(self.columns)), np.nan)
        for number, (where, row) in enumerate(self.rows):
            values[number, list(where)] = row
        return values

    def _pictures(
        self, ts_ns: Int64s, order: Int64s, clock: Clock, *, scratch: Path
    ) -> tuple[Stream, Track | None]:
        track = mux_images(
            self._in_order(ts_ns, order),
            self.codec,
            scratch / f"{self.spool.name}.track",
            ts_ns=ts_ns,
        )
        self.spool.unlink()
        seen = walk(track.path).pictures[0]
        if len(seen.offsets) != len(self.images) or not seen.located:
            raise Refused(
                f"{self.name}: {len(self.images)} pictures, {len(seen.offsets)} in their track",
                code="CORRUPT",
                evidence={"topic": self.name},
            )
        seen.unit_pts = [int(time) for time in ts_ns]
        if seen.errors or seen.num_frames != len(self.images):
            raise Refused(
                f"{self.name}: {len(self.images)} pictures, {seen.num_frames} of them decode",
                code="CORRUPT",
                evidence={"topic": self.name, "errors": seen.errors[:1]},
            )
        return Stream(
            name=self.name,
            kind="video",
            clock=clock,
            ts_ns=ts_ns,
            file_id=track.track_id,
            index=index_of(seen, track.track_id, ts_ns),
            codec=seen.codec,
            width=seen.width,
            height=seen.height,
            pixels=seen.pixels,
            num_messages=len(self.images),
        ), track

    def _in_order(self, ts_ns: Int64s, order: Int64s) -> Iterator[tuple[int, bytes]]:
        with self.spool.open("rb") as file:
            for time_ns, number in zip(ts_ns, order, strict=True):
                offset, size = self.images[int(number)]
                file.seek(offset)
                yield int(time_ns), file.read(size)


def stamp_of(doc: Mapping[str, Any], field_name: str) -> tuple[int, str]:
    """Return the time in ns inside a message and the path it stands at; 0 when there is none."""
    for path in (field_name,) if field_name else STAMPS:
        value: Any = doc
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        time_ns = _stamp_ns(value, path)
        if time_ns is not None:
            return time_ns, path
    return 0, ""


def _stamp_ns(value: object, path: str) -> int | None:
    if isinstance(value, Mapping) and isinstance(value.get("sec"), int):
        stamp = value["sec"] * 10**9 + int(value.get("nanosec", value.get("nsec", 0)))
        return stamp if abs(stamp) < LATEST_NS else None
    if isinstance(value, int) and not isinstance(value, bool) and path.endswith("_ns"):
        return value if abs(value) < LATEST_NS else None
    return None


def _without(doc: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the message without what stands at `path`: its time is the stream's own."""
    if not path:
        return doc
    head, _, tail = path.partition(".")
    if not tail:
        return {key: value for key, value in doc.items() if key != head}
    return {**doc, head: _without(doc[head], tail)}


def _image(doc: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return the codec and the bytes of an image message, or nothing."""
    how, data = doc.get("format"), doc.get("data")
    if not isinstance(how, str) or not data or "compressedDepth" in how:
        return "", b""
    codec = next((codec for word, codec in CODECS if word in how.lower()), "")
    if not codec:
        return "", b""
    if isinstance(data, str):
        try:
            return codec, base64.b64decode(data, validate=True)
        except binascii.Error:
            return "", b""
    return codec, bytes(data)
