"""Cached latents have the rights of their pictures: cleared, checked, gone with a revocation."""

from dataclasses import replace

import numpy as np
import pytest

from tests.rows import NUM_FRAMES
from training.loader.latents import Latents

TOKENIZER, OTHER = "a" * 64, "b" * 64


def latents(seed):
    return np.random.default_rng(seed).normal(size=(NUM_FRAMES, 4, 3)).astype(np.float16)


def same(got, true):
    return got is not None and np.array_equal(got, true)


def test_what_was_written_is_read_by_frames(cleared, tmp_path):
    cache = Latents(tmp_path, cleared, TOKENIZER)

    assert cache.read(2, 0, 5) is None
    assert cache.write(2, latents(1))
    again = Latents(tmp_path, cleared, TOKENIZER)
    assert same(again.read(2, 3, 5), latents(1)[3:8])
    assert Latents(tmp_path, cleared, OTHER).read(2, 3, 5) is None
    with pytest.raises(ValueError, match="3 latents for a clip of 20 frames"):
        cache.write(2, latents(1)[:3])


def test_a_set_removes_the_latents_that_it_does_not_hold(cleared, tmp_path):
    cache = Latents(tmp_path, cleared, TOKENIZER)
    for row in range(3):
        cache.write(row, latents(row))
    kept = replace(cleared, index=cleared.index.slice(1, 2))  # as a successor without the first

    successor = Latents(tmp_path, kept, OTHER)

    assert sorted(path.name for path in tmp_path.glob("*/*")) == sorted(
        cleared.index.column("sha256").to_pylist()[1:3]
    )
    assert successor.read(0, 0, 1) is None  # of the other tokenizer
    assert cache.read(0, 0, 1) is None
    assert same(cache.read(1, 0, 1), latents(1)[:1])


def test_a_revoked_clip_has_no_latents_under_any_tokenizer(cleared, tmp_path):
    one, other = (Latents(tmp_path, cleared, digest) for digest in (TOKENIZER, OTHER))
    for cache in (one, other):
        for row in range(2):
            cache.write(row, latents(row))
    clip = cleared.index.column("clip_id")[0].as_py()

    assert one.drop({clip}) == 2
    assert one.read(0, 0, 1) is None
    assert not one.write(0, latents(0))
    assert one.read(1, 0, 1) is not None
    assert len(list(tmp_path.glob("*/*"))) == 2
    assert one.drop({"no such clip"}) == 0


def test_a_changed_or_cut_file_is_not_there(cleared, tmp_path):
    cache = Latents(tmp_path, cleared, TOKENIZER)
    for row, harm in enumerate((lambda raw: raw[:-1], lambda raw: raw[:99] + b"?" + raw[100:])):
        cache.write(row, latents(row))
        path = tmp_path / TOKENIZER / cleared.index.column("sha256")[row].as_py()
        path.write_bytes(harm(path.read_bytes()))

        assert cache.read(row, 0, 1) is None
        assert not path.exists()


def test_a_full_cache_takes_no_more(cleared, tmp_path):
    cache = Latents(tmp_path, cleared, TOKENIZER, max_bytes=latents(0).nbytes * 2)

    assert [cache.write(row, latents(row)) for row in range(3)] == [True, False, False]
