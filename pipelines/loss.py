"""Loss: what the loss of some recordings reaches, what each checkpoint saw, what it costs.

In: pieces of sources. Out: clips, shards, training sets and runs, the rows and frames that each
checkpoint was trained on, the last clean checkpoint, and the runs to train again. Nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import reach, runs
from catalog.engine import open_catalog, reading
from catalog.mentions import POINT_ID
from catalog.pieces import whole_sources
from pipelines.documents.revocation import Released, Retrain, Seen
from pipelines.seen import Saw, seen_by

if TYPE_CHECKING:
    from catalog.pieces import Piece
    from catalog.reach import BlastRadius
    from catalog.runs import RunRow
    from pipelines.settings import Settings

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What is lost with some pieces; `checkpoints` are those of all affected runs."""

    clips: tuple[str, ...]
    radius: BlastRadius
    checkpoints: tuple[Seen, ...]
    last_clean_checkpoint: str | None
    retrain: tuple[Retrain, ...]
    releases: tuple[Released, ...]


def loss_of(
    pieces: Sequence[Piece], settings: Settings, *, progress: Progress | None = None
) -> Loss:
    """Measure what a loss of `pieces` would reach, by one replay of each affected run."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        clips = reach.clip_ids(session, pieces)
        parts = reach.part_clips(session, pieces)
        radius = reach.blast_radius(session, pieces)
        own = {one.run_id: one for one in runs.runs_with(session, radius.runs)}
    whole = whole_sources(pieces)
    saw = seen_by(
        radius.points,
        settings,
        sources=whole,
        clips=parts,
        progress=progress,
    )
    return Loss(
        clips=clips,
        radius=radius,
        checkpoints=tuple(_seen(saw, own, whole)),
        last_clean_checkpoint=_last_clean(radius, saw),
        retrain=tuple(_retrain(saw, own, whole)),
        releases=tuple(_released(radius, saw)),
    )


def _last_clean(radius: BlastRadius, saw: Sequence[Saw]) -> str | None:
    """The newest checkpoint that saw nothing, in whatever run."""
    found = [(radius.last_clean_seq, radius.last_clean_checkpoint)]
    found += [
        (point.seq, point.checkpoint_id)
        for point, one in zip(radius.points, saw, strict=True)
        if one.is_clean
    ]
    return max(found, key=lambda one: one[0])[1]


def _retrain(
    saw: Sequence[Saw], rows: Mapping[str, RunRow], whole: Collection[str]
) -> list[Retrain]:
    """Each run whose last checkpoint is not clean, from the last of its own that is.

    An adapter of a source that is lost as a whole has nothing left to learn from.
    """
    found = []
    for run_id, row in sorted(rows.items()):
        own = sorted((one for one in saw if one.run_id == run_id), key=lambda one: one.step)
        if not own or own[-1].is_clean or row.config.get("adapter") in whole:
            continue
        clean = [one for one in own if one.is_clean]
        start, last = clean[-1] if clean else None, own[-1]
        again = None if last.samples is None else last.samples - ((start and start.samples) or 0)
        found.append(
            Retrain(
                run_id=run_id,
                set_id=row.set_id,
                from_checkpoint=None if start is None else start.checkpoint_id,
                from_step=0 if start is None else start.step,
                to_step=last.step,
                samples=again,
            )
        )
    return found


def _released(radius: BlastRadius, saw: Sequence[Saw]) -> Iterator[Released]:
    """The releases of checkpoints that are not clean."""
    clean = {one.checkpoint_id for one in saw if one.is_clean}
    for one in radius.releases:
        if one.checkpoint_id not in clean:
            yield Released(
                release_id=one.release_id,
                checkpoint_id=one.checkpoint_id,
                release=one.release,
                uris=one.uris,
            )


def _seen(saw: Sequence[Saw], rows: Mapping[str, RunRow], whole: Collection[str]) -> Iterator[Seen]:
    """What each saw; of an adapter of a source that is lost as a whole, what it can be left for."""
    clean = {one.checkpoint_id: one.is_clean for one in saw}
    for one in saw:
        run = rows[one.run_id]
        adapter = str(run.config.get("adapter") or "")
        is_own = adapter in whole and not one.is_clean
        parent = str(run.config.get("parent") or "")[:POINT_ID]
        yield Seen(
            checkpoint_id=one.checkpoint_id,
            run_id=one.run_id,
            step=one.step,
            windows=one.windows,
            rows=one.rows,
            frames=one.frames,
            is_clean=one.is_clean,
            why=one.why,
            adapter=adapter if is_own else "",
            clean_parent=parent if is_own and clean.get(parent, True) else "",
        )
