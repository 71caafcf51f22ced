"""Exact bytes, exact frames: what the feed delivers is what a sequential decode shows."""

import hashlib
import io
import os
from dataclasses import replace

import av
import lance
import numpy as np
import pytest

from tests.builders import tiny_training_set
from tests.rows import ACTION_WIDTH, NUM_FRAMES, STATE_WIDTH, tiny_row
from tests.training.conftest import opened
from tests.training.harms import flip_media
from training.errors import LoaderError
from training.loader import (
    COLUMNS,
    Asked,
    Feed,
    FeedSpec,
    Lookback,
    digest_row,
    read_index,
    windows_in,
)
from training.loader.proof import Proof

LENGTH = 6


@pytest.fixture
def feed(cleared):
    feed = Feed(cleared, windows_in(cleared, length=LENGTH, stride=1))
    yield feed
    feed.close()


def asked(windows, step=0):
    ids = np.asarray(windows, dtype=np.int64)
    return Asked(step=step, slots=np.arange(len(ids)), windows=ids, sequence=0)


def sequential(media):
    with av.open(io.BytesIO(media), "r", format="h264") as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def media_of(home, cleared, row):
    row_id = cleared.index.column("_rowid")[row].as_py()
    blob = lance.dataset(home / "data.lance").read_blobs("media", ids=[row_id])
    return blob[0][1]


def test_index_has_every_column_but_the_media(tiny_home, cleared):
    index = read_index(str(tiny_home / "data.lance"), cleared.manifest["data"]["version"])

    assert set(index.column_names) == {*COLUMNS, "_rowid", "shard"}
    assert sorted(set(index.column("shard").to_pylist())) == [0, 1]
    assert all(digest_row(row) == row["sha256"] for row in index.to_pylist())


def test_an_index_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(LoaderError, match="cannot be read"):
        read_index(str(tmp_path / "data.lance"), 1)


def test_row_digest_looks_at_every_column_but_not_at_how_a_number_is_written():
    row = tiny_row("acorn", 0)
    same = row | {"fps": 10, "media": None, "action": np.array(row["action"]), "_rowid": 3}

    assert digest_row(same) == row["sha256"]
    for column in set(COLUMNS) - {"sha256"}:
        value = row[column]
        other = value[:-1] if isinstance(value, str | list) else value + 1
        assert digest_row(row | {column: other}) != row["sha256"], column
    with pytest.raises(LoaderError, match="lacks fps"):
        digest_row({name: value for name, value in row.items() if name != "fps"})


def test_windows_equal_a_sequential_decode(tiny_home, cleared, feed):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    batch = feed.read(asked(np.arange(len(windows))))

    assert batch.lost == ()
    for number in range(len(windows)):
        spans, firsts = windows.locate(np.array([number]))
        row, first = windows.spans[spans[0]].row, int(firsts[0])
        if not batch.video_B[number]:
            assert not batch.frames_BTHWC[number].any()
            continue
        frames = sequential(media_of(tiny_home, cleared, row))
        assert np.array_equal(batch.frames_BTHWC[number], frames[first : first + LENGTH])
    assert {int(first) for first in windows.locate(np.arange(len(windows)))[1]} >= {
        0,
        NUM_FRAMES - LENGTH,
    }


def test_one_thread_reads_what_many_read(cleared, feed):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    single = Feed(cleared, windows, FeedSpec(decode_threads=1))
    ids = [7, 3, 3, 50, 12]
    try:
        one, many = single.read(asked(ids)), feed.submit(asked(ids)).result()
    finally:
        single.close()

    for name in ("frames_BTHWC", "action_BTA", "state_BTS", "dt_BT", "domain_B", "window_B"):
        assert np.array_equal(getattr(one, name), getattr(many, name)), name


def test_channels_stand_in_their_places_with_masks_and_time_steps(cleared, feed):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    batch = feed.read(asked([0, len(windows) - 1]))
    row = cleared.index.slice(windows.spans[0].row, 1).to_pylist()[0]

    action = np.array(row["action"], np.float32).reshape(NUM_FRAMES, ACTION_WIDTH)
    state = np.array(row["state"], np.float32).reshape(NUM_FRAMES, STATE_WIDTH)
    assert not batch.action_mask_BTA[0, 0, 0]  # the row's one stale value
    assert batch.action_BTA[0, 0, 0] == 0
    assert batch.action_mask_BTA[0].sum() == LENGTH * ACTION_WIDTH - 1
    assert np.allclose(batch.action_BTA[0, 1:], action[1:LENGTH])
    assert np.allclose(batch.state_BTS[0], state[:LENGTH])
    assert np.allclose(batch.dt_BT, 0.1)
    assert batch.domain_B.tolist() == [0, 1]


def test_streams_look_back_to_where_the_clip_begins(cleared):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    past = FeedSpec(lookback=Lookback(action=4, state=2))
    feed = Feed(cleared, windows, past)
    try:
        batch, plain = feed.read(asked([1, 9])), Feed(cleared, windows).read(asked([1, 9]))
    finally:
        feed.close()
    row = cleared.index.slice(windows.spans[0].row, 1).to_pylist()[0]
    action = np.array(row["action"], np.float32).reshape(NUM_FRAMES, ACTION_WIDTH)
    state = np.array(row["state"], np.float32).reshape(NUM_FRAMES, STATE_WIDTH)

    assert batch.past_action_BPA.shape == (2, 4, ACTION_WIDTH)
    assert batch.past_state_BQS.shape == (2, 2, STATE_WIDTH)
    # one frame lies before window 1, and its first action is stale; all lie before window 9
    assert batch.past_action_mask_BPA[0].tolist() == [[False, False]] * 3 + [[False, True]]
    assert not batch.past_action_BPA[0, :3].any()
    assert batch.past_state_mask_BQS[0].tolist() == [[False] * 3, [True] * 3]
    assert batch.past_action_mask_BPA[1].all()
    assert np.allclose(batch.past_action_BPA[1], action[5:9])
    assert np.allclose(batch.past_state_BQS[1], state[7:9])
    assert np.array_equal(batch.action_BTA, plain.action_BTA)
    assert plain.past_action_BPA.shape == (2, 0, ACTION_WIDTH)


def test_a_flipped_byte_in_the_media_stops_the_run(tmp_path):
    home = tiny_training_set(tmp_path)
    cleared = opened(home)
    flip_media(home, cleared)
    feed = Feed(cleared, windows_in(cleared, length=LENGTH, stride=1))
    try:
        with pytest.raises(LoaderError, match="do not have the digest") as caught:
            feed.read(asked(range(len(windows_in(cleared, length=LENGTH, stride=1)))))
    finally:
        feed.close()

    assert caught.value.code == "MEDIA_CHANGED"
    assert caught.value.subject == cleared.index.column("clip_id")[0].as_py()


def test_bytes_that_change_after_they_were_proven_stop_the_run(tmp_path):
    home = tiny_training_set(tmp_path)
    cleared = opened(home)
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows)
    try:
        before = feed.read(asked(range(len(windows)))).frames_BTHWC.copy()
        again = feed.read(asked(range(len(windows)))).frames_BTHWC
        assert np.array_equal(before, again)
        flip_media(home, cleared)
        with pytest.raises(LoaderError, match="do not have the digest") as caught:
            feed.read(asked(range(len(windows))))
    finally:
        feed.close()

    assert caught.value.code == "MEDIA_CHANGED"


def test_a_group_is_compared_with_its_digest_once_and_with_its_tag_after():
    part, other = memoryview(b"a picture" * 99), memoryview(b"b picture" * 99)
    digest = hashlib.sha256(part).hexdigest()
    proof = Proof(2)

    assert not proof.holds(0, digest, other)
    assert proof.holds(0, digest, part)
    assert proof.holds(0, "no digest: it is not asked for any more", part)
    assert not proof.holds(0, hashlib.sha256(other).hexdigest(), other)
    assert not proof.holds(1, digest, other)


def test_a_packet_index_past_the_end_stops_the_run(cleared):
    column = cleared.index.column("unit_offset")
    moved = [[at + 10**6 for at in one] if one else one for one in column.to_pylist()]
    at = cleared.index.column_names.index("unit_offset")
    wrong = replace(cleared, index=cleared.index.set_column(at, "unit_offset", [moved]))
    feed = Feed(wrong, windows_in(wrong, length=LENGTH, stride=1))
    try:
        with pytest.raises(LoaderError, match="shorter than its packet index") as caught:
            feed.read(asked([0]))
    finally:
        feed.close()

    assert caught.value.code == "MEDIA_CHANGED"


def test_files_that_go_while_they_are_read_are_an_erasure(tmp_path):
    home = tiny_training_set(tmp_path)
    cleared = opened(home)
    feed = Feed(cleared, windows_in(cleared, length=LENGTH, stride=1))
    for path in (home / "data.lance").rglob("*"):
        if path.is_file() and path.suffix != ".manifest":
            path.unlink()
    try:
        with pytest.raises(LoaderError, match="have gone") as caught:
            feed.read(asked([0]))
    finally:
        feed.close()

    assert caught.value.code == "ERASED"


def test_a_feed_that_was_forked_is_refused(feed):
    child = os.fork()
    if not child:
        try:
            feed.read(asked([0]))
        except LoaderError as error:
            os._exit(7 if error.code == "FORK_REFUSED" else 8)
        finally:
            os._exit(9)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 7
