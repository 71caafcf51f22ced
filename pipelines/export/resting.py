"""On which decisions a training set rests: those of the clips that are in it, and of no others.

In: what was planned or cleared, and the clips that the set holds. Out: the decisions, until when
they hold, and the notices that are owed. A clip that could not be rendered owes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from catalog import clips, parts, sources
from pipelines.clear import NO_END, Clearance, cleared_clips
from pipelines.errors import ExportError
from pipelines.export.facts import merged, notices_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow
    from catalog.training_sets import TrainingSetRow
    from pipelines.clear import SourceRow
    from pipelines.export.papers import Contents
    from pipelines.export.planning import SetPlan
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """The decisions that clear every clip of a set, and the first end of their facts."""

    decisions: frozenset[str]
    ends: date


def grounds_of_set(session: Session, row: TrainingSetRow, clearance: Clearance) -> Grounds:
    """What a recorded set rests on when its request is decided anew.

    Raises:
        ExportError: DECISION_TURNED, a clip of it is not permitted any more.
    """
    lost = held = {clip_id for clip_id, _, _ in clips.shards_of(session, row.set_id)}
    own = [one for one in clearance.rows if one.source in row.sources]
    used, ends = set[str](), [NO_END]
    for one in own:
        cleared = _cleared(session, one, held)
        over = [one.permitted[key] for keys in cleared for key in keys]
        used |= {part.decision_id for part in over}
        ends += [part.ends for part in over]
        lost = lost - {clip.clip_id for each in cleared.values() for clip in each}
    if lost:
        turned = [
            f"{one.source} is {one.verdict} ({', '.join(one.reasons)})"
            for one in own
            if one.verdict != "permit"
        ]
        raise ExportError(
            f"{row.set_id}: {len(lost)} of its {len(held)} clips are not permitted any more: "
            f"{'; '.join(turned) or min(lost)}",
            code="DECISION_TURNED",
            subject=row.set_id,
            way_out="export the set again: its next version leaves out what has turned",
        )
    return Grounds(decisions=frozenset(used), ends=min(ends))


def owing_what_came(
    session: Session, plan: SetPlan, contents: Contents, *, settings: Settings
) -> SetPlan:
    """`plan` with the notices of the clips that were rendered."""
    held = set(contents.index["clip_id"].to_pylist())
    if len(held) == sum(one.num_clips for one in plan.sources):
        return plan
    rows = {one.source: one for one in plan.clearance.rows}
    came = {one.source_id: _cleared(session, rows[one.source_id], held) for one in plan.sources}
    notices = [
        notices_of(
            session, sources.source(session, name), rows[name], cleared=own, settings=settings
        )
        for name, own in came.items()
    ]
    owed = merged(one for each in notices for said in each.values() for one in said)
    return replace(plan, notices=owed)


def _cleared(
    session: Session, row: SourceRow, held: Collection[str]
) -> dict[tuple[str, ...], tuple[ClipRow, ...]]:
    own = [one for one in clips.clips_of(session, row.source) if one.clip_id in held]
    return cleared_clips(row, own, parts.parts_of(session, row.source))
