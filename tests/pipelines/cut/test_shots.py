"""Shots: a cut is found where it is, and neither a pan nor a flash is one."""

from __future__ import annotations

import numpy as np

from pipelines.cut.shots import shot_starts
from pipelines.pictures.figures import steps
from tests.pipelines.scenes import pan

MS50 = 50_000_000


def starts(*scenes, chroma=0.0):
    pictures = np.concatenate(scenes)
    ts_ns = np.arange(len(pictures), dtype=np.int64) * MS50
    return (shot_starts(ts_ns, steps(pictures, None) + np.float32(chroma)) // MS50).tolist()


def test_every_hard_cut_is_found_at_its_picture():
    scenes = [pan(seed, seconds=1 + seed % 3) for seed in range(12)]
    edges = np.cumsum([len(one) for one in scenes])[:-1].tolist()

    assert starts(*scenes) == edges


def test_one_scene_however_fast_it_moves_has_no_cut():
    for seed in range(20, 30):
        assert starts(pan(seed, seconds=6)) == []


def test_a_flash_is_no_cut():
    scene = pan(3, seconds=4)
    scene[40] = 255
    scene[60:62] = 0

    assert starts(scene) == []


def test_a_still_scene_and_noise_have_no_cut():
    still = np.repeat(pan(4, seconds=0.05), 80, axis=0)
    noisy = np.clip(still + np.random.default_rng(0).normal(0, 6, still.shape), 0, 255)

    assert starts(still) == []
    assert starts(noisy.astype(np.uint8)) == []


def test_few_pictures_have_no_cut():
    assert shot_starts(np.zeros(1, np.int64), np.zeros(1, np.float32)).tolist() == []
    assert starts(pan(5, seconds=0.2)) == []
