"""Windows over an episode: none across a gap, none lost; pure.

In: an episode as the catalog knows it, and who cuts. Out: every window, kept or with the reason why
it is no clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from catalog.clips import EpisodeRow
from pipelines.clip_rules import LONGEST_NS, SHORTEST_NS, Cutter
from pipelines.records import Clip, content_id

TOO_SHORT = "TOO_SHORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of an episode, and why it is no clip, if it is none."""

    clip: Clip
    reason: str = ""


def windows_of(episode: EpisodeRow, cutter: Cutter, marks: Sequence[int] = ()) -> Iterator[Window]:
    """Yield the windows over each stretch of the episode that has no gap in it.

    Fixed windows follow one another from the start of a stretch; a tail of less than half a window
    is too short. Those of shots and events lie between `marks`, in ns.
    """
    for start, end in stretches(span_of(episode), _gaps(episode.notes)):
        if cutter.name == "fixed":
            edges, shortest = _fixed(start, end, cutter.clip_ns), cutter.clip_ns / 2
        else:
            edges, shortest = _between(start, end, marks), SHORTEST_NS
        for low, high in pairwise(edges):
            short = high - low < shortest
            yield Window(
                clip=_clip(episode, cutter, (low, high)), reason=TOO_SHORT if short else ""
            )


def span_of(episode: EpisodeRow) -> tuple[int, int]:
    """Return what is cut: where all pictures run at once, or the longest stream without any."""
    spans = [(str(one["kind"]), one.get("start_ns", 0), one.get("end_ns", 0))
             for one in episode.streams]  # fmt: skip
    pictures = [(start, end) for kind, start, end in spans if kind == "video" and end > start]
    if pictures:
        start, end = max(low for low, _ in pictures), min(high for _, high in pictures)
        if end > start:
            return int(start), int(end)
    timed = pictures or [(start, end) for _, start, end in spans if end > start]
    if not timed:
        return episode.start_ns, episode.end_ns
    return max(timed, key=lambda each: each[1] - each[0])


def stretches(span: tuple[int, int], gaps: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of `span` that lie outside every gap."""
    at, end = span
    for low, high in sorted(gaps):
        if low > at:
            yield at, min(low, end)
        at = max(at, high)
        if at >= end:
            return
    if at < end:
        yield at, end


def _fixed(start: int, end: int, clip_ns: int) -> list[int]:
    return [*range(start, end, clip_ns), end]


def _between(start: int, end: int, marks: Sequence[int]) -> list[int]:
    """Return the edges of the parts between marks; a long part is cut into equal ones."""
    edges = [start, *sorted({one for one in marks if start < one < end}), end]
    found = [start]
    for low, high in pairwise(edges):
        parts = -((low - high) // LONGEST_NS)
        found += [low + (high - low) * part // parts for part in range(1, parts + 1)]
    return found


def _gaps(notes: object) -> list[tuple[int, int]]:
    gaps = notes.get("gaps", ()) if isinstance(notes, Mapping) else ()
    return [(int(low), int(high)) for low, high in gaps]


def _clip(episode: EpisodeRow, cutter: Cutter, span: tuple[int, int]) -> Clip:
    start_ns, end_ns = span
    present = [
        str(one["name"])
        for one in episode.streams
        if one.get("start_ns", 0) < end_ns and one.get("end_ns", 0) > start_ns
    ]
    return Clip(
        clip_id=content_id(episode.source_id, episode.episode_id, *span, cutter.cut_id),
        source_id=episode.source_id,
        episode_id=episode.episode_id,
        cut_id=cutter.cut_id,
        start_ns=start_ns,
        end_ns=end_ns,
        streams=tuple(present),
        split_group=content_id(*episode.files),
    )
