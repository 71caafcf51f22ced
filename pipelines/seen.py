"""Seen: which windows a checkpoint was trained on, recomputed and never guessed.

In: a checkpoint on record, or all of some runs and the clips that are meant. Out: one line a window
in the order of delivery, or how much of those clips each checkpoint saw. The order is a formula of
the sealed record; where the replay does not meet the sealed chain, it is refused. The seal is read
where it lies, and the record of the run where it is gone. What cannot be replayed any more is
unknown, and unknown is never clean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from catalog import releases, runs, training_sets
from catalog.engine import open_catalog, reading
from catalog.errors import NotFound
from catalog.mentions import POINT_ID
from licensing.manifest import sha256_hex
from pipelines.storage import exists, join, read_bytes
from training.checkpoint import SEAL
from training.errors import CheckpointError, LoaderError
from training.loader import read_index
from training.loop.audit import exposures, seen
from training.loop.recalled import Recalled, recall, recall_from

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.reach import Point
    from catalog.runs import CheckpointRow, RunRow
    from pipelines.settings import Settings

Progress = Callable[[str, int, int], None]
_SELECTION: Final = "documents/selection.json"  # of a set: what an erasure leaves of its rows
_ROW: Final = ("source_id", "clip_id", "camera", "split", "num_frames")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saw:
    """What a checkpoint saw of the clips that are meant; `why` says why that is not known.

    `windows` counts deliveries, `rows` different rows, `frames` different frames; `samples` is all
    that the run had delivered by then, None if unknown.
    """

    checkpoint_id: str
    run_id: str
    step: int
    windows: int = 0
    rows: int = 0
    frames: int = 0
    samples: int | None = None
    why: str = ""

    @property
    def is_clean(self) -> bool:
        """It is known to have seen nothing of them."""
        return not self.why and not self.windows

    def line(self) -> dict[str, Any]:
        """The finding as JSON."""
        names = ("checkpoint_id", "run_id", "step", "windows", "rows", "frames", "samples", "why")
        return {name: getattr(self, name) for name in names} | {"clean": self.is_clean}


def windows_seen(wanted: str, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield `step, slot, clip_id, source, start_frame, num_frames` of every window delivered.

    `wanted` is RUN/STEP, or the checkpoint's id, the start of it, or the digest of its seal.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        CheckpointError: CHECKPOINT_OTHER_SET when the replay is not what was sealed,
            CHECKPOINT_OTHER when the seal is not the one on record, and those of `recall`.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        point = releases.point_of(session, wanted)
        run = runs.run(session, point.run_id)
        place = _place(session, run.set_id, settings)
    index, manifest = _opened(place)
    yield from seen(index, manifest, _recalled(point, run, settings))


def seen_by(
    points: Sequence[Point],
    settings: Settings,
    *,
    sources: Collection[str],
    clips: Collection[str],
    progress: Progress | None = None,
) -> tuple[Saw, ...]:
    """Return what each checkpoint saw of these sources and clips, one replay a run, in order."""
    by_run: dict[str, list[Point]] = {}
    for one in points:
        by_run.setdefault(one.run_id, []).append(one)
    found = list[Saw]()
    for number, (run_id, own) in enumerate(by_run.items(), 1):
        ordered = sorted(own, key=lambda one: one.step)
        try:
            found += _replay(run_id, ordered, settings, of=_one_of(sources, clips))
        except (CheckpointError, LoaderError, NotFound, FileNotFoundError) as error:
            found += [_unknown(one, str(error)) for one in ordered]
        if progress is not None:
            progress("runs replayed", number, len(by_run))
    by_id = {one.checkpoint_id: one for one in found}
    _inherit(by_id, settings)
    return tuple(by_id[one.checkpoint_id] for one in points)


def _inherit(by_id: dict[str, Saw], settings: Settings) -> None:
    """A run that began from a checkpoint that saw the clips has seen them, whatever it read."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        parents = {
            run_id: str(runs.run(session, run_id).record.get("parent") or "")[:POINT_ID]
            for run_id in sorted({one.run_id for one in by_id.values()})
        }
    turned = True
    while turned:
        turned = False
        for key, one in by_id.items():
            above = by_id.get(parents[one.run_id])
            if one.is_clean and above is not None and not above.is_clean:
                by_id[key] = replace(one, why=f"began from checkpoint {above.checkpoint_id}")
                turned = True


def _one_of(sources: Collection[str], clips: Collection[str]) -> Callable[[str, str], bool]:
    whole, single = frozenset(sources), frozenset(clips)
    return lambda source_id, clip_id: source_id in whole or clip_id in single


def _replay(
    run_id: str, points: Sequence[Point], settings: Settings, *, of: Callable[[str, str], bool]
) -> Iterator[Saw]:
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        run: RunRow = runs.run(session, run_id)
        last = runs.checkpoint(session, points[-1].checkpoint_id)
        place = _place(session, run.set_id, settings)
    if not exists(join(place, "manifest.json")):
        yield from (_unknown(one, f"training set {run.set_id} is gone") for one in points)
        return
    index, manifest = _opened(place)
    told = exposures(
        index,
        manifest,
        _recalled(last, run, settings),
        of=of,
        steps=[one.step for one in points],
    )
    by_step = {one.step: one for one in told}
    for one in points:
        saw = by_step[one.step]
        yield Saw(
            checkpoint_id=one.checkpoint_id,
            run_id=run_id,
            step=one.step,
            windows=saw.windows,
            rows=saw.rows,
            frames=saw.frames,
            samples=saw.samples,
        )


def _recalled(point: CheckpointRow, run: RunRow, settings: Settings) -> Recalled:
    """What the seal of a checkpoint says, or the run's record where there is no seal any more."""
    path = settings.runs_dir / point.path
    if exists(str(path / SEAL)):
        return recall(path, recorded=point.digest)
    return recall_from(run.record, point.step, name=str(path))


def _place(session: Session, set_id: str, settings: Settings) -> str:
    row = training_sets.training_set(session, set_id)
    return settings.set_uri(row.name, row.version)


def _opened(place: str) -> tuple[pa.Table, dict[str, Any]]:
    """The rows of a set and its manifest; the selection still names rows that were erased since."""
    manifest = json.loads(read_bytes(join(place, "manifest.json")))
    path = join(place, _SELECTION)
    said = read_bytes(path) if exists(path) else b"{}"
    rows = json.loads(said).get("rows")
    if rows is not None and sha256_hex(said) in {one["sha256"] for one in manifest["files"]}:
        return pa.Table.from_pylist([dict(zip(_ROW, one, strict=True)) for one in rows]), manifest
    return read_index(join(place, manifest["data"]["path"]), manifest["data"]["version"]), manifest


def _unknown(point: Point, why: str) -> Saw:
    return Saw(checkpoint_id=point.checkpoint_id, run_id=point.run_id, step=point.step, why=why)
