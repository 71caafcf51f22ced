"""What the home keeps beside the lake: remembered digests, scratch, what training left of a source.

Of runs that may have seen it go the pictures of what was seen. An adapter that learnt from the
source alone goes whole: of its checkpoints the seals stay, which say what they saw.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import runs, training_sets, versions
from catalog.engine import open_catalog, reading
from pipelines.erase.prefixes import wait_for_readers
from training.checkpoint import SEAL

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.runs import CheckpointRow, RunRow
    from pipelines.erase.scope import Scope
    from pipelines.settings import Settings


def found_in_home(scope: Scope, settings: Settings) -> dict[str, int]:
    """How many files of each kind are there."""
    return {name: sum(1 for _ in paths) for name, paths in _kinds(scope, settings).items()}


def erase_from_home(scope: Scope, settings: Settings, *, wait_s: float) -> None:
    """Delete them.

    Raises:
        ErasureError: READER_IN_THE_WAY.
    """
    for path in [one for kind in _kinds(scope, settings).values() for one in kind]:
        wait_for_readers(str(path), wait_s=wait_s)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def caches(scope: Scope, settings: Settings) -> Iterator[Path]:
    """What ingest remembers of the source; a half-written one bears its name, too."""
    own = scope.source_id
    for folder, name in (("digests", own), ("listed", own), ("standing", f"{own}.json")):
        yield from (settings.home / folder).glob(_literal(name))
        yield from (settings.home / folder).glob(f".{_literal(name)}.*.part")


def scratch(scope: Scope, settings: Settings) -> Iterator[Path]:
    """Temporary folders of the source's own batches: whoever made them holds its lock, or died."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        own = {one.batch_id[:8] for one in versions.batches_of(session, scope.source_id)}
    for path in sorted(settings.scratch.glob("*")):
        if path.name.partition("-")[0] in own:
            yield path


def pictures(scope: Scope, settings: Settings) -> Iterator[Path]:
    """Strips and evaluation pages of every run on a training set that held the source."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        points = runs.checkpoints_of(session, (one.run_id for one in _runs_on(session, scope)))
    for folder in _folders(points, settings):
        for name in ("step-*.png", "step-*.evaluation.html"):
            yield from sorted(folder.glob(name))


def adapters(scope: Scope, settings: Settings) -> Iterator[Path]:
    """All but the seals of the checkpoints that hold an adapter of the source and nothing else.

    The index of the weights comes first: without it no half of a checkpoint is taken for one.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        own = (one.run_id for one in _runs_on(session, scope) if _is_adapter(one, scope))
        points = runs.checkpoints_of(session, own)
    for folder in _folders(points, settings):
        yield from (one for one in sorted(folder.glob("step-*/*")) if one.name != SEAL)


def checkpoints_that_saw(scope: Scope, settings: Settings) -> tuple[str, ...]:
    """The checkpoints of runs on such a set: weights that hold more are not erased, but named."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        own = (one.run_id for one in _runs_on(session, scope) if not _is_adapter(one, scope))
        return tuple(one.checkpoint_id for one in runs.checkpoints_of(session, own))


def _kinds(scope: Scope, settings: Settings) -> dict[str, Iterator[Path]]:
    return {
        "caches": caches(scope, settings),
        "scratch": scratch(scope, settings),
        "pictures": pictures(scope, settings),
        "adapters": adapters(scope, settings),
    }


def _runs_on(session: Session, scope: Scope) -> tuple[RunRow, ...]:
    every = training_sets.training_sets(session)
    return runs.runs_on(session, (one.set_id for one in every if scope.source_id in one.sources))


def _is_adapter(run: RunRow, scope: Scope) -> bool:
    """Whether all of what a run learnt goes; where a file goes, the rest of the source stays."""
    return not scope.sha256 and run.config.get("adapter") == scope.source_id


def _folders(points: Iterable[CheckpointRow], settings: Settings) -> list[Path]:
    """The folders of their runs, which may lie outside the home."""
    return sorted({(settings.runs_dir / one.path).parent for one in points})


def _literal(name: str) -> str:
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)
