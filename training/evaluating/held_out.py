"""Windows that the run did not train on, spread over sources and clips.

The split is a clip's, given at export to all that share a file, a session or pictures: no frame of
a held-out window has a neighbour in the training windows. Every clip gives a window before one
gives two; which window of it is drawn from the seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from training.config import TrainConfig
from training.evaluating.plan import drawn
from training.loader import Asked, Batch, Feed, FeedSpec, lookback_of, windows_at, windows_in
from training.windows import Ints, Span, Windows

if TYPE_CHECKING:
    from training.gate import Cleared

SPLITS = ("val", "test", "train")  # the last only where nothing was held out


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """The windows of one measurement, read and decoded."""

    split: str
    batch: Batch
    sources: tuple[str, ...]  # of each window
    clips: tuple[str, ...]
    num_lost: int  # windows that could not be decoded

    @property
    def num_frames(self) -> int:
        """Frames of a window."""
        return int(self.batch.frames_BTHWC.shape[1])

    def of(self, chosen: Sequence[int]) -> HeldOut:
        """Some of the windows."""
        return replace(
            self,
            batch=windows_at(self.batch, np.array(chosen, np.int64)),
            sources=tuple(self.sources[one] for one in chosen),
            clips=tuple(self.clips[one] for one in chosen),
        )


def read_windows(  # noqa: PLR0913 - a draw is its set, its split, and how many of which length
    cleared: Cleared,
    config: TrainConfig,
    *,
    split: str,
    length: int,
    num: int,
    seed: int,
    video: bool = True,
) -> HeldOut | None:
    """`num` windows of `length` frames, with pictures if `video`; None where there is none."""
    windows = windows_in(cleared, length=length, stride=config.stride, split=split)
    kept = [one.row >= 0 and (not video or _has_video(cleared, one)) for one in windows.spans]
    chosen = np.sort(_chosen(windows, kept, num=num, seed=seed))
    if not len(chosen):
        return None
    spec = FeedSpec(
        decode_threads=config.decode_threads,
        lookback=lookback_of(config, cleared.manifest["render"]["fps"]),
    )
    feed = Feed(cleared, windows, spec)
    slots = np.arange(len(chosen), dtype=np.int64)
    try:
        batch = feed.read(Asked(step=0, slots=slots, windows=chosen, sequence=0))
    finally:
        feed.close()
    fine = np.flatnonzero((batch.weight_B > 0) & (batch.video_B | (not video)))
    spans = [windows.spans[at] for at in windows.locate(chosen)[0][fine]]
    return (
        HeldOut(
            split=split,
            batch=windows_at(batch, fine),
            sources=tuple(one.source_id for one in spans),
            clips=tuple(one.clip_id for one in spans),
            num_lost=len(chosen) - len(fine),
        )
        if len(fine)
        else None
    )


def longest(cleared: Cleared, split: str, *, clips: int) -> int:
    """Frames that at least `clips` clips with pictures have, or as many as there are."""
    windows = windows_in(cleared, length=1, stride=1, split=split)
    lengths = sorted(
        one.num_frames for one in windows.spans if one.row >= 0 and _has_video(cleared, one)
    )
    return lengths[-min(clips, len(lengths))] if lengths else 0


def _has_video(cleared: Cleared, span: Span) -> bool:
    return bool(cleared.index.column("media_sha256")[span.row].is_valid)


def _chosen(windows: Windows, kept: Sequence[bool], *, num: int, seed: int) -> Ints:
    places = sorted(_places(windows, kept, num=num, seed=seed))[:num]
    return np.array([one[-1] for one in places], np.int64)


def _places(
    windows: Windows, kept: Sequence[bool], *, num: int, seed: int
) -> Iterator[tuple[Any, ...]]:
    """(round, place of the clip in its source, source, window): rounds take every clip once."""
    firsts = windows.ends - np.diff(windows.ends, prepend=0)
    by_source: dict[str, list[int]] = {}
    for at, (span, fine) in enumerate(zip(windows.spans, kept, strict=True)):
        if fine and windows.ends[at] > firsts[at]:
            by_source.setdefault(span.source_id, []).append(at)
    for source, spans in by_source.items():
        ranks = drawn(seed, "clips", source).permutation(len(spans))
        for rank, at in zip(ranks.tolist(), spans, strict=True):
            if rank >= num:
                continue  # other clips of its source come before it
            span = windows.spans[at]
            own = drawn(seed, "windows", span.clip_id, span.camera)
            count = int(windows.ends[at] - firsts[at])
            for turn, window in enumerate(own.permutation(count)[:num].tolist()):
                yield turn, rank, source, int(firsts[at]) + window
