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

from catalog import answers, clips, parts, sources
from licensing.manifest import digest
from pipelines.clear import NO_END, Clearance, cleared_clips, rights_stream
from pipelines.documents.notice import NoticeFacts, NoticeSource, notice_id
from pipelines.errors import ExportError
from pipelines.export.channels import Columns, choose_columns
from pipelines.export.facts import merged, notices_of
from pipelines.export.lineage_groups import Splits, draw_splits
from pipelines.export.mixture import Mixture, chosen_rows
from pipelines.export.rendering import RENDERER, EpisodeJob, Window
from pipelines.film import Coding
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.schemas import set_schema
from pipelines.lake.streams import rows_digest
from pipelines.render import RenderSpec

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow
    from pipelines.clear import SourceRow
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What is rendered of one source; `stored` is the digest of what the lake holds of it."""

    source_id: str
    stored: str
    readers: Mapping[str, str]  # episode -> the reader that read it
    columns: Columns
    units: Mapping[str, str]
    episodes: tuple[EpisodeJob, ...]

    @property
    def num_clips(self) -> int:
        """Clips of this source."""
        return sum(len(one.windows) for one in self.episodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPlan:
    """A training set before it is rendered.

    `uncleared` counts the clips of its sources that are left out, for they touch what is not
    permitted.
    """

    name: str
    splits: Splits
    spec: RenderSpec
    clearance: Clearance
    sources: tuple[SourcePlan, ...]
    notices: tuple[NoticeSource, ...]
    not_after: date
    uncleared: int
    answers: Mapping[str, str]  # what people said for its documents
    mixture: Mixture

    @property
    def digest(self) -> str:
        """Everything that decides the bytes of the set; decisions and days are left out."""
        return digest(
            {
                "request": self.clearance.request_digest,
                **_made_with(self.spec),
                "sources": [_source_doc(one) for one in self.sources],
                **({"answers": dict(self.answers)} if self.answers else {}),
                **({"weights": dict(self.mixture.weights)} if self.mixture.weights else {}),
            }
        )

    def shard_digest(self, source: SourcePlan) -> str:
        """Everything that decides the bytes of the shard of a source."""
        return digest({**_made_with(self.spec), "source": _source_doc(source)})

    def duties(self) -> dict[str, tuple[str, ...]]:
        """The duties of each decision of the set; where clips rest on several, each owes all."""
        found: dict[str, dict[str, None]] = {}
        for one in self.notices:
            found.setdefault(one.decision_id, {}).update(dict.fromkeys(one.duties))
        return {decision_id: tuple(duties) for decision_id, duties in found.items()}

    def notice_facts(self, version: int | str) -> NoticeFacts:
        """What the notices of this version say."""
        return NoticeFacts(set_name=f"{self.name}@{version}", sources=self.notices)


def plan_set(
    session: Session,
    name: str,
    clearance: Clearance,
    *,
    settings: Settings,
    spec: RenderSpec,
    mixture: Mixture,
) -> SetPlan:
    """Plan the training set `name` from what `clearance` permits.

    Raises:
        ExportError: NOTHING_CLEARED, NOT_CLEARED, or NOT_FOR_EXPORT for a what-if.
        NotFound: UNKNOWN_ID, the mixture names no source.
    """
    if not clearance.recorded:
        raise ExportError(
            f"the request is dated {clearance.valid}, expected today: a what-if clears nothing",
            code="NOT_FOR_EXPORT",
            subject=str(clearance.valid),
            way_out="leave `at` and `known` out of the request",
        )
    chosen = [
        _choose(session, row, clearance=clearance, settings=settings)
        for row in chosen_rows(clearance, mixture, name=name)
    ]
    used = [one for one in chosen if one.clips]
    if not used:
        raise _nothing(name, clearance)
    sizes = Counter(clip.episode_id for one in used for clip, _ in one.clips)
    splits = draw_splits(session, name, sizes, settings=settings)
    return SetPlan(
        name=name,
        splits=splits,
        spec=spec,
        clearance=clearance,
        sources=tuple(
            _drawn(one, splits.by_episode) for one in sorted(used, key=lambda one: one.source_id)
        ),
        notices=tuple(each for one in used for each in one.notices),
        not_after=min(one.ends for one in used),
        uncleared=sum(one.uncleared for one in chosen),
        answers=answers.answers(session, name),
        mixture=mixture,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The cleared clips of one source, each with its notice, before they are drawn into splits.

    `uncleared` counts the others: each overlaps a part that is not permitted.
    """

    source_id: str
    stored: str
    readers: Mapping[str, str]
    columns: Columns
    units: Mapping[str, str]
    cameras: Mapping[str, Mapping[str, Coding]]  # episode -> camera -> coding
    clips: tuple[tuple[ClipRow, str], ...]
    notices: tuple[NoticeSource, ...]
    ends: date
    uncleared: int


def _choose(
    session: Session, row: SourceRow, *, clearance: Clearance, settings: Settings
) -> _Chosen:
    source = sources.source(session, row.source)
    kept = [one for one in clips.clips_of(session, row.source) if one.status == "kept"]
    cleared = cleared_clips(row, kept, parts.parts_of(session, row.source))
    asked = clearance.request.get("streams")
    episodes = clips.episodes_of(session, row.source)
    streams = {
        one.episode_id: [
            stream for stream in one.streams if not asked or rights_stream(source, stream) in asked
        ]
        for one in episodes
    }
    own = [stream for each in streams.values() for stream in each]
    channels = [(str(one["name"]), str(each)) for one in own for each in one.get("channels", ())]
    notices = notices_of(session, source, row, cleared=cleared, settings=settings)
    used = {one.episode_id for own in cleared.values() for one in own}
    lake = dataset_uri(settings.lake, row.source, "streams")
    return _Chosen(
        source_id=row.source,
        stored=rows_digest(lake, used) if used else "",
        readers={one.episode_id: one.reader for one in episodes},
        columns=choose_columns(channels, source.config),
        units={str(key): str(unit) for key, unit in source.config.get("units", {}).items()},
        cameras={key: _cameras(each) for key, each in streams.items()},
        clips=tuple(
            (one, notice_id(notices[keys][0])) for keys, own in cleared.items() for one in own
        ),
        notices=merged(one for each in notices.values() for one in each),
        ends=min((row.permitted[key].ends for keys in cleared for key in keys), default=NO_END),
        uncleared=len(kept) - sum(map(len, cleared.values())),
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
    windows: dict[str, list[Window]] = {}
    for one, notice in chosen.clips:
        window = Window(
            clip_id=one.clip_id,
            start_ns=one.start_ns,
            end_ns=one.end_ns,
            split=splits[one.episode_id],
            notice_id=notice,
        )
        windows.setdefault(one.episode_id, []).append(window)
    return SourcePlan(
        source_id=chosen.source_id,
        stored=chosen.stored,
        readers={one: chosen.readers[one] for one in windows},
        columns=chosen.columns,
        units=chosen.units,
        episodes=tuple(
            EpisodeJob(
                episode_id=episode_id,
                cameras=chosen.cameras[episode_id],
                windows=tuple(sorted(own, key=lambda one: (one.start_ns, one.clip_id))),
            )
            for episode_id, own in sorted(windows.items())
        ),
    )


def _made_with(spec: RenderSpec) -> dict[str, Any]:
    """The settings and the code that decide the bytes of a row."""
    return {"render": spec.doc(), "renderer": RENDERER, "schema": str(set_schema())}


def _source_doc(plan: SourcePlan) -> dict[str, Any]:
    return {
        "source": plan.source_id,
        "stored": plan.stored,
        "columns": {"action": list(plan.columns.action), "state": list(plan.columns.state)},
        "units": dict(plan.units),
        "episodes": [
            {
                "episode": one.episode_id,
                "reader": plan.readers[one.episode_id],
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
