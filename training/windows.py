"""Windows of clips: which frames the number of a window means.

Clips stand in the order of (source, clip, camera), never of storage, so that compaction, a new
encoding or an erasure does not move a window's number. An erased clip stays as a tombstone: it
keeps its numbers, and the sampler skips them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSpec:
    """Length of a window and distance of two starts, in frames."""

    length: int
    stride: int


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Span:
    """One clip of one camera; `row` is its place in the index, -1 for a tombstone."""

    source_id: str
    clip_id: str
    camera: str
    num_frames: int
    row: int = -1


@dataclass(frozen=True, kw_only=True)  # no slots: it remembers its cumulative counts
class Windows:
    """All windows of the spans, numbered from 0."""

    spans: tuple[Span, ...]
    spec: WindowSpec

    @cached_property
    def ends(self) -> Ints:
        """Number of windows up to and with each span."""
        frames = np.array([span.num_frames for span in self.spans], dtype=np.int64)
        room = frames - self.spec.length
        counts = np.where(room >= 0, room // self.spec.stride + 1, 0)
        return np.cumsum(counts, dtype=np.int64)

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.spans) else 0

    def locate(self, windows: Ints) -> tuple[Ints, Ints]:
        """Span number and first frame of each window."""
        spans = np.searchsorted(self.ends, windows, side="right").astype(np.int64)
        before = np.concatenate([np.zeros(1, dtype=np.int64), self.ends])[spans]
        return spans, (windows - before) * self.spec.stride

    def by_source(self) -> dict[str, tuple[int, int]]:
        """First window and number of windows of each source, in order; empty sources left out."""
        found: dict[str, tuple[int, int]] = {}
        first = 0
        for span, end in zip(self.spans, self.ends.tolist(), strict=True):
            start, count = found.get(span.source_id, (first, 0))
            if end > first:
                found[span.source_id] = (start, count + end - first)
            first = end
        return found

    def dead(self, subjects: Iterable[str]) -> Bools:
        """True for windows that must not be delivered: tombstones, and revoked `subjects`.

        A subject is `source:ID` or `clip:ID`.
        """
        erased = np.array([span.row < 0 for span in self.spans], dtype=np.bool_)
        return self.named(subjects) | np.repeat(erased, np.diff(self.ends, prepend=0))

    def subjects(self, dead: frozenset[str]) -> tuple[str, ...]:
        """Tombstones and clips `dead` as subjects; a source that is gone whole is named as one."""
        dead = dead | {span.clip_id for span in self.spans if span.row < 0}
        clips: dict[str, set[str]] = {}
        for span in self.spans:
            clips.setdefault(span.source_id, set()).add(span.clip_id)
        whole = {name for name, ids in clips.items() if ids <= dead}
        single = {clip for name, ids in clips.items() if name not in whole for clip in ids & dead}
        return (
            *sorted(f"source:{one}" for one in whole),
            *sorted(f"clip:{one}" for one in single),
        )

    def named(self, subjects: Iterable[str]) -> Bools:
        """True for windows of `subjects` alone: what was delivered before it was erased counts."""
        gone = frozenset(subjects)
        spans = np.array(
            [
                f"source:{span.source_id}" in gone or f"clip:{span.clip_id}" in gone
                for span in self.spans
            ],
            dtype=np.bool_,
        )
        return np.repeat(spans, np.diff(self.ends, prepend=0))


def windows_of(
    rows: Iterable[Mapping[str, Any]],
    spec: WindowSpec,
    *,
    split: str = "train",
    tombstones: Sequence[Mapping[str, Any]] = (),
) -> Windows:
    """Number the windows of one split; `rows` are the index rows in storage order."""
    kept = [_span(row, place) for place, row in enumerate(rows) if row["split"] == split]
    erased = [_span(row, -1) for row in tombstones if row.get("split", split) == split]
    return Windows(spans=tuple(sorted([*kept, *erased])), spec=spec)


def _span(row: Mapping[str, Any], place: int) -> Span:
    return Span(
        source_id=row["source_id"],
        clip_id=row["clip_id"],
        camera=row.get("camera") or "",
        num_frames=row["num_frames"],
        row=place,
    )
