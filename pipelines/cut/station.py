"""The station that cuts episodes into clips: fixed windows, shots, or spans between events.

In: the episodes of a source as the catalog knows them, and who cuts. Out: rows of `clips.lance` for
the clips kept, and a row of the catalog for every window, kept or filtered with its reason. No
media byte is written. Ids come from content, so cutting again the same way adds nothing; the last
cut is the one that counts, and the clips of every other are filtered as superseded until a cut
makes them again. So are those of recordings whose file was replaced, until its bytes are back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from catalog.clips import ClipRow, EpisodeRow, clips_of, episodes_of, record_clips
from catalog.engine import open_catalog, reading, source_lock, transaction
from catalog.files import superseded
from catalog.sources import source as source_of
from pipelines.assess.filters import SUPERSEDED, read_measures
from pipelines.clip_rules import ClipRules, Cutter, read_cutter, read_rules
from pipelines.cut.marks import Place, items_of, mark_episodes
from pipelines.cut.windows import Window, windows_of
from pipelines.errors import PipelineError
from pipelines.ingest.ledger import CatalogLedger
from pipelines.lake.commits import append_rows, finish_batch
from pipelines.lake.datasets import create_dataset, dataset_name, dataset_uri, version_of
from pipelines.lake.measures import add_columns
from pipelines.lake.reading import scan_columns
from pipelines.look.station import look
from pipelines.records import CLIPS, Clip, clip_rows, content_id
from pipelines.settings import Settings
from pipelines.workers import fan_out
from pipelines.workers import session as ray_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Progress = Callable[[str, int, int], None]
AT_ONCE = 1_024  # clips that are appended together


@dataclass(frozen=True, slots=True, kw_only=True)
class CutReport:
    """What cutting one source gave: every window is kept or filtered for a reason."""

    source_id: str
    cut_id: str
    num_episodes: int
    num_windows: int
    num_kept: int
    reasons: Mapping[str, int]  # of the windows that are filtered
    num_new: int
    num_superseded: int  # clips of other cuts
    version: int

    @property
    def num_filtered(self) -> int:
        """Windows that are no clip."""
        return sum(self.reasons.values())

    @property
    def filtered(self) -> str:
        """The same by reason, in words."""
        return ", ".join(f"{reason} {count}" for reason, count in sorted(self.reasons.items()))

    @property
    def conserved(self) -> bool:
        """Whether no window was lost."""
        return self.num_windows == self.num_kept + self.num_filtered

    def summary(self) -> str:
        """Say it in one line."""
        return (
            f"{self.source_id}: {self.num_kept} clips of {self.num_episodes} episodes,"
            f" {self.num_filtered} filtered{f' ({self.filtered})' if self.filtered else ''},"
            f" {self.num_new} new, cut by {self.cut_id}"
        )

    def line(self) -> dict[str, Any]:
        """Return the counts for a report."""
        return {
            "source": self.source_id,
            "cut": self.cut_id,
            "episodes": self.num_episodes,
            "kept": self.num_kept,
            "filtered": dict(self.reasons),
            "new": self.num_new,
            "superseded": self.num_superseded,
        }


def cut(  # noqa: PLR0913 - the stations' contract, and who cuts
    source_id: str,
    settings: Settings,
    *,
    by: str = "",
    at_once: int = 0,
    run_id: str,
    now: datetime,
    progress: Progress | None = None,
) -> CutReport:
    """Cut every episode of a source, exactly once; `by` a cutter, or as its registration says.

    Raises:
        RegistrationError: CLIP_RULE, a cutter that nobody knows.
        PipelineError: CUT_FIELD, no episode has the field that events are to be found in.
    """
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        source = source_of(session, source_id)
        episodes = _current(session, source.source_id)
    rules = read_rules(source.clips)
    cutter = read_cutter(by) if by else rules.cutter
    if cutter.name == "shots":
        look(
            source.source_id, settings,
            at_once=at_once, run_id=run_id, now=now, progress=progress,
        )  # fmt: skip
    place = Place(lake=settings.lake, source_id=source.source_id, cutter=cutter)
    with ray_session(settings, at_once=at_once if episodes and cutter.name != "fixed" else 0):
        planned = _planned(place, episodes, at_once=at_once, progress=progress)
    with source_lock(engine, source.source_id, settings.locks_dir):
        uri = dataset_uri(settings.lake, source.source_id, "clips")
        ledger = CatalogLedger(engine, source_id=source.source_id, now=now)
        num_new, version = _publish(uri, planned, ledger, run_id=run_id)
        with transaction(engine) as session:
            rows = list(_judged(planned.windows(), rules, uri))
            gone = _superseded(session, source.source_id, rows)
            record_clips(session, (*rows, *gone), run_id=run_id, now=now)
    return CutReport(
        source_id=source.source_id,
        cut_id=cutter.cut_id,
        num_episodes=len(episodes),
        num_windows=len(rows),
        num_kept=sum(row.status == "kept" for row in rows),
        reasons=Counter(row.reason for row in rows if row.status == "filtered"),
        num_new=num_new,
        num_superseded=len(gone),
        version=version,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """What is cut, by whom and where; windows are many and made anew each time they are needed."""

    cutter: Cutter
    episodes: Sequence[EpisodeRow]
    marks: Mapping[str, Sequence[int]]

    def windows(self) -> Iterator[Window]:
        """Yield every window, by episode and time."""
        for one in sorted(self.episodes, key=lambda each: each.episode_id):
            yield from windows_of(one, self.cutter, self.marks.get(one.episode_id, ()))

    def clips(self, known: Set[str]) -> Iterator[Clip]:
        """Yield the clips that are not yet `known`."""
        for each in self.windows():
            if not each.reason and each.clip.clip_id not in known:
                yield each.clip


def _planned(
    place: Place, episodes: Sequence[EpisodeRow], *, at_once: int, progress: Progress | None
) -> _Planned:
    marks: Mapping[str, Sequence[int]] = {}
    if place.cutter.name != "fixed":
        marks = _marks(place, episodes, at_once=at_once, progress=progress)
    return _Planned(cutter=place.cutter, episodes=episodes, marks=marks)


def _current(session: Session, source_id: str) -> list[EpisodeRow]:
    """Return the episodes of a source, those of files that others replaced left out."""
    replaced = superseded(session, source_id)
    return [one for one in episodes_of(session, source_id) if replaced.isdisjoint(one.files)]


def _marks(
    place: Place, episodes: Sequence[EpisodeRow], *, at_once: int, progress: Progress | None
) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {}
    is_there = False
    items = list(items_of(episodes))
    for outcome in fan_out(partial(mark_episodes, place), items, at_once=at_once):
        if outcome.value is None:
            raise outcome.error or PipelineError(f"{place.source_id}: no marks came back")
        found |= {one.episode_id: one.marks for one in outcome.value}
        is_there = is_there or any(one.is_there for one in outcome.value)
        if progress is not None:
            progress(f"cut {place.source_id}", len(found), len(episodes))
    if place.cutter.name == "events" and episodes and not is_there:
        raise _no_field(place.source_id, place.cutter, episodes)
    return found


def _judged(windows: Iterable[Window], rules: ClipRules, uri: str) -> list[ClipRow]:
    """Return the record of each window: too short, filtered by what it measures, or kept."""
    measures = read_measures(uri, rules)
    rows = []
    for window in windows:
        reason = window.reason or rules.failed(measures.get(window.clip.clip_id, {}))
        rows.append(
            ClipRow(
                clip_id=window.clip.clip_id,
                source_id=window.clip.source_id,
                episode_id=window.clip.episode_id,
                start_ns=window.clip.start_ns,
                end_ns=window.clip.end_ns,
                status="filtered" if reason else "kept",
                reason=reason,
            )
        )
    return rows


def _superseded(session: Session, source_id: str, rows: Sequence[ClipRow]) -> list[ClipRow]:
    """Return the windows of other cuts, as they are recorded now that this cut counts."""
    current = {row.clip_id for row in rows}
    return [
        ClipRow(
            clip_id=row.clip_id,
            source_id=row.source_id,
            episode_id=row.episode_id,
            start_ns=row.start_ns,
            end_ns=row.end_ns,
            status="filtered",
            reason=SUPERSEDED,
        )
        for row in clips_of(session, source_id)
        if row.clip_id not in current
    ]


def _publish(uri: str, planned: _Planned, ledger: CatalogLedger, *, run_id: str) -> tuple[int, int]:
    """Append the clips that the lake lacks; return how many, and the version they are in."""
    for entry in ledger.entries():
        if entry.dataset == dataset_name(uri) and entry.state in {"written", "committed"}:
            finish_batch(uri, ledger=ledger, batch_id=entry.batch_id, run_id=run_id)
    create_dataset(uri, CLIPS)
    add_columns(uri, CLIPS)
    known = frozenset(scan_columns(uri, ["clip_id"])["clip_id"].to_pylist())
    new = [clip.clip_id for clip in planned.clips(known)]
    if not new:
        return 0, version_of(uri)
    batch_id = content_id("cut", new)
    rows = _rows(planned.clips(known), batch_id)
    version = append_rows(uri, CLIPS, rows, ledger=ledger, batch_id=batch_id, run_id=run_id)
    return len(new), version


def _rows(clips: Iterator[Clip], batch_id: str) -> Iterator[pa.RecordBatch]:
    while some := list(islice(clips, AT_ONCE)):
        yield clip_rows(some, batch_id)


def _no_field(source_id: str, cutter: Cutter, episodes: Sequence[EpisodeRow]) -> PipelineError:
    names = {
        f"{stream['name']}.{channel}"
        for one in episodes
        for stream in one.streams
        for channel in stream.get("channels", ())
    }
    known = f"its channels are {', '.join(sorted(names)[:40])}" if names else "it has no channel"
    return PipelineError(
        f"source {source_id}: no stream has the field {cutter.field!r}; {known}",
        code="CUT_FIELD",
        subject=cutter.field,
        way_out="name a channel, or a field of the documents of an event stream",
    )
