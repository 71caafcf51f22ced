"""Latents that are kept: the same weights with and without, and gone when their rights are."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.builders import NOW, publish_revocations, revoked, tiny_training_set
from tests.training.conftest import KEYS, opened, small
from training.checkpoint import latest
from training.gate import check_again
from training.loader import Asked, Feed, FeedSpec, shapes_of, windows_in
from training.loop import Job, learner, train
from training.loop.audit import seen
from training.loop.latents import Latents
from training.loop.recalled import recall
from training.model.tokenizer import Tokenizer

BATCH, STEPS = 4, 24
ROOM = 1 << 30


def sealed_weights(folder):
    seal = json.loads((folder / f"step-{STEPS:08d}" / "checkpoint.json").read_text())
    return [one["sha256"] for one in seal["files"] if one["path"].endswith(".distcp")]


def kept_in(folder):
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["kept"] for line in lines if '"kept"' in line]


def config_of(**changes):
    return small(**{"steps": STEPS, "checkpoint_every": STEPS, "window": 6, "stride": 6} | changes)


@pytest.fixture
def stores(monkeypatch):
    """Every store of latents that a run makes."""
    made = []

    class Known(Latents):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(learner, "Latents", Known)
    return made


@pytest.fixture
def tokenizer(cleared):
    shapes = shapes_of(cleared.manifest)
    torch.manual_seed(0)
    return Tokenizer(shapes.height, shapes.width, small().model)


def read(cleared, windows, *, kept=(), spec=None):
    feed = Feed(cleared, windows_in(cleared, length=6, stride=6), spec or FeedSpec())
    slots = np.arange(len(windows))
    asked = Asked(step=0, slots=slots, windows=np.array(windows), sequence=0, kept=frozenset(kept))
    try:
        return feed.read(asked), feed.cost(asked)
    finally:
        feed.close()


def test_the_weights_do_not_depend_on_what_was_kept(cleared, watch, tmp_path):
    rooms = {"none": 1, "some": 60_000, "all": ROOM}
    for name, room in rooms.items():
        job = Job(config=config_of(latent_bytes=room), cleared=cleared, folder=tmp_path / name)
        train(job, watch=watch)
    none, some, every = (sealed_weights(tmp_path / name) for name in rooms)
    kept = {name: sum(kept_in(tmp_path / name)) for name in rooms}

    assert none == some == every
    assert kept["none"] == 0 < kept["some"] < kept["all"]


def test_it_learns_what_it_learns_without(cleared, watch, tmp_path):
    for name, room in (("with", ROOM), ("without", 0)):
        job = Job(config=config_of(latent_bytes=room), cleared=cleared, folder=tmp_path / name)
        record = train(job, watch=watch)
        (tmp_path / name / "ends.json").write_text(json.dumps(record.losses["dynamics"]))
    ends = [json.loads((tmp_path / name / "ends.json").read_text()) for name in ("with", "without")]

    assert ends[0] == pytest.approx(ends[1], rel=1e-3)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(cleared, watch, tmp_path):
    def stop(_what, done, _total):
        if done == 21:
            raise InterruptedError

    config = config_of(latent_bytes=ROOM, checkpoint_every=8)
    train(Job(config=config, cleared=cleared, folder=tmp_path / "whole"), watch=watch)
    with pytest.raises(InterruptedError):
        train(
            Job(config=config, cleared=cleared, folder=tmp_path / "cut"), watch=watch, progress=stop
        )
    train(Job(config=config, cleared=cleared, folder=tmp_path / "cut"), watch=watch)

    assert sealed_weights(tmp_path / "whole") == sealed_weights(tmp_path / "cut")
    assert kept_in(tmp_path / "whole") != kept_in(tmp_path / "cut")


def test_a_revocation_takes_the_latents_at_the_step_of_the_switch(stores, tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)
    acorn = windows_in(cleared, length=6, stride=6).dead(("source:acorn",))
    numbers = np.flatnonzero(acorn).tolist()
    held = {}

    def progress(_what, done, _total):
        held[done] = stores[0].among(numbers)
        if done == 14:
            publish_revocations(home, sequence=1, entries=[revoked("source", "acorn")])

    train(
        Job(
            config=config_of(latent_bytes=ROOM, revocations_every=8),
            cleared=cleared,
            folder=tmp_path / "run",
        ),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
        progress=progress,
    )

    assert held[15]
    assert not any(held[step] for step in range(16, STEPS + 1))


def test_what_is_kept_was_seen_and_is_on_record(stores, cleared, watch, tmp_path):
    train(Job(config=config_of(latent_bytes=ROOM), cleared=cleared, folder=tmp_path), watch=watch)
    windows = windows_in(cleared, length=6, stride=6)
    kept = sorted(stores[0].among(range(len(windows))))
    spans, firsts = windows.locate(np.array(kept))
    own = {
        (windows.spans[span].clip_id, int(first)) for span, first in zip(spans, firsts, strict=True)
    }
    sealed = latest(tmp_path)
    assert sealed is not None
    listed = {
        (line["clip_id"], line["start_frame"])
        for line in seen(cleared.index, cleared.manifest, recall(sealed.path))
    }

    assert own
    assert own <= listed


@pytest.mark.parametrize("spec", [FeedSpec(), FeedSpec(workers=1)], ids=["threads", "processes"])
def test_a_window_whose_latents_are_at_hand_is_not_decoded(cleared, spec):
    plain, cost = read(cleared, [0, 9, 2], spec=spec)
    batch, less = read(cleared, [0, 9, 2], kept=[9], spec=spec)

    assert batch.kept == {9}
    assert not batch.frames_BTHWC[1].any()
    assert np.array_equal(batch.frames_BTHWC[[0, 2]], plain.frames_BTHWC[[0, 2]])
    assert np.array_equal(batch.action_BTA, plain.action_BTA)
    assert batch.weight_B.tolist() == [1, 1, 1]
    assert batch.lost == ()
    assert less < cost


def test_a_window_is_encoded_by_itself(cleared, tokenizer, monkeypatch):
    sizes, encode = [], tokenizer.encode

    def noted(frames_BTHWC):
        sizes.append(tuple(frames_BTHWC.shape[:2]))
        return encode(frames_BTHWC)

    monkeypatch.setattr(tokenizer, "encode", noted)
    store = Latents(tokenizer, torch.device("cpu"), room=ROOM)
    batch, _ = read(cleared, [0, 1, 2])
    first, second = store.of(batch), store.of(batch)

    assert sizes == [(1, 6)] * 3
    assert torch.equal(first, second)


def test_without_frames_and_without_latents_nothing_is_learned(cleared, tokenizer):
    store = Latents(tokenizer, torch.device("cpu"), room=ROOM)
    batch, _ = read(cleared, [0, 1], kept=[1])

    with pytest.raises(AssertionError, match="window 1 came without frames"):
        store.of(batch)


def test_what_could_not_be_decoded_is_not_kept(cleared, tokenizer):
    store = Latents(tokenizer, torch.device("cpu"), room=ROOM)
    batch, _ = read(cleared, [0, 1])
    store.of(replace(batch, weight_B=np.array([1, 0], np.float32)))
    store.of(replace(batch, window_B=np.array([2, 3]), video_B=np.array([False, True])))

    assert store.among(range(4)) == {0, 3}


def test_no_more_is_kept_than_there_is_room_for(cleared, tokenizer):
    batch, _ = read(cleared, [0, 1, 2])
    one = Latents(tokenizer, torch.device("cpu"), room=ROOM).of(batch)[0]
    store = Latents(tokenizer, torch.device("cpu"), room=2 * one.nbytes)
    store.of(batch)
    assert store.among(range(3)) == {0, 1}

    store.forget(np.array([True, False, False]))
    assert store.among(range(3)) == {1}
    again = store.of(batch)
    assert store.among(range(3)) == {0, 1}
    assert torch.equal(again[0], one)
