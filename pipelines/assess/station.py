"""The station that measures clips and filters them by what their source says.

In: the clips of a source's last cut. Out: columns of `clips.lance`, one a measure, null where a
clip has nothing to be measured; and the clips that no filter keeps, recorded as filtered with the
name of the measure. Pictures are looked at once (`look`); a clip cut anew is measured from their
figures. Measures know no thresholds: those are the filters of the source, and changing them back
brings the clips back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from catalog import duplicates, files
from catalog.clips import clips_of, episodes_of, first_recorded, record_clips
from catalog.engine import open_catalog, reading, source_lock, transaction
from catalog.sources import source as source_of
from pipelines.assess import planning
from pipelines.assess.filters import judged, read_measures
from pipelines.assess.work import MEASURED, Place, Task, measure_episodes
from pipelines.clip_rules import ClipRules, read_rules
from pipelines.errors import LakeError
from pipelines.lake.datasets import dataset_uri, version_of
from pipelines.lake.measures import add_columns, merge_columns
from pipelines.look.station import look
from pipelines.records import CLIPS
from pipelines.settings import Settings
from pipelines.workers import fan_out_bundles
from pipelines.workers import session as ray_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.sources import Source

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What assessing one source gave: every clip of the last cut is kept or filtered."""

    source_id: str
    num_clips: int
    num_measured: int
    num_failed: int
    num_kept: int
    reasons: Mapping[str, int]  # of the clips that a filter does not keep
    num_pairs: int  # duplicates and suspects that were found
    failures: tuple[str, ...]
    version: int

    @property
    def filtered(self) -> str:
        """The clips that no filter keeps, by reason, in words."""
        return ", ".join(f"{reason} {count}" for reason, count in sorted(self.reasons.items()))

    @property
    def conserved(self) -> bool:
        """Whether no clip was lost."""
        return self.num_clips == self.num_kept + sum(self.reasons.values())

    def summary(self) -> str:
        """Say it in one line."""
        failed = f", {self.num_failed} failed" if self.num_failed else ""
        said = f", filtered {self.filtered}" if self.filtered else ""
        return (
            f"{self.source_id}: {self.num_measured} of {self.num_clips} clips measured{failed},"
            f" {self.num_kept} kept{said}, {self.num_pairs} new pairs of duplicates"
        )

    def line(self) -> dict[str, Any]:
        """Return the counts for a report."""
        return {
            "source": self.source_id,
            "clips": self.num_clips,
            "measured": self.num_measured,
            "failed": self.num_failed,
            "kept": self.num_kept,
            "filtered": dict(self.reasons),
            "pairs": self.num_pairs,
        }


def assess(
    source_id: str,
    settings: Settings,
    *,
    at_once: int,
    run_id: str,
    now: datetime,
    progress: Progress | None = None,
) -> Assessed:
    """Look at what nobody looked at, measure the clips that lack measures, apply the filters."""
    seen = look(source_id, settings, at_once=at_once, run_id=run_id, now=now, progress=progress)
    engine = open_catalog(settings.catalog_url)
    uri = dataset_uri(settings.lake, seen.source_id, "clips")
    with source_lock(engine, seen.source_id, settings.locks_dir):
        if version_of(uri):
            add_columns(uri, CLIPS)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        source = source_of(session, seen.source_id)
        rules = read_rules(source.clips)
        todo = _todo(session, source, rules, uri=uri, skipped=seen.failures)
    place = Place(
        frames=dataset_uri(settings.lake, source.source_id, "frames"),
        streams=dataset_uri(settings.lake, source.source_id, "streams"),
        scratch=settings.scratch,
        session=rules.session,
    )
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with ray_session(settings, at_once=at_once if todo.tasks else 0):
        rows, failures = _measured(place, todo, at_once=at_once, progress=progress)
    num_measured = len(rows)
    with source_lock(engine, source.source_id, settings.locks_dir):
        if rows:
            merge_columns(uri, "clip_id", _named(rows, planning.assess_id(source, rules)))
        del rows
        with transaction(engine) as session:
            clips = judged(clips_of(session, source.source_id), rules, read_measures(uri, rules))
            record_clips(session, clips, run_id=run_id, now=now)
    return Assessed(
        source_id=source.source_id,
        num_clips=len(clips),
        num_measured=num_measured,
        num_failed=todo.num_clips - num_measured,
        num_kept=sum(one.status == "kept" for one in clips),
        reasons=Counter(one.reason for one in clips if one.status == "filtered"),
        num_pairs=seen.num_pairs,
        failures=tuple(
            f"{key}: {why}" for key, why in sorted({**seen.failures, **failures}.items())
        ),
        version=version_of(uri),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Todo:
    """The clips to be measured, by episode, and how many there are with those left out."""

    source_id: str
    tasks: tuple[Task, ...]
    num_clips: int


def _todo(
    session: Session, source: Source, rules: ClipRules, *, uri: str, skipped: Mapping[str, str]
) -> _Todo:
    """Return what is to be measured; episodes that could not be looked at wait for the next run."""
    way = planning.assess_id(source, rules)
    clips = planning.unmeasured(uri, clips_of(session, source.source_id), way)
    if not clips:
        return _Todo(source_id=source.source_id, tasks=(), num_clips=0)
    episodes = {one.episode_id: one for one in episodes_of(session, source.source_id)}
    paths = {one.sha256: one.path for one in files.files_of(session, source.source_id)}
    tasks = planning.tasks_of(
        source,
        episodes,
        [one for one in clips if one.episode_id not in skipped],
        copied=planning.copied_spans(duplicates.pairs(session), first_recorded(session)),
        sessions=planning.path_sessions(rules, episodes.values(), paths),
    )
    return _Todo(source_id=source.source_id, tasks=tuple(tasks), num_clips=len(clips))


def _measured(
    place: Place, todo: _Todo, *, at_once: int, progress: Progress | None
) -> tuple[pa.Table, dict[str, str]]:
    rows: list[pa.Table] = []
    failures: dict[str, str] = {}
    total, done = sum(len(one.clips) for one in todo.tasks), 0
    work = partial(measure_episodes, place)
    for outcome in fan_out_bundles(work, planning.bundles(todo.tasks), at_once=at_once):
        if isinstance(outcome.error, LakeError):
            raise outcome.error
        if outcome.value is None:
            failures[outcome.item[0].episode_id] = str(outcome.error)
        else:
            rows.append(outcome.value)
        done += sum(len(one.clips) for one in outcome.item)
        if progress is not None:
            progress(f"assess {todo.source_id}", done, total)
    return pa.concat_tables([MEASURED.empty_table(), *rows]), failures


def _named(rows: pa.Table, way: str) -> pa.Table:
    """Return measures with the name of the way in which they were measured."""
    return rows.append_column("assess_id", pa.array([way] * len(rows), pa.string()))
