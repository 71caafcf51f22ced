"""A clearance cut along one dimension: hours, clips and bytes by verdict, reason, source and so on.

In: what was decided, and of each source its modality and the bytes of its files. Out: rows, the
most hours first. Something with several reasons or layers counts under each of them, so that only
rows of `verdict`, `source` and `modality` add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from catalog import files, sources

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.clear.clearance import Clearance, Part

BY: Final = ("verdict", "reason", "source", "modality", "layer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What falls under one value of a dimension and one verdict.

    `hours` are those of recordings, `clip_hours` those of kept clips. `num_bytes` are those of the
    files as found: where parts of a source differ in verdict, by the share of their hours.
    """

    value: str
    verdict: str
    hours: float
    clips: int
    clip_hours: float
    num_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    modality: str
    num_bytes: int
    hours: float


def breakdown(session: Session, done: Clearance, *, by: str) -> tuple[Share, ...]:
    """Sum a clearance up by one of `BY`."""
    known = _sources(session, done)
    sums: dict[tuple[str, str], list[float]] = {}
    for row in done.rows:
        own = known[row.source]
        for part in row.parts:
            share = part.hours / own.hours if own.hours else 1 / len(row.parts)
            for value in _values(part, by, own):
                total = sums.setdefault((value, part.verdict), [0.0, 0.0, 0.0, 0.0])
                total[0] += part.hours
                total[3] += own.num_bytes * share
        for clips in row.clips:
            for value in _values(clips.part, by, own):
                total = sums.setdefault((value, clips.part.verdict), [0.0, 0.0, 0.0, 0.0])
                total[1] += clips.num_clips
                total[2] += clips.hours
    found = [
        Share(
            value=value,
            verdict=verdict,
            hours=total[0],
            clips=int(total[1]),
            clip_hours=total[2],
            num_bytes=round(total[3]),
        )
        for (value, verdict), total in sums.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.hours, one.value, one.verdict)))


def _sources(session: Session, done: Clearance) -> Mapping[str, _Source]:
    modality = {one.source_id: one.modality for one in sources.sources(session)}
    return {
        row.source: _Source(
            modality=modality[row.source],
            num_bytes=sum(
                one.size_bytes
                for one in files.files_of(session, row.source)
                if one.status == "ingested"
            ),
            hours=sum(part.hours for part in row.parts),
        )
        for row in done.rows
    }


def _values(part: Part, by: str, source: _Source) -> Iterator[str]:
    """The values of a dimension that a part falls under, each once."""
    if by == "reason":
        yield from dict.fromkeys(part.reasons)
    elif by == "layer":
        layers = part.doc["proof"]["layers"]
        yield from dict.fromkeys(str(one["facts"]["layer"]) for one in layers)
    else:
        yield {"verdict": part.verdict, "source": part.source_id, "modality": source.modality}[by]
