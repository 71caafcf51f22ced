"""Traces to draw: up from a fine-tuned checkpoint, and down from a source that was revoked."""

from catalog.lineage.tracing import down, up
from catalog.rights import Revocation, record_revocation
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from tests.catalog.world import NOW


def traces(session):
    """Both traces of the small world on record, once a run has gone on and a source has ended."""
    run = RunRow(
        run_id="run-3", set_id="drive@2", manifest_digest="", config={},
        record={"parent": "checkpoint-1"}, seed=1, status="done",
    )  # fmt: skip
    record_run(session, run, now=NOW)
    point = CheckpointRow(checkpoint_id="f" * 32, run_id="run-3", step=1, path="", digest="")
    record_checkpoint(session, point, now=NOW)
    gone = Revocation(
        revocation_id="r", subject_kind="source", subject_id="alpha", reason="breach",
        at=NOW.date(), recorded_at=NOW, covers=({"source_id": "alpha"},),
    )  # fmt: skip
    record_revocation(session, gone, now=NOW)
    return {"up": up(session, "f" * 32), "down": down(session, "alpha")}
