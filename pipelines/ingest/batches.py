"""Drive a batch: note it, work it, commit media before streams, record it with its last step.

Workers answer in any order, so their answers are put in order before anything is published. A
bundle whose worker died, or that raised, is tried again group by group: only the group at fault is
quarantined. Bytes and episodes that two bundles both wrote are stored once, by the first.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from catalog.engine import transaction
from catalog.sources import Source
from pipelines.errors import LakeError, PipelineError
from pipelines.ingest.here import work_here
from pipelines.ingest.ledger import CatalogLedger
from pipelines.ingest.outcome import BatchOutcome, GroupOutcome, refused
from pipelines.ingest.planning import Bundle, Place, batch_key, work_key
from pipelines.ingest.recording import record_outcome
from pipelines.ingest.work import Worked, work_bundle
from pipelines.lake.checks import Rows
from pipelines.lake.commits import commit_batch, entry_of, finish_batch, plan_batch
from pipelines.lake.ledger import Entry
from pipelines.lake.reading import file_ids
from pipelines.lake.sealing import sweep
from pipelines.lake.writing import Written, merge_written
from pipelines.pictures.rows import look_key
from pipelines.readers.reading import Refused
from pipelines.scan.hashing import Progress
from pipelines.workers import Outcome, fan_out

if TYPE_CHECKING:
    from sqlalchemy import Engine

OPEN = ("written", "committed")
LOG = logging.getLogger("clearway.ingest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One ingest of one source: what it holds while it has the source's lock."""

    engine: Engine
    source: Source
    ledger: CatalogLedger
    place: Place
    at_once: int
    run_id: str
    now: datetime
    progress: Progress | None = None


def settle(visit: Visit) -> None:
    """Finish what a killed run had written; remove what it had only begun."""
    place, ledger = visit.place, visit.ledger
    entries = [one for one in ledger.entries() if one.dataset in {"media", "streams", "frames"}]
    for one in entries:
        if one.dataset == "streams" and one.state in OPEN:
            _finish(visit, one.batch_id)
        if one.dataset == "frames" and one.state == "written":  # also by a `look` that was killed
            commit_batch(place.frames, ledger=ledger, batch_id=one.batch_id, run_id=visit.run_id)
    if any(one.state == "planned" for one in entries):
        for uri in (place.media, place.streams, place.frames):
            sweep(uri)


def work_batch(visit: Visit, batch: Sequence[Bundle], *, after: int) -> None:
    """Work a batch and publish it; killed anywhere, the next run ends in the same state."""
    keys = [work_key(group, visit.place.config) for one in batch for group in one.groups]
    batch_id = batch_key(visit.source.source_id, keys, after=after)
    place = replace(visit.place, batch_id=batch_id)
    for uri in (place.media, place.streams):
        plan_batch(uri, ledger=visit.ledger, batch_id=batch_id, run_id=visit.run_id)
    worked = _once(place, _worked(visit, place, batch))
    outcome = BatchOutcome.of(one for each in worked for one in each.outcomes)
    episodes = Rows(column="episode_id", values=tuple(one.episode_id for one in outcome.episodes))
    figures = list(_figures(place, worked, outcome))
    if figures:
        plan_batch(place.frames, ledger=visit.ledger, batch_id=batch_id, run_id=visit.run_id)
    visit.ledger.written(
        *figures,
        entry_of(place.media, merge_written([one.media for one in worked]), batch_id=batch_id),
        entry_of(
            place.streams,
            merge_written([one.streams for one in worked]),
            batch_id=batch_id,
            outcome=outcome.doc(),
            replaces=episodes if episodes.values else None,
        ),
    )
    _finish(visit, batch_id)


def _figures(place: Place, worked: Sequence[Worked], outcome: BatchOutcome) -> Iterator[Entry]:
    """The ledger's entry for the figures of what was looked at, if any was: `look` finishes it."""
    looked = frozenset[str]().union(*(one.looked for one in worked))
    seen = [one for one in outcome.episodes if one.episode_id in looked]
    if seen:
        ids = tuple(one.episode_id for one in seen)
        keys = [look_key(one.episode_id, one.reader, one.streams) for one in seen]
        yield entry_of(
            place.frames,
            merge_written([one.frames for one in worked]),
            batch_id=place.batch_id,
            outcome={"work": sorted(keys), "episodes": list(ids)},
            replaces=Rows(column="episode_id", values=ids),
        )


def _finish(visit: Visit, batch_id: str) -> None:
    """Commit media, figures, then streams; record the outcome in the closing transaction.

    Figures are committed only: `look` matches them with every source before they are verified.
    """
    place, ledger = visit.place, visit.ledger
    finish_batch(place.media, ledger=ledger, batch_id=batch_id, run_id=visit.run_id)
    figures = ledger.entry("frames", batch_id)
    if figures and figures.state != "planned":
        commit_batch(place.frames, ledger=ledger, batch_id=batch_id, run_id=visit.run_id)
    commit_batch(place.streams, ledger=ledger, batch_id=batch_id, run_id=visit.run_id)
    entry = ledger.entry("streams", batch_id)
    if entry is None:
        raise LakeError(f"{batch_id}: the ledger lost it", code="LAKE_BATCH_OPEN")
    outcome = BatchOutcome.of_doc(entry.files["outcome"])
    with transaction(visit.engine) as session:
        record_outcome(session, visit.source, outcome, run_id=visit.run_id, now=visit.now)
        ledger.verified_in(session, "streams", batch_id)


def _worked(visit: Visit, place: Place, batch: Sequence[Bundle]) -> list[tuple[Bundle, Worked]]:
    """Work all bundles, those that failed again group by group."""
    done: list[tuple[Bundle, Worked]] = []
    failed: list[Bundle] = []
    for one in _outcomes(visit, place, batch):
        if one.value is not None:
            done.append((one.item, one.value))
        elif len(one.item.groups) > 1:
            failed.extend(one.item.split())
        else:
            done.append((one.item, _given_up(place, one)))
    again = _outcomes(visit, place, failed)
    done.extend((one.item, one.value or _given_up(place, one)) for one in again)
    return sorted(done, key=lambda pair: pair[0].groups[0].files[0].path)


def _outcomes(visit: Visit, place: Place, items: Sequence[Bundle]) -> list[Outcome[Bundle, Worked]]:
    total, done = sum(len(one.groups) for one in items), 0
    found: list[Outcome[Bundle, Worked]] = []
    with _working(visit, place, items) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome.error, LakeError):
                raise outcome.error
            done += len(outcome.item.groups)
            if outcome.attempts > 1:
                _tell_retried(outcome)
            if visit.progress:
                visit.progress(f"ingest {visit.source.source_id}", done, total)
            found.append(outcome)
    return found


def _tell_retried(outcome: Outcome[Bundle, Worked]) -> None:
    """Say which files it were, by their bytes: who reads it knows them by name, a log must not."""
    files = [one.sha256[:16] for group in outcome.item.groups for one in group.files]
    how = "failed" if outcome.error is not None else "done"
    LOG.warning("%s at attempt %d: files %s", how, outcome.attempts, ", ".join(files))


@contextmanager
def _working(
    visit: Visit, place: Place, items: Sequence[Bundle]
) -> Iterator[Iterator[Outcome[Bundle, Worked]]]:
    """Work on Ray, or here: then nothing goes on in the background once this is left."""
    if visit.at_once:
        yield fan_out(partial(work_bundle, place), items, at_once=visit.at_once)
        return
    with closing(work_here(place, items)) as outcomes:
        yield outcomes


def _given_up(place: Place, failed: Outcome[Bundle, Worked]) -> Worked:
    """A group that cost its worker each time, or raised: quarantined with the cause."""
    (group,) = failed.item.groups
    error = failed.error
    code = error.code if isinstance(error, PipelineError) else "READER_ERROR"
    message = f"{type(error).__name__}: {error} (attempts: {failed.attempts})"[:2_000]
    outcome = GroupOutcome(
        work_key=work_key(group, place.config),
        files=refused(group, Refused(message, code=code or "READER_ERROR")),
    )
    return Worked(media=Written(), streams=Written(), frames=Written(), outcomes=(outcome,))


def _once(place: Place, worked: Sequence[tuple[Bundle, Worked]]) -> list[Worked]:
    """Store each file and each episode once and none never: work again what would break that."""
    files, episodes = set(file_ids(place.media)), set[str]()
    kept: list[Worked] = []
    for bundle, first in worked:
        value, wanted, own = first, _files(first), _episodes(first)
        if _wrote(first) != wanted - files or len(own) != len(set(own)) or episodes & set(own):
            again = replace(
                bundle, stored_files=frozenset(files), stored_episodes=frozenset(episodes)
            )
            value = work_bundle(place, again)
        files |= _files(value)
        episodes |= set(_episodes(value))
        kept.append(value)
    return kept


def _wrote(worked: Worked) -> set[str]:
    return {key.partition("\x1f")[0] for key in worked.media.keys}


def _files(worked: Worked) -> set[str]:
    return {one for each in worked.outcomes for one in each.file_ids}


def _episodes(worked: Worked) -> list[str]:
    return [each.episode_id for one in worked.outcomes for each in one.episodes]
