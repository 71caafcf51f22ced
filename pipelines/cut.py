"""The station that cuts episodes into clips: fixed windows, whole ones, none across a gap.

In: the episodes of a source as the catalog knows them. Out: rows of `clips.lance` for the clips
kept, and a row of the catalog for every window, kept or filtered with its reason. No media byte is
read. Ids come from content, so cutting again adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog.clips import ClipRow, EpisodeRow, episodes_of, record_clips
from catalog.engine import open_catalog, reading, source_lock, transaction
from catalog.sources import source as source_of
from pipelines.ingest.ledger import CatalogLedger
from pipelines.lake.commits import append_rows, finish_batch
from pipelines.lake.datasets import (
    create_dataset,
    dataset_name,
    dataset_uri,
    has_dataset,
    version_of,
)
from pipelines.lake.reading import scan_columns
from pipelines.records import CLIPS, Clip, clip_rows, content_id
from pipelines.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

CUT_ID = "fixed@1"
CLIP_NS = 2_000_000_000
TOO_SHORT = "TOO_SHORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of an episode, and why it is no clip, if it is none."""

    clip: Clip
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReport:
    """What cutting one source gave: every window is kept or filtered."""

    source_id: str
    num_episodes: int
    num_windows: int
    num_kept: int
    num_filtered: int
    num_new: int
    version: int

    @property
    def conserved(self) -> bool:
        """Whether no window was lost."""
        return self.num_windows == self.num_kept + self.num_filtered

    def summary(self) -> str:
        """Say it in one line."""
        return (
            f"{self.source_id}: {self.num_kept} clips of {self.num_episodes} episodes,"
            f" {self.num_filtered} filtered, {self.num_new} new"
        )

    def line(self) -> dict[str, Any]:
        """Return the counts for a report."""
        return {
            "source": self.source_id,
            "episodes": self.num_episodes,
            "kept": self.num_kept,
            "filtered": self.num_filtered,
            "new": self.num_new,
        }


def cut(
    source_id: str,
    settings: Settings,
    *,
    clip_ns: int = CLIP_NS,
    run_id: str,
    now: datetime,
) -> CutReport:
    """Cut every episode of a source into windows of `clip_ns`, exactly once."""
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        source_id = source_of(session, source_id).source_id
        episodes = episodes_of(session, source_id)
    windows = [window for one in episodes for window in windows_of(one, clip_ns)]
    with source_lock(engine, source_id, settings.locks_dir):
        uri = dataset_uri(settings.lake, source_id, "clips")
        ledger = CatalogLedger(engine, source_id=source_id, now=now)
        new, version = _publish(uri, windows, ledger, run_id=run_id)
        _record(engine, windows, run_id=run_id, now=now)
    kept = sum(1 for window in windows if not window.reason)
    return CutReport(
        source_id=source_id,
        num_episodes=len(episodes),
        num_windows=len(windows),
        num_kept=kept,
        num_filtered=sum(1 for window in windows if window.reason),
        num_new=new,
        version=version,
    )


def windows_of(episode: EpisodeRow, clip_ns: int) -> Iterator[Window]:
    """Yield the windows of `clip_ns` over each stretch of the episode that has no gap in it."""
    for start, end in stretches(span_of(episode), _gaps(episode.notes)):
        at = start
        while at < end:
            stop = min(at + clip_ns, end)
            short = stop - at < clip_ns and 2 * (stop - at) < clip_ns
            clip = _clip(episode, at, stop)
            yield Window(clip=clip, reason=TOO_SHORT if short else "")
            at = stop


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


def _gaps(notes: object) -> list[tuple[int, int]]:
    gaps = notes.get("gaps", ()) if isinstance(notes, Mapping) else ()
    return [(int(low), int(high)) for low, high in gaps]


def _clip(episode: EpisodeRow, start_ns: int, end_ns: int) -> Clip:
    present = [
        str(one["name"])
        for one in episode.streams
        if one.get("start_ns", 0) < end_ns and one.get("end_ns", 0) > start_ns
    ]
    return Clip(
        clip_id=content_id(episode.source_id, episode.episode_id, start_ns, end_ns, CUT_ID),
        source_id=episode.source_id,
        episode_id=episode.episode_id,
        cut_id=CUT_ID,
        start_ns=start_ns,
        end_ns=end_ns,
        streams=tuple(present),
        split_group=content_id(*episode.files),
    )


def _publish(
    uri: str, windows: Sequence[Window], ledger: CatalogLedger, *, run_id: str
) -> tuple[int, int]:
    """Append the clips that the lake lacks; return how many, and the version they are in."""
    for entry in ledger.entries():
        if entry.dataset == dataset_name(uri) and entry.state in {"written", "committed"}:
            finish_batch(uri, ledger=ledger, batch_id=entry.batch_id, run_id=run_id)
    if not has_dataset(uri):
        create_dataset(uri, CLIPS)
    known = set(scan_columns(uri, ["clip_id"])["clip_id"].to_pylist())
    new = [each.clip for each in windows if not each.reason and each.clip.clip_id not in known]
    new.sort(key=lambda clip: (clip.episode_id, clip.start_ns))
    if not new:
        return 0, version_of(uri)
    batch_id = content_id("cut", [clip.clip_id for clip in new])
    rows = [clip_rows(new, batch_id)]
    version = append_rows(uri, CLIPS, rows, ledger=ledger, batch_id=batch_id, run_id=run_id)
    return len(new), version


def _record(engine: Engine, windows: Sequence[Window], *, run_id: str, now: datetime) -> None:
    rows = [
        ClipRow(
            clip_id=each.clip.clip_id,
            source_id=each.clip.source_id,
            episode_id=each.clip.episode_id,
            start_ns=each.clip.start_ns,
            end_ns=each.clip.end_ns,
            status="filtered" if each.reason else "kept",
            reason=each.reason,
        )
        for each in windows
    ]
    with transaction(engine) as session:
        record_clips(session, rows, run_id=run_id, now=now)
