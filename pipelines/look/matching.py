"""Match the episodes of a batch with every episode that was looked at before, in all sources.

In: which episodes are new, and the version of each source's figures. Out: pairs. Runs on workers;
each keeps the index of the hashes that it read last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from catalog.clips import EpisodeRow
from catalog.duplicates import COPIES, Pair, Place, joined
from pipelines.lake.datasets import dataset_uri
from pipelines.look.copies import Index, Likeness, Series, build_index, likenesses
from pipelines.look.reading import read_seen, read_series
from pipelines.pictures.rows import HASH_NS

TIMING_NS = 2_000_000  # containers round times to a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """All figures of the lake at one instant, and the source whose episodes are matched."""

    lake: str
    source_id: str
    versions: tuple[tuple[str, int], ...]  # of frames.lance, by source
    new: frozenset[str]  # the episodes of the batch


def match_episodes(stored: Stored, episode_ids: Sequence[str]) -> tuple[Pair, ...]:
    """Return what some new episodes share with others; runs in a worker."""
    index = _index(stored.lake, stored.versions)
    wanted = frozenset(episode_ids)
    return tuple(
        pair
        for one in index.series
        if one.source_id == stored.source_id and one.episode_id in wanted
        for pair in _pairs_of(one, index, stored)
    )


def equal_files(new: Iterable[EpisodeRow], all_episodes: Iterable[EpisodeRow]) -> Iterator[Pair]:
    """Yield the pairs of a new episode and another that is read from the same bytes."""
    by_files: dict[tuple[tuple[str, ...], int, int], list[EpisodeRow]] = {}
    for one in all_episodes:
        by_files.setdefault((one.files, one.start_ns, one.end_ns), []).append(one)
    for one in new:
        for other in by_files.get((one.files, one.start_ns, one.end_ns), ()):
            if other.episode_id != one.episode_id:
                yield Pair(one=_whole(one), other=_whole(other), kind="bytes")


def needed(found: Iterable[Pair], known: Iterable[Pair]) -> list[Pair]:
    """Return the pairs that tell something new: the surest first, one for each group joined.

    A thousand copies of one recording are a thousand pairs, not half a million.
    """
    order = {kind: place for place, kind in enumerate((*COPIES, "suspect"))}
    before = list(known)
    copies = _Groups(pair.episodes for pair in before if pair.kind in COPIES)
    alike = _Groups(pair.episodes for pair in before)
    kept = []
    for pair in sorted(found, key=lambda each: (order[each.kind], each.distance, each.episodes)):
        groups = copies if pair.kind in COPIES else alike
        if groups.join(*pair.episodes):
            alike.join(*pair.episodes)
            kept.append(pair)
    return kept


def _pairs_of(one: Series, index: Index, stored: Stored) -> Iterator[Pair]:
    for number in _by_digest(stored.lake, stored.versions)[one.digest, one.count]:
        other = index.series[number]
        if _is_earlier(other, one, stored) and _same_times(stored.lake, one, other):
            yield _pair(one, other, kind="decoded")
    for like in likenesses(one, index):
        other = index.series[like.other]
        if _is_earlier(other, one, stored):
            yield _pair(one, other, kind=like.kind, like=like)


class _Groups:
    """Groups of episodes that grow pair by pair."""

    def __init__(self, edges: Iterable[tuple[str, str]]) -> None:
        self._first = joined(edges)
        self._members: dict[str, list[str]] = {}
        for episode_id, first in self._first.items():
            self._members.setdefault(first, []).append(episode_id)

    def join(self, one: str, other: str) -> bool:
        """Join two episodes; say whether they were apart."""
        for episode_id in (one, other):
            if episode_id not in self._first:
                self._first[episode_id], self._members[episode_id] = episode_id, [episode_id]
        keep, gone = sorted(
            (self._first[one], self._first[other]), key=lambda each: -len(self._members[each])
        )
        if keep == gone:
            return False
        for episode_id in self._members[gone]:
            self._first[episode_id] = keep
        self._members[keep] += self._members.pop(gone)
        return True


@lru_cache(maxsize=1)
def _index(lake: str, versions: tuple[tuple[str, int], ...]) -> Index:
    return build_index(
        [one for source_id, version in versions for one in read_series(lake, source_id, version)]
    )


@lru_cache(maxsize=1)
def _by_digest(
    lake: str, versions: tuple[tuple[str, int], ...]
) -> Mapping[tuple[str, int], tuple[int, ...]]:
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for number, one in enumerate(_index(lake, versions).series):
        key = (one.digest, one.count)
        found[key] = (*found.get(key, ()), number)
    return found


def _is_earlier(other: Series, one: Series, stored: Stored) -> bool:
    """Whether `other` was there before `one`: in one batch, the episode of the lower id."""
    if other.episode_id == one.episode_id:
        return False
    both_new = other.source_id == stored.source_id and other.episode_id in stored.new
    return not both_new or other.episode_id < one.episode_id


def _same_times(lake: str, one: Series, other: Series) -> bool:
    """Whether the pictures of both follow one another at the same pace."""
    times = []
    for each in (one, other):
        uri = dataset_uri(lake, each.source_id, "frames")
        ts_ns = read_seen(uri, [each.episode_id])[each.episode_id, each.stream].ts_ns
        times.append(ts_ns - ts_ns[0])
    return len(times[0]) == len(times[1]) and bool((np.abs(times[0] - times[1]) <= TIMING_NS).all())


def _pair(one: Series, other: Series, *, kind: str, like: Likeness | None = None) -> Pair:
    """Return the pair of two series that are equal, or of the parts of them that are alike."""
    if like is None:
        return Pair(one=_seen(one, 0, _end(one)), other=_seen(other, 0, _end(other)), kind=kind)
    low, high = like.low - like.shift, like.high - like.shift
    return Pair(
        one=_seen(one, like.low, like.high),
        other=_seen(other, low, high),
        kind=kind,
        distance=like.distance,
        is_mirrored=like.is_mirrored,
    )


def _end(one: Series) -> int:
    return int(one.slots[-1]) + 1 if len(one.slots) else 0


def _seen(one: Series, low: int, high: int) -> Place:
    return Place(
        source_id=one.source_id,
        episode_id=one.episode_id,
        start_ns=one.start_ns + low * HASH_NS,
        end_ns=one.start_ns + high * HASH_NS,
    )


def _whole(one: EpisodeRow) -> Place:
    return Place(
        source_id=one.source_id,
        episode_id=one.episode_id,
        start_ns=one.start_ns,
        end_ns=one.end_ns,
    )
