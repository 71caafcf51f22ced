"""Collect what the documents of a training set say, once, from its plan, its rows and the catalog.

In: what was planned and rendered. Out: one `DocumentFacts` for all builders. A question that no
record answers stops the export by name: documents ask, they never invent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from catalog import parties, sources
from catalog.errors import NotFound
from pipelines.documents import of_set
from pipelines.documents.facts import (
    ColumnFact,
    DocumentFacts,
    FileFact,
    Organisation,
    RefusedSource,
    SourceFacts,
)
from pipelines.documents.notice import credits_of
from pipelines.errors import ExportError
from pipelines.export.grounds import acquired, acquisition_of, grounds_of, signals_of
from pipelines.export.papers import INDEX, Contents
from pipelines.lake.schemas import set_schema

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.clear import SourceRow
    from pipelines.export.planning import SetPlan, SourcePlan
    from pipelines.export.rendering import Rendered

HOUR_NS = 3_600_000_000_000
SAYS = {
    "clip_id": "the clip, a window of an episode",
    "camera": "the camera of this row; empty for a clip without pictures",
    "source_id": "the source that the clip is from",
    "episode_id": "the recording that the clip is a window of",
    "split": "train, val or test, drawn by lineage group",
    "notice_id": "the notices that are owed for this row, by id in notices.json",
    "sha256": "digest over the row's values and the digests of its pictures",
    "num_frames": "pictures, and rows of numbers",
    "width": "pixels",
    "height": "pixels",
    "action_width": "action channels",
    "state_width": "state channels",
    "start_ns": "start of the clip on the episode's clock, nanoseconds",
    "fps": "pictures a second",
    "action": "actions on the clock of the pictures, row by row",
    "state": "states on the clock of the pictures, row by row",
    "valid": "whether a value was fresh enough, for each channel",
    "unit_key": "whether a picture can be decoded alone",
    "frame_ts_ns": "times of the pictures on the episode's clock, nanoseconds",
    "unit_offset": "first byte of each picture in the media",
    "unit_size": "bytes of each picture",
    "gop_sha256": "digest of each group of pictures",
    "media_sha256": "digest of the media",
    "media": "H.264 pictures in short closed groups",
}


def rehearse(session: Session, plan: SetPlan) -> None:
    """Write the documents of a plan and throw them away: what is missing is told before rendering.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    shards = [
        {"source_id": one.source_id, "shard": number, "num_clips": one.num_clips,
         "num_rows": one.num_clips, "num_frames": one.num_clips}
        for number, one in enumerate(plan.sources)
    ]  # fmt: skip
    contents = Contents(
        index=INDEX.empty_table(),
        data_version=1,
        files=(),
        shards=tuple(shards),
        channels=(),
        layouts={},
        splits={},
        digest="0" * 64,
    )
    of_set.build(describe_set(session, plan, contents, rendered=(), version=1, predecessor=None))


def describe_set(
    session: Session,
    plan: SetPlan,
    contents: Contents,
    *,
    rendered: Sequence[Rendered],
    version: int,
    predecessor: str | None,
) -> DocumentFacts:
    """Collect what the documents of this version say.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING, naming the field and where to record it.
    """
    lost = Counter(one.reason for each in rendered for one in each.left_out)
    files = _files(contents, rendered)
    said = plan.clearance
    return DocumentFacts(
        name=plan.name,
        version=version,
        content_digest=contents.digest,
        predecessor=predecessor,
        organisation=operator(session),
        request=said.request,
        request_name=said.request_name,
        profile=said.profile,
        rulebook_digest=said.rulebook_digest,
        valid=said.valid,
        not_after=plan.not_after,
        sources=tuple(
            _source(session, plan, one, contents=contents, files=files)
            for one in plan.sources
            if any(shard["source_id"] == one.source_id for shard in contents.shards)
        ),
        refused=tuple(_refused(row) for row in said.rows if not row.permitted),
        files=files,
        columns=tuple(
            ColumnFact(name=one.name, type=str(one.type), says=SAYS[one.name])
            for one in set_schema()
        ),
        channels=contents.channels,
        splits=contents.splits,
        render=plan.spec.doc(),
        left_out={**lost, **({"not cleared": plan.uncleared} if plan.uncleared else {})},
        answers=plan.answers,
        producer=f"clearway {version_of('clearway')}",
    )


def operator(session: Session) -> Organisation:
    """Who makes training sets and models here; raises DOCUMENT_FIELD_MISSING if nobody said."""
    try:
        found = parties.party(session, parties.OPERATOR)
    except NotFound as error:
        raise ExportError(
            "the documents name who makes the training set: no party `operator` is on record",
            code="DOCUMENT_FIELD_MISSING",
            subject="operator",
            way_out="clearway init --operator 'Your organisation' --jurisdiction DE",
        ) from error
    return Organisation(name=found.name, kind=found.kind, jurisdiction=found.jurisdiction)


def _refused(row: SourceRow) -> RefusedSource:
    return RefusedSource(
        source_id=row.source,
        verdict=row.verdict,
        reasons=row.reasons,
        hours=sum(part.hours for part in row.parts),
    )


def _source(
    session: Session,
    plan: SetPlan,
    own: SourcePlan,
    *,
    contents: Contents,
    files: Iterable[FileFact],
) -> SourceFacts:
    source = sources.source(session, own.source_id)
    notices = [one for one in plan.notices if one.source_id == own.source_id]
    used = {one.decision_id for one in notices}
    row = next(one for one in plan.clearance.rows if one.source == own.source_id)
    parts = [one for one in row.parts if one.decision_id in used]
    layers = [one for part in parts for one in part.doc["proof"]["layers"]]
    shard = next(one for one in contents.shards if one["source_id"] == own.source_id)
    licences, held = grounds_of(session, source.source_id, layers)
    return SourceFacts(
        source_id=source.source_id,
        title=source.title or source.source_id,
        modality=source.modality,
        creator=notices[0].creator,
        credit=credits_of(notices),
        link=notices[0].link,
        acquisition=acquisition_of(source, layers, is_own=source.owner == parties.OPERATOR),
        acquired=acquired(session, source.source_id, valid=plan.clearance.valid),
        licences=licences,
        layers=held,
        signals=signals_of(session, source.source_id),
        duties=tuple(sorted({duty for one in notices for duty in one.duties})),
        decisions=tuple(sorted(used)),
        ends=min((one.ends for one in parts if one.ends.year < 9999), default=None),
        shard=shard["shard"],
        num_clips=shard["num_clips"],
        num_rows=shard["num_rows"],
        num_frames=shard["num_frames"],
        num_bytes=sum(one.num_bytes for one in files if one.source_id == source.source_id),
        hours=_hours(own, contents, shard["shard"]),
        streams=_streams(own),
        obtained=source.obtained,
        fictional=source.fictional,
    )


def _hours(own: SourcePlan, contents: Contents, shard: int) -> dict[str, float]:
    """The lengths of the clips that were rendered, for each rights stream that they hold."""
    rows = contents.index.filter(pc.equal(contents.index["shard"], shard))
    windows = [one for each in own.episodes for one in each.windows]
    lengths = np.array([one.end_ns - one.start_ns for one in windows], dtype=np.int64)
    known = pa.array((one.clip_id for one in windows), pa.string())
    at = pc.index_in(rows["clip_id"], value_set=known).to_numpy()
    numbers = int(lengths[np.unique(at)].sum())
    hours = {
        "video": int(lengths[at[pc.not_equal(rows["camera"], "").to_numpy()]].sum()),
        "action": numbers if own.columns.action else 0,
        "state": numbers if own.columns.state else 0,
    }
    return {name: length / HOUR_NS for name, length in hours.items() if length}


def _streams(own: SourcePlan) -> tuple[str, ...]:
    named = {camera for each in own.episodes for camera in each.cameras}
    named |= {stream for stream, _ in (*own.columns.action, *own.columns.state)}
    return tuple(sorted(named))


def _files(contents: Contents, rendered: Sequence[Rendered]) -> tuple[FileFact, ...]:
    whose = {
        f"data.lance/{path}": one.source_id for one in rendered for path, _ in one.written.files
    }
    return tuple(
        FileFact(
            path=one["path"],
            num_bytes=one["bytes"],
            sha256=one["sha256"],
            source_id=whose.get(one["path"], ""),
        )
        for one in contents.files
    )
