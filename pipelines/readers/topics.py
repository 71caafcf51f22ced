"""The messages of one topic, gathered in the order of the file and turned into one stream.

Numbers are gathered as float64 columns, what is neither number nor bytes as text; bytes and
pictures go into a spool file, so that memory holds none. Messages of ROS are decoded many at a
time. When all are in, the topic chooses its clock and sorts by it; a topic of pictures becomes a
video track, and bytes that nothing decodes lie in a track of their own, message by message.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.clocks import choose_clock
from pipelines.readers.columns import Columns, nested, numbers_of, stamp_column, texts_of
from pipelines.readers.pictured import Look, lacks_picture, picture_in, stands_alone
from pipelines.readers.shots import Told, Units, as_raw_track, as_track, laid_out, without_blanks
from pipelines.readers.stamps import paths_of, stamp_of, without
from pipelines.readers.wire import BYTES, Alike, Broken, Wire, alike, fits, layout_of, value_of
from pipelines.records import Clock, Int64s, Stream

BATCH, BATCH_BYTES = 4_096, 8 << 20
PICTURE_FIELDS = ({"format", "data"}, {"encoding", "width", "height", "data"})


def _longs() -> array[int]:
    return array("q")


@dataclass(slots=True, kw_only=True)
class Topic:
    """What one topic has said so far."""

    name: str
    spool: Path
    stamp_field: str = ""
    stamp_unit: str = ""
    clock: str = ""  # what its source asks for; "" for the most trusted one
    wire: Wire | None = None
    is_stamped: bool = False  # some message has a field for its time
    is_guess: bool = False  # the definition is one that was chosen, not the log's own
    columns: Columns = field(init=False)
    split: Callable[[Look], Topic | None] | None = None  # takes pictures of another look
    looks: dict[Look | None, int] = field(default_factory=dict)  # how often each was seen
    blanks: array[int] = field(default_factory=_longs)  # rows of pictures that are not there
    offsets: array[int] = field(default_factory=_longs)  # in the spool, once anything is in it
    sizes: array[int] = field(default_factory=_longs)
    stamps: array[int] = field(default_factory=_longs)
    published: array[int] = field(default_factory=_longs)
    logged: array[int] = field(default_factory=_longs)
    pending: list[tuple[bytes, int, int]] = field(default_factory=list)
    pending_bytes: int = 0
    lost: list[Mapping[str, Any]] = field(default_factory=list)
    ts_ns: Int64s = field(default_factory=lambda: np.zeros(0, np.int64))  # in the file's order

    def __post_init__(self) -> None:
        self.columns = Columns(self.spool.parent)

    @property
    def num_messages(self) -> int:
        """Messages gathered."""
        return len(self.logged) + len(self.pending)

    def add(self, doc: Mapping[str, Any], *, log_time: int, publish_time: int) -> None:
        """Take one decoded message."""
        picture = picture_in(doc)
        look, payload = picture or (None, b"")
        other = self._other(look, payload)
        if other:
            other.add(doc, log_time=log_time, publish_time=publish_time)
            return
        if not picture and lacks_picture(doc):
            self.blanks.append(len(self.logged))
        stamp, path = stamp_of(doc, self.stamp_field, self.stamp_unit)
        self.is_stamped = self.is_stamped or bool(path)
        rest = without(doc, path)
        if picture:
            rest = {**rest, "data": f"{len(payload)} bytes"}
        else:
            kept: list[bytes] = []
            rest, payload = _bytes_apart(rest, kept), b"".join(kept)
        self.columns.add(rest)
        self.looks[look] = self.looks.get(look, 0) + 1
        self._note(stamp, log_time, publish_time)
        self._spool([payload])

    def add_raw(self, data: bytes, *, log_time: int, publish_time: int) -> None:
        """Take one message that nothing here can decode: its bytes are kept as they are."""
        self.add({"message": data}, log_time=log_time, publish_time=publish_time)

    def add_wire(self, data: bytes, log_time: int, publish_time: int) -> None:
        """Take one message of ROS as it was written."""
        self.pending.append((data, log_time, publish_time))
        self.pending_bytes += len(data)
        if len(self.pending) >= BATCH or self.pending_bytes >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Decode the messages that wait."""
        if not self.pending:
            return
        pending, self.pending, self.pending_bytes = self.pending, [], 0
        if self.wire and self.is_guess and not self.logged and not fits(pending[0][0], self.wire):
            self.wire = None
        if self.wire is None:
            for data, log_time, publish_time in pending:
                self.add_raw(data, log_time=log_time, publish_time=publish_time)
        elif any(self.wire.says(names) for names in PICTURE_FIELDS):
            for data, log_time, publish_time in pending:
                self._add_one(data, self.wire, log_time=log_time, publish_time=publish_time)
        else:
            self._add_batch(pending, self.wire)

    def stream(self, file_id: str) -> Told:
        """Return what the topic became."""
        self.flush()
        every = {"stamp": self.stamps, "publish": self.published, "log": self.logged}
        times = {kind: np.frombuffer(told, np.int64) for kind, told in every.items()}
        if not times["publish"].any():  # the format has none
            del times["publish"]
        chosen = choose_clock(times, asked=self.clock)
        self.ts_ns = chosen.ts_ns
        order = np.argsort(chosen.ts_ns, kind="stable")
        ts_ns = chosen.ts_ns[order]
        units = Units(
            path=self.spool,
            offsets=_in_order(self.offsets, order),
            sizes=_in_order(self.sizes, order),
        )
        told = self._pictures(units, order, clock=chosen.clock)
        if told:
            return told
        track, index = laid_out(units, ts_ns) if self.spool.exists() else (None, None)
        values, names = self.columns.table(order), tuple(self.columns.names)
        words_kept = self.columns.has_words or not names
        stream = Stream(
            name=self.name,
            kind="vector" if names else "event",
            clock=chosen.clock,
            ts_ns=ts_ns,
            file_id=track.track_id if track else file_id,
            values=values if names else None,
            channels=names,
            events=self.columns.texts_in(order) if words_kept else None,
            index=index,
            num_messages=len(ts_ns),
        )
        return Told(stream=stream, track=track)

    @property
    def look(self) -> Look | None:
        """What all messages show, but for those without a picture; None where it is no picture."""
        seen = [look for look in self.looks if look]
        return seen[0] if len(seen) == 1 and self.looks.get(None, 0) == len(self.blanks) else None

    def _other(self, look: Look | None, data: bytes) -> Topic | None:
        """Return the topic that takes pictures of this look, where it is not this one."""
        if not look or not self.split or not self.look or look == self.look:
            return None
        return self.split(look) if stands_alone(look, data) else None

    def _pictures(self, units: Units, order: Int64s, *, clock: Clock) -> Told | None:
        """Return the topic as pictures; None when it is none."""
        look, ts_ns = self.look, self.ts_ns[order]
        if not look:
            return None
        blank = np.isin(order, np.frombuffer(self.blanks, np.int64)) if self.blanks else None
        kept = units
        if blank is not None:
            kept = Units(path=units.path, offsets=units.offsets[~blank], sizes=units.sizes[~blank])
        make = as_raw_track if look.codec == "rawvideo" else as_track
        there = ts_ns if blank is None else ts_ns[~blank]
        told = make(self.name, look, kept, ts_ns=there, clock=clock)
        if told is None or blank is None:
            return told
        return without_blanks(told, np.flatnonzero(blank), ts_ns)

    def _note(self, stamp: int, log_time: int, publish_time: int) -> None:
        self.stamps.append(stamp)
        self.logged.append(log_time)
        self.published.append(publish_time)

    def _spool(self, payloads: list[bytes]) -> None:
        """Keep the bytes of the messages that were added last."""
        is_empty = not any(payloads)
        if is_empty and not self.sizes:
            return
        before = len(self.columns.texts) - len(payloads) - len(self.sizes)
        self.offsets.extend([0] * before)
        self.sizes.extend([0] * before)
        if is_empty:
            at = self.offsets[-1] + self.sizes[-1] if self.offsets else 0
            self.offsets.extend([at] * len(payloads))
            self.sizes.extend([0] * len(payloads))
            return
        with self.spool.open("ab") as file:
            for payload in payloads:
                self.offsets.append(file.tell())
                self.sizes.append(file.write(payload))

    def _add_one(self, data: bytes, wire: Wire, *, log_time: int, publish_time: int) -> None:
        try:
            layout = layout_of(data, wire)
        except ValueError as error:
            self.lose(str(error), log_time)
            return
        doc = nested((leaf.path, value_of(data, leaf)) for leaf in layout.leaves)
        self.add(doc, log_time=log_time, publish_time=publish_time)

    def _add_batch(self, pending: list[tuple[bytes, int, int]], wire: Wire) -> None:
        """Decode a batch, layout by layout; its messages stay in the order of the file."""
        batch = [data for data, _, _ in pending]
        groups: list[Alike] = []
        whole = np.ones(len(batch), np.bool_)
        for group in alike(batch, wire):
            if isinstance(group, Broken):
                whole[group.row] = False
                self.lose(group.why, pending[group.row][1])
            else:
                groups.append(group)
        start, place = len(self.columns.texts), np.cumsum(whole) - 1
        stamps = np.zeros(len(batch), np.int64)
        texts = [""] * len(batch)
        payloads = [b""] * len(batch)
        declared = self.stamp_unit if self.stamp_field else None
        for group in groups:
            stamps[group.rows], bare = stamp_column(group, paths_of(self.stamp_field), declared)
            self.is_stamped = self.is_stamped or bool(bare)
            names, values, inexact = numbers_of(group, bare)
            self.columns.add_block(start + place[group.rows], names, values)
            for row, text in zip(group.rows, texts_of(group, inexact), strict=True):
                texts[row] = text
            for row, payload in _payloads(group):
                payloads[row] = payload
        kept = np.flatnonzero(whole).tolist()
        self.columns.add_texts([texts[row] for row in kept])
        self._spool([payloads[row] for row in kept])
        self.looks[None] = self.looks.get(None, 0) + len(kept)
        self.stamps.extend(stamps[kept].tolist())
        self.logged.extend(pending[row][1] for row in kept)
        self.published.extend(pending[row][2] for row in kept)

    def lose(self, why: str, log_time: int) -> None:
        """Note a message that cannot be decoded."""
        self.lost.append({"topic": self.name, "at_ns": log_time, "message": why})


def _in_order(told: array[int], order: Int64s) -> Int64s:
    """Return what is noted of each message; 0 of all where nothing is."""
    return np.frombuffer(told, np.int64)[order] if told else np.zeros(len(order), np.int64)


def _bytes_apart(value: Any, kept: list[bytes]) -> Any:  # noqa: ANN401 - any part of a document
    """Return a document with the bytes in it put aside, and how many there were in their place."""
    if isinstance(value, bytes | bytearray):
        kept.append(bytes(value))
        return f"{len(value)} bytes"
    if isinstance(value, Mapping):
        return {key: _bytes_apart(each, kept) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_bytes_apart(each, kept) for each in value]
    return value


def _payloads(group: Alike) -> list[tuple[int, bytes]]:
    """Return the bytes in each message of the group that are not decoded."""
    spots = [leaf for leaf in group.layout.leaves if leaf.kind == BYTES]
    if not spots:
        return []
    parts = [group.table[:, leaf.at : leaf.at + leaf.size] for leaf in spots]
    joined = np.concatenate(parts, axis=1)
    return [(int(row), data.tobytes()) for row, data in zip(group.rows, joined, strict=True)]
