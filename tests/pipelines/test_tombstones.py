"""A version names every row that is gone, and a run goes on with it in the order of its first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from licensing.request import read_request
from pipelines.erase import erase
from pipelines.export import export_set
from pipelines.keys import trusted_publics
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from tests.pipelines.small_world import COMMERCIAL, LATER, MIT, NOW, add_source, make_world
from tests.training.conftest import small
from training.gate import check_again, open_training_set
from training.loader import read_index
from training.loop import Job, train

ROW = ("source_id", "clip_id", "camera", "split", "num_frames")


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], seconds=8)
    add_source(settings, "gone", [MIT], seconds=4, seed=3, episodes=4)
    return settings


def export(world, now=NOW):
    done = export_set(
        "demo", "commercial", world,
        spec=RenderSpec(width=32, height=32), at_once=0, run_id="test", now=now,
    )  # fmt: skip
    return done.uri


def stones(uri):
    manifest = json.loads((Path(uri) / "manifest.json").read_bytes())
    return [tuple(one[name] for name in ROW) for one in manifest["tombstones"]]


def rows(uri, source):
    index = read_index(f"{uri}/data.lance").select(list(ROW)).to_pylist()
    return sorted(tuple(one.values()) for one in index if one["source_id"] == source)


def opened(world, uri):
    return open_training_set(uri, read_request(COMMERCIAL), keys=trusted_publics(world), now=LATER)


def test_rows_that_are_gone_are_named_and_those_that_came_are_not(world):
    first = export(world)
    gone = rows(first, "gone")
    revoke("gone", world, reason="taken_down", at=LATER.date(), now=LATER, run_id="test")
    second = export(world, LATER)
    add_source(world, "late", [MIT], seconds=4, seed=9)
    third = export(world, LATER)

    assert len(gone) == 8
    assert stones(first) == []
    assert stones(second) == stones(third) == gone
    assert rows(third, "late")


def test_a_run_goes_on_after_an_erasure_with_what_is_left(world, tmp_path):
    first = export(world)
    gone = rows(first, "gone")
    config = small(window=8, workers=1, steps=6, tokenizer_steps=3, checkpoint_every=3)
    folder = tmp_path / "run"

    def run(uri, at_most=config.steps):
        cleared = opened(world, uri)

        class Stop(Exception):
            pass

        def told(_what, done, _of):
            if done > at_most:
                raise Stop

        job = Job(config=config, cleared=cleared, folder=folder)
        try:
            return train(
                job,
                watch=lambda seen: check_again(
                    cleared, keys=trusted_publics(world), now=LATER, seen_sequence=seen
                ),
                progress=told,
            )
        except Stop:
            return None

    assert run(first, at_most=3) is None
    revoke("gone", world, reason="taken_down", at=LATER.date(), now=LATER, run_id="test")
    erase("gone", world, now=LATER)
    assert rows(first, "gone") == []
    second = export(world, LATER)
    assert stones(second) == gone
    record = run(second)
    assert record.manifest_digest != opened(world, second).manifest_digest
    assert [(one[0], one[4]) for one in record.segments] == [(0, []), (3, ["source:gone"])]
