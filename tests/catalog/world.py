"""A small world on record: two sources, a training set of both and one of the second, runs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from catalog.clips import ClipRow, EpisodeRow, record_clips, record_episodes, record_shards
from catalog.decisions import DecisionRow, record_decisions
from catalog.files import FileEntry, record_files
from catalog.parts import Keyed, PartRow, Tally, record_keying, unkeyed
from catalog.releases import ReleaseRow, record_release
from catalog.rights import Revocation, attach, attach_layer, record_revocation
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from catalog.sources import Source, register_source
from catalog.training_sets import TrainingSetRow, record_training_set

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAYER: dict[str, Any] = {
    "layer": "copyright",
    "basis": [{"type": "contract", "grade": "E1", "valid": ["2026-01-01", "2035-01-01"]}],
    "signals": [],
}


def later(hours: float) -> datetime:
    """An instant after NOW."""
    return NOW + timedelta(hours=hours)


def add_source(session: Session, source_id: str, *, num_clips: int = 3) -> None:
    """Register a source with one file, one episode and its clips, the last one filtered."""
    source = Source(source_id=source_id, uri=f"s3://x/{source_id}", modality="video", title="Film")
    register_source(session, source, now=NOW)
    attach(session, source_id, "instrument", {"id": f"paper-{source_id}"}, now=NOW)
    attach_layer(session, source_id, LAYER, now=NOW)
    sha256 = f"{source_id}-bytes"
    entry = FileEntry(
        source_id=source_id, path="a.mp4", sha256=sha256, size_bytes=9, status="ingested"
    )
    record_files(session, [entry], run_id="ingest", now=NOW)
    episode = EpisodeRow(
        episode_id=f"{source_id}-episode", source_id=source_id, files=(sha256,), streams=(),
        start_ns=0, end_ns=num_clips, reader="video@1",
    )  # fmt: skip
    record_episodes(session, [episode], run_id="ingest", now=NOW)
    record_clips(session, clips_in(source_id, num_clips), run_id="cut", now=NOW)


def clips_in(source_id: str, num_clips: int) -> list[ClipRow]:
    """The clips of a source: all kept but the last."""
    return [
        ClipRow(
            clip_id=f"{source_id}-{index}", source_id=source_id, episode_id=f"{source_id}-episode",
            start_ns=index, end_ns=index + 1,
            status="filtered" if index == num_clips - 1 else "kept",
        )
        for index in range(num_clips)
    ]  # fmt: skip


def keyed(source_id: str, *, key: str = "key", num_clips: int = 3) -> Keyed:
    """The one part of a source under `key`, which names one layer, and the clips over it."""
    part = PartRow(episode_id=f"{source_id}-episode", start_ns=0, end_ns=num_clips, rights_key=key)
    kept = Tally(keys=(key,), count=num_clips - 1, span_ns=num_clips - 1)
    return Keyed(source_id=source_id, parts=(part,), layers={key: ("layer",)}, clips=(kept,))


def a_decision(source_id: str, *, decision_id: str = "", verdict: str = "permit") -> DecisionRow:
    """A decision about a source."""
    return DecisionRow(
        decision_id=decision_id or f"{source_id}-decision", source_id=source_id,
        request_digest="asked", request_name="commercial", verdict=verdict, reasons=("GRANT",),
        obligations=(), rights_key="key", valid=date(2026, 11, 24), known=NOW,
        rulebook_digest="rules", profile="conservative", doc={"proof": [1, 2]}, at=NOW,
    )  # fmt: skip


def a_set(version: int, sources: tuple[str, ...]) -> TrainingSetRow:
    """A version of the training set `drive`."""
    return TrainingSetRow(
        set_id=f"drive@{version}", name="drive", version=version,
        manifest_digest=f"{version}fedcba", content_digest="content", request_name="commercial",
        request_digest="asked", request={"action": "train"},
        decisions=tuple(f"{one}-decision" for one in sources), num_clips=2 * len(sources),
        num_frames=20 * len(sources), sources=sources, predecessor=None, made_at=NOW,
        not_after=date(2035, 1, 1),
    )  # fmt: skip


def make_world(session: Session) -> None:
    """Record it all: drive@1 of both sources, drive@2 of `beta`, a run and checkpoint of each."""
    for source_id in ("alpha", "beta"):
        add_source(session, source_id)
        record_decisions(session, [a_decision(source_id)], run_id="clear", now=NOW)
    for source_id in unkeyed(session):
        record_keying(session, keyed(source_id), run_id="clear", now=NOW)
    for version, sources in ((1, ("alpha", "beta")), (2, ("beta",))):
        record_training_set(session, a_set(version, sources), run_id="export", now=NOW)
        places = [(f"{one}-{i}", "", at) for at, one in enumerate(sources) for i in range(2)]
        record_shards(session, f"drive@{version}", places, now=NOW)
        run = RunRow(
            run_id=f"run-{version}", set_id=f"drive@{version}", manifest_digest=f"{version}fedcba",
            config={}, record={"loss": 0.5}, seed=7, status="finished",
        )  # fmt: skip
        record_run(session, run, now=NOW)
        point = CheckpointRow(
            checkpoint_id=f"checkpoint-{version}", run_id=run.run_id, step=10, path="step-10",
            digest="0" * 64,
        )  # fmt: skip
        record_checkpoint(session, point, now=NOW)
        release = ReleaseRow(
            release_id=f"model@{version}", name="model", version=str(version),
            checkpoint_id=point.checkpoint_id, run_id=run.run_id, digest=point.digest,
            release="api", out_licence="proprietary",
        )  # fmt: skip
        record_release(session, release, now=NOW)


def revoke_source(session: Session, source_id: str) -> None:
    """Record that a whole source ended for breach."""
    gone = Revocation(
        revocation_id="r", subject_kind="source", subject_id=source_id, reason="breach",
        at=NOW.date(), recorded_at=NOW, covers=({"source_id": source_id},),
    )  # fmt: skip
    record_revocation(session, gone, now=NOW)
