"""Plan a training set: which clips of which cleared sources, in which columns, split how.

In: a clearance and the catalog. Out: one frozen plan, and a digest of everything that decides the
bytes of the set; the same plan twice means there is nothing to render.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from catalog import clips, sources
from licensing.manifest import digest
from pipelines.clear import NO_END, Clearance, rights_stream
from pipelines.documents.notice import NoticeFacts, NoticeSource, notice_id
from pipelines.errors import ExportError
from pipelines.export.channels import Columns, choose_columns
from pipelines.export.facts import notice_source
from pipelines.export.lineage_groups import Splits, draw_splits
from pipelines.export.rendering import EpisodeJob, Window
from pipelines.render import Coding, RenderSpec

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow
    from pipelines.clear import Part
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What is rendered of one source."""

    source_id: str
    columns: Columns
    units: Mapping[str, str]
    episodes: tuple[EpisodeJob, ...]

    @property
    def num_clips(self) -> int:
        """Clips of this source."""
        return sum(len(one.windows) for one in self.episodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPlan:
    """A training set before it is rendered."""

    name: str
    splits: Splits
    spec: RenderSpec
    clearance: Clearance
    sources: tuple[SourcePlan, ...]
    notices: tuple[NoticeSource, ...]
    not_after: date

    @property
    def digest(self) -> str:
        """Everything that decides the bytes of the set; decisions and days are left out."""
        return digest(
            {
                "request": self.clearance.request_digest,
                "render": self.spec.doc(),
                "sources": [_source_doc(one) for one in self.sources],
            }
        )

    def duties(self) -> dict[str, tuple[str, ...]]:
        """The duties of each decision that the set rests on."""
        return {one.decision_id: one.duties for one in self.notices}

    def notice_facts(self, version: int) -> NoticeFacts:
        """What the notices of this version say."""
        return NoticeFacts(set_name=f"{self.name}@{version}", sources=self.notices)


def plan_set(
    session: Session, name: str, clearance: Clearance, *, settings: Settings, spec: RenderSpec
) -> SetPlan:
    """Plan the training set `name` from what `clearance` permits.

    Raises:
        ExportError: NOTHING_CLEARED, or NOT_FOR_EXPORT for a what-if.
    """
    if not clearance.recorded:
        raise ExportError(
            f"the request is dated {clearance.valid}, expected today: a what-if clears nothing",
            code="NOT_FOR_EXPORT",
            subject=str(clearance.valid),
            way_out="leave `at` and `known` out of the request",
        )
    chosen = [
        one
        for part in clearance.permitted
        if (one := _choose(session, part, clearance=clearance, settings=settings)) is not None
    ]
    if not chosen:
        raise _nothing(name, clearance)
    sizes = Counter(clip.episode_id for one in chosen for clip in one.clips)
    splits = draw_splits(session, name, sizes, settings=settings)
    return SetPlan(
        name=name,
        splits=splits,
        spec=spec,
        clearance=clearance,
        sources=_merged([_drawn(one, splits.by_episode) for one in chosen]),
        notices=tuple(one.notice for one in chosen),
        not_after=min((one.part.ends for one in chosen), default=NO_END),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """One cleared part before its clips are drawn into splits."""

    part: Part
    notice: NoticeSource
    columns: Columns
    units: Mapping[str, str]
    cameras: Mapping[str, Mapping[str, Coding]]  # episode -> camera -> coding
    clips: tuple[ClipRow, ...]


def _choose(
    session: Session, part: Part, *, clearance: Clearance, settings: Settings
) -> _Chosen | None:
    source = sources.source(session, part.source_id)
    kept = tuple(
        one
        for one in clips.clips_of(session, part.source_id)
        if one.status == "kept" and one.episode_id in part.episodes
    )
    if not kept:
        return None
    asked = clearance.request.get("streams")
    episodes = clips.episodes_of(session, part.source_id)
    streams = {
        one.episode_id: [
            stream for stream in one.streams if not asked or rights_stream(source, stream) in asked
        ]
        for one in episodes
    }
    own = [stream for one in episodes for stream in streams[one.episode_id]]
    channels = [(str(one["name"]), str(each)) for one in own for each in one.get("channels", ())]
    return _Chosen(
        part=part,
        notice=notice_source(session, source, part, settings=settings, num_clips=len(kept)),
        columns=choose_columns(channels, source.config),
        units={str(key): str(unit) for key, unit in source.config.get("units", {}).items()},
        cameras={key: _cameras(each) for key, each in streams.items() if key in part.episodes},
        clips=kept,
    )


def _cameras(streams: Sequence[Mapping[str, Any]]) -> dict[str, Coding]:
    return {
        str(one["name"]): Coding(
            codec=str(one["codec"]),
            width=int(one.get("width") or 0),
            height=int(one.get("height") or 0),
            pixels=str(one.get("pixels") or ""),
        )
        for one in streams
        if one["kind"] == "video"
    }


def _drawn(chosen: _Chosen, splits: Mapping[str, str]) -> SourcePlan:
    notice = notice_id(chosen.notice)
    jobs = []
    for episode_id in sorted({one.episode_id for one in chosen.clips}):
        windows = [
            Window(
                clip_id=one.clip_id,
                start_ns=one.start_ns,
                end_ns=one.end_ns,
                split=splits[episode_id],
                notice_id=notice,
            )
            for one in chosen.clips
            if one.episode_id == episode_id
        ]
        jobs.append(
            EpisodeJob(
                episode_id=episode_id,
                cameras=chosen.cameras[episode_id],
                windows=tuple(sorted(windows, key=lambda one: (one.start_ns, one.clip_id))),
            )
        )
    return SourcePlan(
        source_id=chosen.part.source_id,
        columns=chosen.columns,
        units=chosen.units,
        episodes=tuple(jobs),
    )


def _merged(plans: Sequence[SourcePlan]) -> tuple[SourcePlan, ...]:
    """One plan a source, though several decisions may clear parts of it: one source, one shard."""
    merged: dict[str, SourcePlan] = {}
    for plan in plans:
        before = merged.get(plan.source_id)
        episodes = (*(before.episodes if before else ()), *plan.episodes)
        merged[plan.source_id] = SourcePlan(
            source_id=plan.source_id,
            columns=plan.columns,
            units=plan.units,
            episodes=tuple(sorted(episodes, key=lambda one: one.episode_id)),
        )
    return tuple(merged[key] for key in sorted(merged))


def _source_doc(plan: SourcePlan) -> dict[str, Any]:
    return {
        "source": plan.source_id,
        "columns": {"action": list(plan.columns.action), "state": list(plan.columns.state)},
        "units": dict(plan.units),
        "episodes": [
            {
                "episode": one.episode_id,
                "cameras": {name: asdict(coding) for name, coding in one.cameras.items()},
                "clips": [
                    [each.clip_id, str(each.start_ns), str(each.end_ns), each.split, each.notice_id]
                    for each in one.windows
                ],
            }
            for one in plan.episodes
        ],
    }


def _nothing(name: str, clearance: Clearance) -> ExportError:
    said = ", ".join(f"{count} {word}" for word, count in clearance.counts().items())
    hint = "ingest the cleared sources first" if clearance.permitted else "see `clearway clear`"
    return ExportError(
        f"training set {name}: no clip is cleared for this request ({said}), expected at least one",
        code="NOTHING_CLEARED",
        subject=name,
        way_out=f"{hint}, and `clearway rights explain DECISION` for what would unlock a source",
    )
