"""Our feed as PROTOCOL.md reads it: a set that passed the gate, digests and signals and all."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from licensing.manifest import public_of
from tests.benchmarks.feed_films import SIZE, Place
from tests.builders import NOW, SECRET, training_request
from training.gate import open_training_set
from training.loader import Asked, Feed, FeedSpec, windows_in
from training.loader.decoder import Decoder, Frames
from training.loader.packets import Group, Packets, Range, Want
from training.loader.proof import Proof

Window = tuple[int, int]  # clip, first frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A feed, the number of each film's first window, and what the gate took."""

    feed: Feed
    packets: Packets
    rows: Sequence[int]
    firsts: Sequence[int]
    length: int
    batch: int
    gate_s: float
    epoch: int  # windows at stride 2
    num_frames: int  # of each film
    films: Mapping[int, bytes]  # media by row
    decoder: Decoder
    frames: Frames  # of a batch

    def read(self, windows: Sequence[Window]) -> Iterator[tuple[Sequence[int], Any]]:
        """Read batch by batch."""
        for at in range(0, len(windows), self.batch):
            part = windows[at : at + self.batch]
            ids = np.array([self.firsts[clip] + first for clip, first in part], np.int64)
            asked = Asked(step=0, slots=np.arange(len(ids)), windows=ids, sequence=0)
            yield range(at, at + len(part)), self.feed.read(asked).frames_BTHWC

    def decode_alone(self, windows: Sequence[Window]) -> Iterator[tuple[Sequence[int], Any]]:
        """Decode and convert what `read` does, from memory: nothing read, proven or added."""
        for at in range(0, len(windows), self.batch):
            part = windows[at : at + self.batch]
            for (clip, first), out in zip(part, self.frames, strict=False):
                run = self._range_of((clip, first))
                raw = self.films[run.row][run.offset : run.offset + run.length]
                self.decoder.decode(self.packets.groups(run), raw, first=first, out_THWC=out)
            yield range(at, at + len(part)), self.frames[: len(part)]

    def proof(self, windows: Sequence[Window]) -> dict[str, float]:
        """Return what hashing and the gate cost, as shares of reading."""
        begun = time.process_time()
        for _ in self.read(windows):
            pass
        read_s = time.process_time() - begun
        epoch_s = read_s / len(windows) * self.epoch
        return {
            "hash_share": self._proving_s() / epoch_s,
            "gate_share": self.gate_s / epoch_s,
            "gate_s": self.gate_s,
            "window_bytes": sum(one.length for one, _ in self._read_for(windows)) / len(windows),
        }

    def _proving_s(self) -> float:
        """Processor seconds of proving what one epoch at stride 2 reads, in a drawn order."""
        firsts = range(0, self.num_frames - self.length + 1, 2)
        epoch = [(clip, first) for clip in range(len(self.rows)) for first in firsts]
        assert len(epoch) == self.epoch
        random.Random(0).shuffle(epoch)
        proof, spent = Proof(self.packets.num_groups), 0.0
        for at in range(0, len(epoch), self.batch):
            read = self._read_for(epoch[at : at + self.batch])
            begun = time.process_time()
            for group, raw in read:
                assert proof.holds(group.number, group.digest, raw)
            spent += time.process_time() - begun
        return spent

    def _range_of(self, window: Window) -> Range:
        clip, first = window
        return self.packets.range_of(Want(row=self.rows[clip], first=first, count=self.length))

    def _read_for(self, windows: Sequence[Window]) -> list[tuple[Group, memoryview]]:
        """The groups that these windows are decoded from, batch by batch, with their bytes."""
        found = []
        for at in range(0, len(windows), self.batch):
            ranges = map(self._range_of, windows[at : at + self.batch])
            runs, _ = self.packets.merged(list(ranges))
            for run in runs:
                raw = self.films[run.row][run.offset : run.offset + run.length]
                found += [
                    (one, memoryview(raw)[one.start : one.start + one.length])
                    for one in self.packets.groups(run)
                ]
        return found


def ours(place: Place, length: int, batch: int) -> Ours:
    """Open the gate and the feed."""
    begun = time.process_time()
    cleared = open_training_set(place.home, training_request(), keys=[public_of(SECRET)], now=NOW)
    gate_s = time.process_time() - begun
    windows = windows_in(cleared, length=length, stride=1)
    before = np.concatenate([[0], windows.ends[:-1]]).tolist()
    starts = {span.row: first for span, first in zip(windows.spans, before, strict=True)}
    media = cleared.index.column("media_sha256").to_pylist()
    rows = [media.index(hashlib.sha256(one.media).hexdigest()) for one in place.films]
    return Ours(
        feed=Feed(cleared, windows, FeedSpec(decode_threads=1)),
        packets=Packets(cleared.index),
        rows=rows,
        firsts=[starts[row] for row in rows],
        length=length,
        batch=batch,
        gate_s=gate_s,
        epoch=len(windows_in(cleared, length=length, stride=2)),
        num_frames=place.num_frames,
        decoder=Decoder(),
        frames=np.empty((batch, length, SIZE, SIZE, 3), np.uint8),
        films={row: one.media for row, one in zip(rows, place.films, strict=True)},
    )
