"""The checkpoint that a run begins from: found on record, and clean of all that was revoked.

In: what was given as `parent`. Out: where it lies and what it is. Weights that saw what has been
revoked since are no ground for new ones: such a parent is refused, whatever the new run reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import reach, releases, rights, runs
from catalog.covered import pieces_of
from catalog.engine import open_catalog, reading
from catalog.pieces import least, whole_sources
from pipelines.seen import seen_by
from training.errors import Refused

if TYPE_CHECKING:
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """One checkpoint on record: its folder, the digest of its seal, what its model is like."""

    checkpoint_id: str
    digest: str
    path: Path
    model: Mapping[str, Any]
    lookback: Mapping[str, float]


def parent_of(wanted: str, settings: Settings) -> Parent:
    """Look up the checkpoint that RUN/STEP, an id, its start or its digest names.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        point = releases.point_of(session, wanted)
        run = runs.run(session, point.run_id)
    return Parent(
        checkpoint_id=point.checkpoint_id,
        digest=point.digest,
        path=settings.runs_dir / point.path,
        model=run.config["model"],
        lookback=run.config.get("lookback", {}),
    )


def check_clean(parent: Parent, settings: Settings) -> None:
    """Refuse a parent that saw, itself or through its own parents, what is revoked by now.

    Raises:
        Refused: PARENT_SAW_REVOKED.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        pieces = least(each for one in rights.revocations(session) for each in pieces_of(one))
        if not pieces:
            return
        points = reach.blast_radius(session, pieces).points
        clips = reach.part_clips(session, pieces)
    if parent.checkpoint_id not in {one.checkpoint_id for one in points}:
        return
    saw = seen_by(points, settings, sources=whole_sources(pieces), clips=clips)
    own = next(one for one in saw if one.checkpoint_id == parent.checkpoint_id)
    if not own.is_clean:
        raise Refused(
            f"checkpoint {parent.checkpoint_id[:12]} saw what has been revoked since: "
            f"{own.why or f'{own.windows} windows'}",
            code="PARENT_SAW_REVOKED",
            subject=parent.checkpoint_id,
            way_out="begin from a clean checkpoint: `clearway audit trace` and the revocation name"
            " the last one",
        )
