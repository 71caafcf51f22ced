"""Which parts a clip overlaps, and so which decisions must permit it: pure, on ids and spans."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.clips import ClipRow
    from catalog.parts import PartRow
    from pipelines.clear.clearance import SourceRow


def keys_under(windows: Iterable[ClipRow], spans: Iterable[PartRow]) -> dict[str, tuple[str, ...]]:
    """The keys of all parts that each clip overlaps: it is cleared if all of them permit.

    A clip over no part has no key, and nothing clears it.
    """
    by_episode: dict[str, list[PartRow]] = {}
    for part in sorted(spans, key=lambda one: one.start_ns):
        by_episode.setdefault(part.episode_id, []).append(part)
    starts = {key: [one.start_ns for one in own] for key, own in by_episode.items()}
    found = {}
    for clip in windows:
        own = by_episode.get(clip.episode_id, [])
        before = starts.get(clip.episode_id, [])
        first = max(0, bisect_right(before, clip.start_ns) - 1)
        over = own[first : bisect_left(before, clip.end_ns)]
        found[clip.clip_id] = tuple(
            sorted({one.rights_key for one in over if one.end_ns > clip.start_ns})
        )
    return found


def cleared_clips(
    row: SourceRow, windows: Iterable[ClipRow], spans: Iterable[PartRow]
) -> dict[tuple[str, ...], tuple[ClipRow, ...]]:
    """The clips that `row` clears, by the keys of the parts that they overlap."""
    windows = tuple(windows)
    keys, permitted = keys_under(windows, spans), row.permitted.keys()
    found: dict[tuple[str, ...], list[ClipRow]] = {}
    for clip in windows:
        over = keys[clip.clip_id]
        if over and permitted >= set(over):
            found.setdefault(over, []).append(clip)
    return {over: tuple(found[over]) for over in sorted(found)}
