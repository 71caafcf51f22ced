"""What `clearway audit list KIND` prints: one function a kind, one JSON-able row a record."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

Row = dict[str, Any]


def sources(session: "Session") -> Iterator[Row]:
    """Yield the registered sources."""
    from catalog.sources import sources as all_sources

    for one in all_sources(session):
        yield {
            "id": one.source_id,
            "modality": one.modality,
            "owner": one.owner,
            "title": one.title,
            "uri": one.uri,
            "reader": one.reader,
            "fictional": one.fictional,
            "streams": dict(one.streams),
        }


def files(session: "Session") -> Iterator[Row]:
    """Yield every file found, with its source."""
    from catalog.files import file_line, files_of

    for source in sources(session):
        for one in files_of(session, source["id"]):
            yield {"id": one.sha256, "source": source["id"], **file_line(one)}


def clips(session: "Session") -> Iterator[Row]:
    """Yield every clip, kept or filtered."""
    from catalog.clips import clips_of

    for source in sources(session):
        for one in clips_of(session, source["id"]):
            yield {
                "id": one.clip_id,
                "source": source["id"],
                "episode": one.episode_id,
                "start_ns": one.start_ns,
                "end_ns": one.end_ns,
                "status": one.status,
                "reason": one.reason,
            }


def decisions(session: "Session", *, known: "datetime | None" = None) -> Iterator[Row]:
    """Yield every decision on record at `known`, and whether it stood by what was known then."""
    from catalog.decisions import decisions as all_decisions
    from pipelines.audit.standing import standings

    rows = all_decisions(session, known=known)
    for one, standing in zip(rows, standings(session, rows, known=known), strict=True):
        yield {
            "id": one.decision_id,
            "source": one.source_id,
            "verdict": one.verdict,
            "standing": standing.words(),
            "reasons": list(one.reasons),
            "request": one.request_name,
            "at": one.at,
            **standing.line(),
        }


def training_sets(session: "Session") -> Iterator[Row]:
    """Yield every version of every training set."""
    from catalog.training_sets import training_sets as all_sets

    for one in all_sets(session):
        yield {
            "id": one.set_id,
            "clips": one.num_clips,
            "frames": one.num_frames,
            "sources": list(one.sources),
            "made_at": one.made_at,
            "request": one.request_name,
            "manifest": one.manifest_digest,
        }


def runs(session: "Session") -> Iterator[Row]:
    """Yield every training run with its record."""
    from catalog.runs import runs as all_runs

    for one in all_runs(session):
        yield {
            "id": one.run_id,
            "set": one.set_id,
            "status": one.status,
            "seed": one.seed,
            "record": dict(one.record),
        }


def checkpoints(session: "Session") -> Iterator[Row]:
    """Yield every sealed checkpoint."""
    from catalog.runs import checkpoints as all_checkpoints

    for one in all_checkpoints(session):
        yield {
            "id": one.checkpoint_id,
            "run": one.run_id,
            "step": one.step,
            "path": one.path,
            "digest": one.digest,
        }


def releases(session: "Session") -> Iterator[Row]:
    """Yield every release."""
    from catalog.releases import releases as all_releases

    for one in all_releases(session):
        yield {"id": one.release_id, **asdict(one)}


def revocations(session: "Session", *, known: "datetime | None" = None) -> Iterator[Row]:
    """Yield every revocation on record at `known`."""
    from catalog.rights import revocations as all_revocations

    for one in all_revocations(session, known=known):
        yield {
            "id": one.revocation_id,
            "kind": one.subject_kind,
            "subject": one.subject_id,
            "reason": one.reason,
            "at": one.at,
        }


LISTS: dict[str, Callable[["Session"], Iterator[Row]]] = {
    "sources": sources,
    "files": files,
    "clips": clips,
    "decisions": decisions,
    "training-sets": training_sets,
    "runs": runs,
    "checkpoints": checkpoints,
    "releases": releases,
    "revocations": revocations,
}
# What can be listed as it was known at an instant.
AS_KNOWN = {"decisions": decisions, "revocations": revocations}
