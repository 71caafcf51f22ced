"""Export: a physical training set of cleared clips, sealed, described, signed and recorded.

In: a name, a request, render settings. Out: `<training_sets>/<name>/<version>/`, which a public key
alone can check. The request is decided anew first. Nothing cleared, nothing written.

Order of travel: rows, documents, `manifest.json`, the catalog with its log entry, and last
`clearance.dsse.json`, without which no trainer opens the set. Killed before the catalog knows it,
a version is a stray folder that the next run removes; killed after, it only lacks its clearance,
which the next run signs. The same plan twice renders nothing and renews what has lapsed, unless
files are missing or clips were left out: those are tried again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import training_sets
from catalog.engine import open_catalog, reading
from pipelines.clear import clear
from pipelines.errors import ExportError
from pipelines.export.describing import rehearse
from pipelines.export.mixture import EVERY_SOURCE, Mixture
from pipelines.export.planning import SetPlan, plan_set
from pipelines.export.publishing import publish_version
from pipelines.export.refusing import store_errors
from pipelines.export.rendering import Rendered, RenderJob, render_source
from pipelines.export.resting import grounds_of_set
from pipelines.export.reusing import Before, read_before, reuse_shards
from pipelines.export.signing import holds_until, set_lock, sign_and_record
from pipelines.lake.datasets import create_dataset
from pipelines.lake.schemas import set_schema
from pipelines.render import RenderSpec
from pipelines.revocations import publish_revocations
from pipelines.storage import delete_prefix, join, list_files
from pipelines.workers import fan_out
from pipelines.workers import session as workers_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings

Progress = Callable[[str, int, int], None]
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A training set that is there: new, `reused`, or reused with its clearance `renewed`.

    `left_out` clips could not be rendered, or not of every camera; `uncleared` ones touch a part
    that is not permitted; `moved` episodes were joined by another one to a held-out group;
    `shards_reused` were taken from the version before.
    """

    set_id: str
    version: int
    uri: str
    manifest_digest: str
    content_digest: str
    num_clips: int
    num_frames: int
    sources: tuple[str, ...]
    not_after: datetime
    uncleared: int
    moved: int = 0
    left_out: int = 0
    shards_reused: int = 0
    reused: bool = False
    renewed: bool = False

    def line(self) -> dict[str, Any]:
        """The report as `set export --json` prints it."""
        return {
            "id": self.set_id,
            "uri": self.uri,
            "manifest": self.manifest_digest,
            "content": self.content_digest,
            "clips": self.num_clips,
            "frames": self.num_frames,
            "sources": list(self.sources),
            "reused": self.reused,
            "renewed": self.renewed,
            "not_after": f"{self.not_after:%Y-%m-%dT%H:%M:%SZ}",
            "left_out": self.left_out,
            "uncleared": self.uncleared,
            "moved": self.moved,
            "shards_reused": self.shards_reused,
        }

    def summary(self) -> str:
        """Say it in one line."""
        how = "unchanged, nothing rendered" if self.reused else "rendered and signed"
        how += ", its clearance had lapsed and was renewed" if self.renewed else ""
        how += f", {self.shards_reused} shards as they were" if self.shards_reused else ""
        lost = (
            f"; {self.left_out} clips could not be rendered, or not of every camera"
            if self.left_out
            else ""
        )
        lost += f"; episodes held out from now on: {self.moved}" if self.moved else ""
        if self.uncleared:
            lost += f"; {self.uncleared} clips touch what is not cleared and are left out"
        return (
            f"{self.set_id}: {self.num_clips} clips, {self.num_frames} frames of "
            f"{', '.join(self.sources)}; {how}{lost}; cleared until "
            f"{self.not_after:%Y-%m-%d %H:%M} UTC"
        )


def export_set(  # noqa: PLR0913 - what, for whom, how, by whom and when: none has a default
    name: str,
    request: Mapping[str, Any] | str,
    settings: Settings,
    *,
    spec: RenderSpec,
    at_once: int,
    run_id: str,
    now: datetime,
    mixture: Mixture = EVERY_SOURCE,
    progress: Progress | None = None,
) -> Exported:
    """Export the training set `name` for `request`, or find that it is there already.

    Raises:
        NotFound: UNKNOWN_ID, the mixture names no source.
        ExportError: NOTHING_CLEARED, NOT_CLEARED, NOT_FOR_EXPORT, SET_NAME, DOCUMENT_FIELD_MISSING,
            NOTHING_RENDERED, STORE_REFUSED.
        LakeError: DISK_FULL.
    """
    if not NAME.fullmatch(name):
        raise ExportError(
            f"training set name {name!r}, expected a-z, 0-9, dot, dash and underscore",
            code="SET_NAME",
            subject=name,
            way_out="choose another name",
        )
    with store_errors(join(settings.training_sets, name)):
        clearance = clear(request, settings, now=now, run_id=run_id)
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            plan = plan_set(session, name, clearance, settings=settings, spec=spec, mixture=mixture)
        with set_lock(name, settings):
            done = _export(plan, settings, at_once=at_once, run_id=run_id, now=now, told=progress)
        publish_revocations(settings, now=now)  # fresh, and naming the version to go on with
    return done


def _export(
    plan: SetPlan,
    settings: Settings,
    *,
    at_once: int,
    run_id: str,
    now: datetime,
    told: Progress | None,
) -> Exported:
    """Make the next version, or find that the last one is what it would be."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        latest = latest_version(session, plan.name)
    _remove_strays(settings, plan.name, upto=latest.version if latest else 0)
    before = _before(latest, settings)
    is_same = before is not None and before.is_whole and before.plan == plan.digest
    if latest and before and is_same and not before.left_out:
        return _reuse(plan, latest, settings, before=before, now=now)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        rehearse(session, plan)
    uri = settings.set_uri(plan.name, latest.version + 1 if latest else 1)
    rendered = _fill(plan, uri, settings, before=before, at_once=at_once, told=told)
    left_out = tuple(one for each in rendered for one in each.left_out)
    if latest and before and is_same and left_out == before.left_out:  # tried again in vain
        delete_prefix(uri)
        return _reuse(plan, latest, settings, before=before, now=now)
    done = publish_version(plan, rendered, settings, before=latest, run_id=run_id, now=now)
    found = _exported(done.row, done.uri, not_after=done.not_after, uncleared=plan.uncleared)
    taken = sum(one.reused for one in rendered)
    return replace(found, left_out=done.left_out, moved=len(plan.splits.moved), shards_reused=taken)


def latest_version(session: Session, name: str) -> TrainingSetRow | None:
    """The last recorded version of a training set, None when there is none."""
    own = [one for one in training_sets.training_sets(session) if one.name == name]
    return max(own, key=lambda one: one.version, default=None)


def _before(latest: TrainingSetRow | None, settings: Settings) -> Before | None:
    if latest is None:
        return None
    uri = settings.set_uri(latest.name, latest.version)
    return read_before(uri, latest.manifest_digest)


def _reuse(
    plan: SetPlan, latest: TrainingSetRow, settings: Settings, *, before: Before, now: datetime
) -> Exported:
    until = holds_until(before.uri, settings, manifest_digest=latest.manifest_digest)
    lapsed = until is None or now >= until
    if lapsed or until is None:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            grounds = grounds_of_set(session, latest, plan.clearance)
        until = sign_and_record(latest, plan.clearance, settings, grounds=grounds, now=now)
    found = _exported(latest, before.uri, not_after=until, uncleared=plan.uncleared)
    return replace(found, left_out=len(before.left_out), reused=True, renewed=lapsed)


def _remove_strays(settings: Settings, name: str, *, upto: int) -> None:
    """Remove what a killed export left: version folders that the catalog never heard of."""
    uri = join(settings.training_sets, name)
    found = {one.path.split("/")[0] for one in list_files(uri)}
    for folder in sorted(found):
        if folder.isdecimal() and int(folder) > upto:
            delete_prefix(join(uri, folder))


def _fill(
    plan: SetPlan,
    uri: str,
    settings: Settings,
    *,
    before: Before | None,
    at_once: int,
    told: Progress | None,
) -> tuple[Rendered, ...]:
    """Take what the version before has, render the rest."""
    data = join(uri, "data.lance")
    create_dataset(data, set_schema())
    taken = reuse_shards(plan, before, uri) if before else ()
    there = {one.source_id for one in taken}
    jobs = [
        RenderJob(
            source_id=one.source_id,
            lake=settings.lake,
            data_uri=data,
            columns=one.columns,
            spec=plan.spec,
            episodes=one.episodes,
        )
        for one in plan.sources
        if one.source_id not in there
    ]
    done = [*taken, *_render(jobs, settings, at_once=at_once, told=told)]
    return tuple(sorted(done, key=lambda one: one.source_id))


def _render(
    jobs: Sequence[RenderJob], settings: Settings, *, at_once: int, told: Progress | None
) -> Iterator[Rendered]:
    if not jobs:
        return
    with workers_session(settings, at_once=at_once):
        for number, outcome in enumerate(fan_out(render_source, jobs, at_once=at_once), 1):
            if outcome.value is None:
                raise outcome.error or ExportError(
                    f"source {outcome.item.source_id}: nothing came back from its worker",
                    code="RENDER_FAILED",
                    subject=outcome.item.source_id,
                    way_out="run the same command again",
                )
            yield outcome.value
            if told is not None:
                told("render", number, len(jobs))


def _exported(row: TrainingSetRow, uri: str, *, not_after: datetime, uncleared: int) -> Exported:
    return Exported(
        set_id=row.set_id,
        version=row.version,
        uri=uri,
        manifest_digest=row.manifest_digest,
        content_digest=row.content_digest,
        num_clips=row.num_clips,
        num_frames=row.num_frames,
        sources=row.sources,
        not_after=not_after,
        uncleared=uncleared,
    )
