"""A run goes through the gate, leaves checkpoints and a record, and is done once."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from catalog import clips, runs
from catalog.audit import verify_log
from catalog.errors import NotFound
from catalog.lineage.tracing import up
from catalog.pieces import Piece
from catalog.reach import blast_radius, clip_ids
from pipelines.errors import WorkersError
from pipelines.evaluate.station import evaluate_checkpoint
from pipelines.export import export_set
from pipelines.loss import loss_of
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.seen import windows_seen
from pipelines.train import Options, plan_set, train_set
from tests.pipelines.small_world import COMMERCIAL, MIT, NOW, add_source, looking, make_world
from training.errors import ConfigError, DeviceError, Refused, TrainingError
from training.evaluating import Plan

MODEL = {
    "patch": 16,
    "latent": 8,
    "tokenizer_width": 16,
    "tokenizer_depth": 1,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "kv_heads": 1,
}
CONFIG = {
    "set": "demo",
    "steps": 8,
    "tokenizer_steps": 4,
    "batch": 4,
    "window": 8,
    "workers": 1,
    "checkpoint_every": 4,
    "eval_windows": 2,
    "model": MODEL,
}


@pytest.fixture
def world(tmp_path):
    return world_to_train_on(tmp_path)


def world_to_train_on(folder):
    """A home with one training set of one cleared source."""
    settings = make_world(folder)
    add_source(settings, "open", [MIT], episodes=3)
    export_set(
        "demo",
        "commercial",
        settings,
        spec=RenderSpec(width=32, height=32),
        at_once=0,
        run_id="test",
        now=NOW,
    )
    return settings


def train(world, now=NOW, **changes):
    return train_set({**CONFIG, **changes}, world, now=now, run_id="test")


def test_a_run_is_recorded_and_traced_back_to_its_source(world):
    told = []
    done = train_set(
        CONFIG, world, now=NOW, run_id="test", progress=lambda *words: told.append(words)
    )
    assert done.steps == 8
    assert told[-1][1:] == (8, 8)
    assert Path(done.picture).read_bytes().startswith(b"\x89PNG")
    assert "copy_last" in done.evaluation["psnr"]
    with looking(world) as session:
        run = runs.run(session, done.run_id)
        points = runs.checkpoints(session)
        trace = up(session, done.checkpoint_id)
        assert verify_log(session).broken == ()
    assert (run.set_id, run.status) == ("demo@1", "done")
    assert [one.step for one in points] == [4, 8]
    assert points[-1].metrics["losses"]
    assert ("source", "open") in trace.nodes
    again = train(world)
    assert (again.reused, again.checkpoint_id) == (True, done.checkpoint_id)
    assert "trained before" in again.summary()
    measured = evaluate_checkpoint(done.checkpoint_id, world, now=NOW, plan=Plan())
    assert measured.step == 8
    assert measured.figures["digest"] == done.evaluation["digest"]


def test_the_gate_decides_and_nothing_is_left(world):
    with pytest.raises(Refused) as caught:
        train(world, now=NOW + timedelta(days=2))
    assert caught.value.code == "EXPIRED"
    with pytest.raises(Refused) as caught:
        train(world, use={**COMMERCIAL, "release": "weights"})
    assert caught.value.code == "USE_NOT_COVERED"
    with looking(world) as session:
        assert runs.runs(session) == ()


def test_what_each_checkpoint_saw_is_counted_window_by_window(world):
    done = train(world, checkpoint_every=1)
    with looking(world) as session:
        points = runs.checkpoints(session)
    lines = list(windows_seen(done.checkpoint_id, world))
    clip = lines[-1]["clip_id"]  # the clip of the last window: some checkpoints come before it
    with looking(world) as session:
        row = clips.clip(session, clip)
        assert row is not None
        episode = row.episode_id
        radius = blast_radius(session, [Piece(source_id="open", episode_id=episode)])
        meant = clip_ids(session, [Piece(source_id="open", episode_id=episode)])
    loss = loss_of([Piece(source_id="open", episode_id=episode)], world)
    assert radius.checkpoints == tuple(one.checkpoint_id for one in points)
    for one in loss.checkpoints:
        own = [each for each in lines if each["step"] < one.step and each["clip_id"] in meant]
        frames = {
            (each["clip_id"], each["camera"], each["start_frame"] + at)
            for each in own
            for at in range(each["num_frames"])
        }
        rows = {(each["clip_id"], each["camera"]) for each in own}
        assert (one.windows, one.rows, one.frames) == (len(own), len(rows), len(frames))
        assert one.is_clean == (not own)
    (again,) = loss.retrain
    clean = [one for one in loss.checkpoints if one.is_clean]
    assert again.from_step == (clean[-1].step if clean else 0)
    assert again.samples == (done.steps - again.from_step) * CONFIG["batch"]
    assert loss.last_clean_checkpoint == (clean[-1].checkpoint_id if clean else None)


def test_a_checkpoint_before_the_first_window_of_it_is_clean_and_one_that_is_lost_is_not(world):
    done = train(world, checkpoint_every=1)
    lines = list(windows_seen(done.checkpoint_id, world))
    first = {each["clip_id"]: each["step"] for each in reversed(lines)}
    clip, step = max(first.items(), key=lambda pair: pair[1])
    with looking(world) as session:
        row = clips.clip(session, clip)
        assert row is not None
    piece = Piece(
        source_id="open", episode_id=row.episode_id, start_ns=row.start_ns, end_ns=row.end_ns
    )
    loss = loss_of([piece], world)
    assert loss.clips == (clip,)
    assert [one.is_clean for one in loss.checkpoints] == [
        one.step <= step for one in loss.checkpoints
    ]
    Path(world.set_uri("demo", 1), "manifest.json").unlink()
    blind = loss_of([piece], world)
    assert not any(one.is_clean for one in blind.checkpoints)
    assert blind.retrain[0].samples is None


def test_a_revoked_source_stops_training_and_evaluation(world):
    done = train(world)
    reach = revoke("open", world, reason="breach", at=NOW.date(), now=NOW, run_id="test")
    assert reach.runs == (done.run_id,)
    assert len(reach.checkpoints) == 2
    with pytest.raises(Refused) as caught:
        train(world, seed=5)
    assert caught.value.code == "SHARD_REVOKED"
    with pytest.raises(Refused) as caught:
        evaluate_checkpoint(done.checkpoint_id, world, now=NOW, plan=Plan())
    assert caught.value.code == "SHARD_REVOKED"


def test_a_list_that_is_older_than_the_catalog_is_refused(world):
    old = Path(world.revocations).read_bytes()
    add_source(world, "other", [MIT])
    revoke("other", world, reason="breach", at=NOW.date(), now=NOW, run_id="test")
    Path(world.revocations).write_bytes(old)
    with pytest.raises(Refused) as caught:
        train(world)
    assert caught.value.code == "REVOCATIONS_ROLLED_BACK"


def test_a_plan_passes_the_gate_says_what_it_takes_and_trains_nothing(world):
    proposal = plan_set({**CONFIG, "set": ""}, world, now=NOW, options=Options(set_name="demo"))
    line = proposal.line()

    assert (line["set"], line["steps"], line["samples"]) == ("demo@1", 8, 32)
    assert "nothing trained" in proposal.summary()
    assert proposal.folder in proposal.summary()
    assert not Path(proposal.folder).exists()
    with pytest.raises(Refused) as caught:
        plan_set(CONFIG, world, now=NOW + timedelta(days=2))
    assert caught.value.code == "EXPIRED"
    assert train(world).run_id == proposal.run_id


def test_a_ready_configuration_is_named_and_wants_a_set_and_its_machine(world):
    assert plan_set("smoke", world, now=NOW, options=Options(set_name="demo")).plan.steps == 130
    with pytest.raises(ConfigError, match="set is not given"):
        plan_set("smoke", world, now=NOW)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError) as caught:
            train_set("small", world, now=NOW, run_id="test", options=Options(set_name="demo"))
        assert caught.value.code == "CUDA_MISSING"


@pytest.mark.parametrize("why", ["full disk", "interrupt"])
def test_what_was_sealed_before_a_run_was_stopped_is_on_record(world, why):
    folder = world.home / "run"

    def progress(_what, done, _total):
        if done == 6 and why == "interrupt":
            raise KeyboardInterrupt
        if done == 6:
            seal = folder / "step-00000004/checkpoint.json"
            assert any(seal.exists() or threading.Event().wait(0.01) for _ in range(6000))
            (folder / "metrics.jsonl").rename(folder / "kept")
            (folder / "metrics.jsonl").symlink_to("/dev/full")  # any byte more: no space left

    config, expected = {**CONFIG, "out": str(folder)}, (TrainingError, KeyboardInterrupt)
    with pytest.raises(expected) as caught:
        train_set(config, world, now=NOW, run_id="test", progress=progress)
    code = getattr(caught.value, "code", "KeyboardInterrupt")
    assert code == ("CHECKPOINT_WRITE_FAILED" if why == "full disk" else "KeyboardInterrupt")
    with looking(world) as session:
        assert [(one.step, one.run_id) for one in runs.checkpoints(session)] == [
            (4, runs.runs(session)[0].run_id)
        ]
        assert runs.runs(session)[0].status == f"stopped:{code}"


def test_a_ray_that_does_not_answer_is_refused_in_seconds(world):
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{line.getsockname()[1]}"
    began = time.perf_counter()
    with pytest.raises(WorkersError) as caught:
        train(replace(world, ray_address=closed), workers=2)
    assert caught.value.code == "RAY_UNREACHABLE"
    assert time.perf_counter() - began < 10


def test_unknown_set_unknown_key_and_unreadable_file(world, tmp_path):
    with pytest.raises(NotFound, match="nothing"):
        train(world, set="nothing")
    with pytest.raises(ConfigError, match="stepz"):
        train(world, stepz=3)
    with pytest.raises(ConfigError, match="cannot be read"):
        train_set(tmp_path / "none.toml", world, now=NOW, run_id="test")
