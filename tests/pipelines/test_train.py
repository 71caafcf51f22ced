"""A run goes through the gate, leaves checkpoints and a record, and is done once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from catalog import lineage, runs
from catalog.audit import verify_log
from catalog.errors import NotFound
from pipelines.evaluate import evaluate_checkpoint
from pipelines.export import export_set
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.train import train_set
from tests.pipelines.small_world import COMMERCIAL, MIT, NOW, add_source, looking, make_world
from training.errors import ConfigError, Refused

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
    settings = make_world(tmp_path)
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
        tree = lineage.up(session, done.checkpoint_id)
        assert verify_log(session).broken == ()
    assert (run.set_id, run.status) == ("demo@1", "done")
    assert [one.step for one in points] == [4, 8]
    assert points[-1].metrics["losses"]
    assert "open" in str(tree)
    again = train(world)
    assert (again.reused, again.checkpoint_id) == (True, done.checkpoint_id)
    assert "trained before" in again.summary()
    measured = evaluate_checkpoint(done.checkpoint_id, world, now=NOW)
    assert measured.step == 8
    assert measured.line()["psnr"]["model"] == pytest.approx(done.evaluation["psnr"]["model"])


def test_the_gate_decides_and_nothing_is_left(world):
    with pytest.raises(Refused) as caught:
        train(world, now=NOW + timedelta(days=2))
    assert caught.value.code == "EXPIRED"
    with pytest.raises(Refused) as caught:
        train(world, use={**COMMERCIAL, "release": "weights"})
    assert caught.value.code == "USE_NOT_COVERED"
    with looking(world) as session:
        assert runs.runs(session) == ()


def test_a_revoked_source_stops_training_and_evaluation(world):
    done = train(world)
    reach = revoke("open", world, reason="breach", at=NOW.date(), now=NOW, run_id="test").radius
    assert reach.runs == (done.run_id,)
    assert len(reach.checkpoints) == 2
    with pytest.raises(Refused) as caught:
        train(world, seed=5)
    assert caught.value.code == "SHARD_REVOKED"
    with pytest.raises(Refused):
        evaluate_checkpoint(done.checkpoint_id, world, now=NOW)


def test_a_list_that_is_older_than_the_catalog_is_refused(world):
    old = Path(world.revocations).read_bytes()
    add_source(world, "other", [MIT])
    revoke("other", world, reason="breach", at=NOW.date(), now=NOW, run_id="test")
    Path(world.revocations).write_bytes(old)
    with pytest.raises(Refused) as caught:
        train(world)
    assert caught.value.code == "REVOCATIONS_ROLLED_BACK"


def test_unknown_set_unknown_key_and_unreadable_file(world, tmp_path):
    with pytest.raises(NotFound, match="nothing"):
        train(world, set="nothing")
    with pytest.raises(ConfigError, match="stepz"):
        train(world, stepz=3)
    with pytest.raises(ConfigError, match="cannot be read"):
        train_set(tmp_path / "none.toml", world, now=NOW, run_id="test")
