"""What the home keeps beside the lake: remembered digests, scratch, pictures of what was seen."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import runs, training_sets, versions
from catalog.engine import open_catalog, reading
from pipelines.erase.prefixes import wait_for_readers

if TYPE_CHECKING:
    from catalog.runs import CheckpointRow
    from pipelines.erase.scope import Scope
    from pipelines.settings import Settings


def found_in_home(scope: Scope, settings: Settings) -> dict[str, int]:
    """How many files of each kind are there."""
    kinds = {"caches": caches(scope, settings), "scratch": scratch(scope, settings)}
    kinds["pictures"] = pictures(scope, settings)
    return {name: sum(1 for _ in paths) for name, paths in kinds.items()}


def erase_from_home(scope: Scope, settings: Settings, *, wait_s: float) -> None:
    """Delete them.

    Raises:
        ErasureError: READER_IN_THE_WAY.
    """
    every = (caches(scope, settings), scratch(scope, settings), pictures(scope, settings))
    for path in [one for kind in every for one in kind]:
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
    """Pictures beside the checkpoints of every run on a training set that held the source."""
    for folder in sorted({Path(one.path).parts[0] for one in _reached(scope, settings)}):
        yield from sorted((settings.runs_dir / folder).rglob("*.png"))


def checkpoints_that_saw(scope: Scope, settings: Settings) -> tuple[str, ...]:
    """The checkpoints of those runs: weights are not erased, but named."""
    return tuple(one.checkpoint_id for one in _reached(scope, settings))


def _reached(scope: Scope, settings: Settings) -> list[CheckpointRow]:
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        every = training_sets.training_sets(session)
        sets = {one.set_id for one in every if scope.source_id in one.sources}
        own = {one.run_id for one in runs.runs(session) if one.set_id in sets}
        return [one for one in runs.checkpoints(session) if one.run_id in own]


def _literal(name: str) -> str:
    return "".join(f"[{one}]" if one in "*?[" else one for one in name)
