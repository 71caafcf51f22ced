"""Traces to draw: up from a fine-tuned checkpoint, and down from a source that was revoked."""

from catalog.clips import (
    ClipRow,
    EpisodeRow,
    record_clips,
    record_episodes,
    record_shards,
)
from catalog.files import FileEntry, record_files
from catalog.lineage.tracing import down, up
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from catalog.sources import Source, register_source
from catalog.training_sets import record_training_set
from tests.catalog.world import NOW, a_set, revoke_source


def traces(session):
    """Both traces of the small world on record, once a run has gone on and a source has ended."""
    run = RunRow(
        run_id="run-3", set_id="drive@2", manifest_digest="", config={},
        record={"parent": "checkpoint-1"}, seed=1, status="done",
    )  # fmt: skip
    record_run(session, run, now=NOW)
    point = CheckpointRow(checkpoint_id="f" * 32, run_id="run-3", step=1, path="", digest="")
    record_checkpoint(session, point, now=NOW)
    revoke_source(session, "alpha")
    return {"up": up(session, "f" * 32), "down": down(session, "alpha")}


def many(session, *, number=30):
    """Up from a set with more of everything than is named one by one."""
    source = Source(source_id="alpha", uri="s3://x/alpha", modality="video")
    register_source(session, source, now=NOW)
    names = [f"e{one}" for one in range(number)]
    files = [
        FileEntry(source_id="alpha", path=one, sha256=one, size_bytes=1, status="ingested")
        for one in names
    ]
    record_files(session, files, run_id="ingest", now=NOW)
    episodes = [
        EpisodeRow(
            episode_id=one, source_id="alpha", files=(one,), streams=({"name": "video"},),
            start_ns=0, end_ns=1, reader="video@1",
        )
        for one in names
    ]  # fmt: skip
    record_episodes(session, episodes, run_id="ingest", now=NOW)
    cut = [
        ClipRow(clip_id=f"{one}-0", source_id="alpha", episode_id=one, start_ns=0, end_ns=1)
        for one in names
    ]
    record_clips(session, cut, run_id="cut", now=NOW)
    record_training_set(session, a_set(1, ("alpha",)), run_id="export", now=NOW)
    places = [(one.clip_id, "", shard) for shard, one in enumerate(cut)]
    record_shards(session, "drive@1", places, now=NOW)
    return up(session, "drive@1")
