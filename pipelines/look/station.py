"""The station: every picture of a source is looked at once, on workers, published exactly once.

Under the source's lock: finish what a killed run had written, look at the episodes that nobody
looked at, commit their figures, match them with every source, and record the pairs in the
transaction that closes the batch. A clip cut again, or measured anew, decodes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from catalog import duplicates
from catalog.clips import episodes_of
from catalog.duplicates import Pair
from catalog.engine import open_catalog, reading, source_lock, transaction
from catalog.sources import source as source_of
from catalog.sources import sources
from pipelines.errors import LakeError
from pipelines.ingest.ledger import CatalogLedger
from pipelines.lake.checks import Rows
from pipelines.lake.commits import commit_batch, entry_of, plan_batch
from pipelines.lake.datasets import create_dataset, dataset_uri, version_of
from pipelines.lake.ledger import Entry
from pipelines.lake.sealing import sweep
from pipelines.lake.writing import Written, merge_written
from pipelines.look.matching import Stored, equal_files, match_episodes, needed
from pipelines.look.planning import batches, bundles, sight_of
from pipelines.look.work import Place, Sight, look_bundle
from pipelines.measures import FRAMES
from pipelines.records import content_id
from pipelines.settings import Settings
from pipelines.workers import fan_out, fan_out_bundles
from pipelines.workers import session as ray_session

if TYPE_CHECKING:
    from sqlalchemy import Engine

Progress = Callable[[str, int, int], None]
MATCHED_AT_ONCE = 64
FRAMES_NAME = "frames"


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What looking at one source gave."""

    source_id: str
    num_episodes: int
    num_looked: int
    num_pairs: int
    failures: Mapping[str, str]  # episode -> why
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """One look at one source: what it holds while it has the source's lock."""

    engine: Engine
    settings: Settings
    ledger: CatalogLedger
    place: Place
    at_once: int
    run_id: str
    now: datetime


def look(
    source_id: str,
    settings: Settings,
    *,
    at_once: int,
    run_id: str,
    now: datetime,
    progress: Progress | None = None,
) -> Looked:
    """Look at every episode of a source that nobody looked at with this version."""
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        source_id = source_of(session, source_id).source_id
        episodes = episodes_of(session, source_id)
    with source_lock(engine, source_id, settings.locks_dir):
        place = Place(
            source_id=source_id,
            media=dataset_uri(settings.lake, source_id, "media"),
            streams=dataset_uri(settings.lake, source_id, "streams"),
            frames=dataset_uri(settings.lake, source_id, FRAMES_NAME),
        )
        visit = _Visit(
            engine=engine,
            settings=settings,
            ledger=CatalogLedger(engine, source_id=source_id, now=now),
            place=place,
            at_once=at_once,
            run_id=run_id,
            now=now,
        )
        create_dataset(place.frames, FRAMES)
        return _look(visit, [sight_of(one) for one in episodes], progress)


def _look(visit: _Visit, sights: Sequence[Sight], progress: Progress | None) -> Looked:
    done, _ = visit.ledger.finished(FRAMES_NAME)
    is_busy = bool(_open(visit)) or any(one.key not in done for one in sights)
    failures: dict[str, str] = {}
    with ray_session(visit.settings, at_once=visit.at_once if is_busy else 0):
        num_pairs = _settle(visit)
        done, after = visit.ledger.finished(FRAMES_NAME)
        todo = [one for one in sights if one.key not in done]
        told = _counted(progress, f"look {visit.place.source_id}", todo)
        for number, batch in enumerate(batches(todo)):
            failed, found = _work_batch(visit, batch, after=after + number, told=told)
            failures |= failed
            num_pairs += found
    return Looked(
        source_id=visit.place.source_id,
        num_episodes=len(sights),
        num_looked=len(todo) - len(failures),
        num_pairs=num_pairs,
        failures=failures,
        version=version_of(visit.place.frames),
    )


def _open(visit: _Visit) -> list[Entry]:
    return [
        one
        for one in visit.ledger.entries()
        if one.dataset == FRAMES_NAME and one.state != "verified"
    ]


def _settle(visit: _Visit) -> int:
    """Finish what a killed run had written; remove what it had only begun."""
    entries = _open(visit)
    found = sum(_finish(visit, one.batch_id) for one in entries if one.state != "planned")
    if any(one.state == "planned" for one in entries):
        sweep(visit.place.frames)
    return found


def _work_batch(
    visit: _Visit, batch: Sequence[Sight], *, after: int, told: Callable[[int], None]
) -> tuple[dict[str, str], int]:
    """Look at a batch and publish it; killed anywhere, the next run ends in the same state."""
    batch_id = content_id(visit.place.source_id, sorted(one.key for one in batch), after)
    place = replace(visit.place, batch_id=batch_id)
    plan_batch(place.frames, ledger=visit.ledger, batch_id=batch_id, run_id=visit.run_id)
    written: list[tuple[tuple[Sight, ...], Written]] = []
    failures: dict[str, str] = {}
    work = partial(look_bundle, place)
    for outcome in fan_out_bundles(work, bundles(batch), at_once=visit.at_once):
        if isinstance(outcome.error, LakeError):
            raise outcome.error
        told(sum(one.num_pictures for one in outcome.item))
        if outcome.value is None:
            failures[outcome.item[0].episode_id] = str(outcome.error)
        else:
            written.append((outcome.item, outcome.value))
    written.sort(key=lambda pair: pair[0][0].episode_id)
    seen = [one for bundle, _ in written for one in bundle]
    ids = tuple(sorted(one.episode_id for one in seen))
    visit.ledger.written(
        entry_of(
            place.frames,
            merge_written([value for _, value in written]),
            batch_id=batch_id,
            outcome={"work": sorted(one.key for one in seen), "episodes": list(ids)},
            replaces=Rows(column="episode_id", values=ids) if ids else None,
        )
    )
    return failures, _finish(visit, batch_id)


def _finish(visit: _Visit, batch_id: str) -> int:
    """Commit the figures, match them, and record the pairs with the batch's last step."""
    ledger, uri = visit.ledger, visit.place.frames
    commit_batch(uri, ledger=ledger, batch_id=batch_id, run_id=visit.run_id)
    entry = ledger.entry(FRAMES_NAME, batch_id)
    if entry is None:
        raise LakeError(f"{batch_id}: the ledger lost it", code="LAKE_BATCH_OPEN")
    if entry.state == "verified":
        return 0
    found = _matched(visit, entry.files["outcome"]["episodes"])
    with transaction(visit.engine) as session:
        pairs = needed(found, duplicates.pairs(session))
        duplicates.record_pairs(session, pairs, now=visit.now)
        ledger.verified_in(session, FRAMES_NAME, batch_id)
    return len(pairs)


def _matched(visit: _Visit, new: Sequence[str]) -> list[Pair]:
    with reading(visit.engine) as session:
        names = [one.source_id for one in sources(session)]
        own = {one.episode_id: one for one in episodes_of(session, visit.place.source_id)}
        others = [one for name in names for one in episodes_of(session, name)] if new else []
    found = list(equal_files([own[one] for one in new if one in own], others))
    lake = visit.settings.lake
    stored = Stored(
        lake=lake,
        source_id=visit.place.source_id,
        versions=tuple(
            (name, version_of(dataset_uri(lake, name, FRAMES_NAME))) for name in sorted(names)
        ),
        new=frozenset(new),
    )
    items = [tuple(new[low : low + MATCHED_AT_ONCE]) for low in range(0, len(new), MATCHED_AT_ONCE)]
    for outcome in fan_out(partial(match_episodes, stored), items, at_once=visit.at_once):
        if outcome.value is None:
            raise outcome.error or LakeError("matching gave nothing", code="LAKE_BATCH_OPEN")
        found += outcome.value
    return found


def _counted(progress: Progress | None, what: str, todo: Sequence[Sight]) -> Callable[[int], None]:
    """Return what counts pictures as they are done."""
    total, done = sum(one.num_pictures for one in todo), [0]

    def told(pictures: int) -> None:
        done[0] += pictures
        if progress is not None and total:
            progress(what, done[0], total)

    return told
