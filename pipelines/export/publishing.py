"""Publish a rendered training set: seal, document, describe, record, sign, in this order.

In: a plan and the fragments of its sources, uncommitted. Out: a version that a trainer can open. It
exists for trainers only from the last step on, when `clearance.dsse.json` appears.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import clips, training_sets
from catalog.engine import open_catalog, reading
from licensing.manifest import canonical, sha256_hex
from pipelines.documents import notice, of_set
from pipelines.errors import ExportError
from pipelines.export.describing import describe_set
from pipelines.export.papers import (
    Contents,
    Line,
    manifest_bytes,
    read_contents,
    write_manifest,
)
from pipelines.export.planning import SetPlan
from pipelines.export.rendering import LeftOut, Rendered
from pipelines.export.resting import Grounds, owing_what_came
from pipelines.export.reusing import shard_notes
from pipelines.export.signing import sign_and_record
from pipelines.export.tombstones import row_notes, tombstones_after
from pipelines.lake.sealing import commit_set
from pipelines.storage import delete_prefix, join, write_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.training_sets import TrainingSetRow
    from pipelines.documents.facts import DocumentFacts
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version that is in place: its record, folder, end, and the clips that are missing."""

    row: TrainingSetRow
    uri: str
    not_after: datetime
    left_out: int


def publish_version(
    plan: SetPlan,
    rendered: Sequence[Rendered],
    settings: Settings,
    *,
    before: TrainingSetRow | None,
    run_id: str,
    now: datetime,
) -> Published:
    """Seal what was rendered, describe, record and sign it; the clearance is the last to appear."""
    version = before.version + 1 if before else 1
    uri = settings.set_uri(plan.name, version)
    left_out = tuple(one for each in rendered for one in each.left_out)
    predecessor = before.manifest_digest if before else None
    before_uri = settings.set_uri(plan.name, version - 1)
    _seal_rows(plan, uri, rendered, left_out=left_out)
    contents = read_contents(plan, uri)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        plan = owing_what_came(session, plan, contents, settings=settings)
        facts = describe_set(
            session, plan, contents, rendered=rendered, version=version, predecessor=predecessor
        )
    _write_documents(plan, facts, uri, rendered=rendered, contents=contents)
    stones = tombstones_after(before_uri, predecessor, contents) if predecessor else ()
    line = Line(version=version, predecessor=predecessor, tombstones=stones)
    manifest = write_manifest(plan, uri, contents, line=line)
    raw = manifest_bytes(manifest)
    write_bytes(join(uri, "manifest.json"), raw)
    row = _row(plan, manifest, digest=sha256_hex(raw), now=now)
    places = zip(
        *(contents.index[one].to_pylist() for one in ("clip_id", "camera", "shard")), strict=True
    )
    not_after = sign_and_record(
        row,
        plan.clearance,
        settings,
        grounds=Grounds(decisions=frozenset(row.decisions), ends=plan.not_after),
        now=now,
        first=lambda session: _record(session, row, sorted(places), run_id=run_id, now=now),
    )
    return Published(row=row, uri=uri, not_after=not_after, left_out=len(left_out))


def _seal_rows(
    plan: SetPlan, uri: str, rendered: Sequence[Rendered], *, left_out: Sequence[LeftOut]
) -> None:
    """Commit the fragments of all sources at once; an empty set is no set."""
    if not any(one.written.fragments for one in rendered):
        why = f": {left_out[0].why}" if left_out else ""
        delete_prefix(uri)
        raise ExportError(
            f"training set {plan.name}: none of its clips could be rendered{why}",
            code="NOTHING_RENDERED",
            subject=plan.name,
            way_out="ingest the sources again, and look at `clearway quarantine list`",
        )
    commit_set(join(uri, "data.lance"), [one.written for one in rendered if one.written.fragments])


def _write_documents(
    plan: SetPlan,
    facts: DocumentFacts,
    uri: str,
    *,
    rendered: Sequence[Rendered],
    contents: Contents,
) -> None:
    """Write the notices, every document about the set, and what was asked for and is missing."""
    notices = notice.build(plan.notice_facts(facts.version))
    notice.check_notices(notices["notices.json"], plan.duties())
    selection = {
        "plan": plan.digest,
        "salt": plan.splits.salt,
        "splits": dict(plan.splits.by_episode),
        "moved": [asdict(one) for one in plan.splits.moved],
        "clips": sum(one.num_clips for one in plan.sources),
        "uncleared": plan.uncleared,
        **({"weights": dict(plan.mixture.weights)} if plan.mixture.weights else {}),
        "left_out": [asdict(one) for each in rendered for one in each.left_out],
        "shards": shard_notes(plan, rendered),
        "rows": row_notes(contents),
    }
    files = {**notices, **of_set.build(facts), "selection.json": canonical(selection)}
    for name, content in sorted(files.items()):
        write_bytes(join(uri, "documents", name), content)


def _row(
    plan: SetPlan, manifest: Mapping[str, Any], *, digest: str, now: datetime
) -> TrainingSetRow:
    return training_sets.TrainingSetRow(
        set_id=f"{plan.name}@{manifest['version']}",
        name=plan.name,
        version=manifest["version"],
        manifest_digest=digest,
        content_digest=manifest["content_digest"],
        request_name=plan.clearance.request_name,
        request_digest=plan.clearance.request_digest,
        request=plan.clearance.request,
        decisions=tuple(dict.fromkeys(one.decision_id for one in plan.notices)),
        num_clips=sum(one["num_clips"] for one in manifest["shards"]),
        num_frames=sum(one["num_frames"] for one in manifest["shards"]),
        sources=tuple(one["source_id"] for one in manifest["shards"]),
        predecessor=manifest["predecessor"],
        made_at=now,
        not_after=plan.not_after,
    )


def _record(
    session: Session,
    row: TrainingSetRow,
    places: Sequence[tuple[str, str, int]],
    *,
    run_id: str,
    now: datetime,
) -> None:
    training_sets.record_training_set(session, row, run_id=run_id, now=now)
    clips.record_shards(session, row.set_id, places, now=now)
