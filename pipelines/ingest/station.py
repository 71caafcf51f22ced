"""The station: one source, every new file, published exactly once.

Under the source's lock: settle what a killed run left open, scan, plan what is new, work it on Ray
or here, commit media before streams, and record files, quarantine and episodes in the transaction
that closes each batch. Run twice, the second run finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading, source_lock, transaction
from catalog.files import VANISHED, FileEntry, files_of, held, record_files
from catalog.quarantine import quarantined
from catalog.sources import Source
from catalog.sources import source as source_of
from pipelines.errors import RegistrationError
from pipelines.ingest.batches import Visit, settle, work_batch
from pipelines.ingest.ledger import CatalogLedger
from pipelines.ingest.planning import Place, batches, bundles, work_key
from pipelines.ingest.recording import record_lines
from pipelines.ingest.report import Ingested, tally
from pipelines.lake.datasets import create_dataset, dataset_uri, version_of
from pipelines.lake.reading import content_digest, file_ids
from pipelines.lake.schemas import MEDIA
from pipelines.measures import FRAMES
from pipelines.readers.guard import Limits
from pipelines.readers.plan import plan_groups
from pipelines.readers.reading import FileFacts, Group
from pipelines.records import STREAMS
from pipelines.scan.hashing import Progress, digests_of
from pipelines.scan.station import Scanned, scan
from pipelines.settings import Settings
from pipelines.storage import Listed, is_local, local_path
from pipelines.workers import session as ray_session

LOCK_SECONDS = 60.0
BAD = ("quarantined", "unsupported")


def ingest(  # noqa: PLR0913 - the station's whole contract; all but two are named
    source_id: str,
    settings: Settings,
    *,
    at_once: int,
    run_id: str,
    now: datetime,
    decode: bool = True,
    progress: Progress | None = None,
) -> Ingested:
    """Read every new file of a source and publish what came of them, exactly once.

    `at_once=0` works here without Ray. `decode=False` skips the check that every frame decodes.

    Raises:
        NotFound: no such source.
        RegistrationError: SOURCE_PATH_MISSING, SOURCE_INVALID.
        LakeError: DISK_FULL; nothing is half-published, the next run repairs.
        WorkersError: RAY_UNREACHABLE, RAY_MISMATCH, LAKE_NOT_SHARED.
    """
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        source = source_of(session, source_id)
    with source_lock(engine, source.source_id, settings.locks_dir, timeout_s=LOCK_SECONDS):
        visit = Visit(
            engine=engine,
            source=source,
            ledger=CatalogLedger(engine, source_id=source.source_id, now=now),
            place=_place(source, settings, decode=decode),
            at_once=at_once,
            run_id=run_id,
            now=now,
            progress=progress,
        )
        create_dataset(visit.place.media, MEDIA)
        create_dataset(visit.place.streams, STREAMS)
        create_dataset(visit.place.frames, FRAMES)
        settle(visit)
        scanned = scan(source.source_id, settings, now=now, run_id=run_id, progress=progress)
        todo = _plan(visit, scanned)
        with ray_session(settings, at_once=at_once if todo else 0):
            _work(visit, todo)
        _forget_if_changed(visit, settings)
        return _report(visit, scanned, num_worked=len(todo))


def _place(source: Source, settings: Settings, *, decode: bool) -> Place:
    if not is_local(source.uri):
        raise RegistrationError(
            f"source {source.source_id}: {source.uri} is a bucket, expected a folder",
            code="SOURCE_INVALID",
            subject=source.uri,
            way_out="mount the bucket as a folder and register that path",
        )
    Limits.of(source.config, 0)
    return Place(
        root=local_path(source.uri),
        media=dataset_uri(settings.lake, source.source_id, "media"),
        streams=dataset_uri(settings.lake, source.source_id, "streams"),
        frames=dataset_uri(settings.lake, source.source_id, "frames"),
        scratch=settings.scratch,
        config=dict(source.config) if decode else {**source.config, "decode": False},
    )


def _plan(visit: Visit, scanned: Scanned) -> tuple[Group, ...]:
    """Record the lines that need no work, and return the groups that do."""
    plan = plan_groups(scanned.found, visit.source, visit.place.root)
    done, _ = visit.ledger.finished("streams")
    with reading(visit.engine) as session:
        known = files_of(session, visit.source.source_id)
        ever = held(session, visit.source.source_id)
        aside = {one.path for one in quarantined(session, visit.source.source_id)}
    released = {one.path for one in known if one.status in BAD and one.path not in aside}
    todo, finished = list[Group](), list[Group]()
    for group in plan.groups:
        is_done = work_key(group, visit.place.config) in done
        again = not is_done or released & {one.path for one in group.files}
        (todo if again else finished).append(group)
    lines, found = (*plan.files, *(_problem(one) for one in scanned.problems)), scanned.paths
    with transaction(visit.engine) as session:
        record_lines(session, visit.source, lines, run_id=visit.run_id, now=visit.now)
        moved = _claims(known, ever, finished)
        gone = [replace(one, status=VANISHED) for one in known if one.path not in found]
        record_files(session, (*moved, *gone), run_id=visit.run_id, now=visit.now)
    return tuple(todo)


def _work(visit: Visit, todo: Sequence[Group]) -> None:
    stored = file_ids(visit.place.media)
    for batch in batches(bundles(todo, stored)):
        _, after = visit.ledger.finished("streams")
        work_batch(visit, batch, after=after)


def _forget_if_changed(visit: Visit, settings: Settings) -> None:
    """Hash every file anew next time where one was not what its digest said."""
    source_id = visit.source.source_id
    with reading(visit.engine) as session:
        reasons = {one.reason for one in quarantined(session, source_id)}
    if "CHANGED_WHILE_READ" in reasons:
        digests_of(settings, source_id).unlink(missing_ok=True)


def _claims(
    known: Sequence[FileEntry], ever: Sequence[FileEntry], groups: Iterable[Group]
) -> list[FileEntry]:
    """The line of each path at which bytes lie that are done with: elsewhere, or here before."""
    by_path = {one.path: one for one in known}
    by_bytes = {one.sha256: one for one in ever if one.status != "companion"}
    found = [one for group in groups for part in (group.files, *group.twins) for one in part]
    return [
        replace(by_bytes[one.sha256], path=one.path)
        for one in found
        if one.sha256 in by_bytes
        and (one.path not in by_path or by_path[one.path].sha256 != one.sha256)
    ]


def _problem(one: Listed) -> FileFacts:
    return FileFacts(
        path=one.path,
        sha256="",
        size_bytes=one.size_bytes,
        status="quarantined",
        reason=one.problem,
        evidence={"message": one.evidence},
        retryable=one.problem == "UNREADABLE",
    )


def _report(visit: Visit, scanned: Scanned, *, num_worked: int) -> Ingested:
    with reading(visit.engine) as session:
        entries = files_of(session, visit.source.source_id)
        num_episodes = len(episodes_of(session, visit.source.source_id))
    paths = scanned.paths
    return Ingested(
        source_id=visit.source.source_id,
        num_found=scanned.num_found,
        bytes_found=scanned.num_bytes,
        num_episodes=num_episodes,
        num_worked=num_worked,
        version=version_of(visit.place.streams),
        digest=content_digest(visit.place.media, visit.place.streams),
        **tally([one for one in entries if one.path in paths]),
    )
