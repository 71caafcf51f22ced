"""Terminal sessions: an event a frame, by the heads alone."""

from __future__ import annotations

import bz2
import gzip
import json
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers.ttyrec import frames_of
from tests.pipelines.readers.recordings import read_all

START = 1_600_000_000


def plain(frames=20, *, start=START):
    """Return frames of 12-byte heads, a tenth of a second apart."""
    return b"".join(
        struct.pack("<III", start + number // 10, number % 10 * 100_000, len(text)) + text
        for number in range(frames)
        for text in [f"\x1b[{number};1H@ hits the newt".encode()]
    )


def channelled(rounds=10):
    """Return rounds of output, key and score with 13-byte heads."""
    parts = []
    for number in range(rounds):
        text = f"\x1b[{number}HYou see here a corpse".encode()
        for channel, data in ((0, text), (1, b"j"), (2, struct.pack("<i", number * 10))):
            parts.append(struct.pack("<IIIB", START + number, 5, len(data), channel) + data)
    return b"".join(parts)


def whole(tmp_path, data, name="a.ttyrec", **config):
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(data)
    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s", **config)
    return files[name], episodes


def test_each_frame_is_an_event_at_its_own_time(tmp_path):
    line, (episode,) = whole(tmp_path, plain())

    (events,) = episode.streams
    assert events.ts_ns[[0, 1, 11]].tolist() == [
        START * 10**9,
        START * 10**9 + 10**8,
        START * 10**9 + 11 * 10**8,
    ]
    first = json.loads(events.events[0])
    assert (first["offset"], first["channel"]) == (12, 0)
    assert plain()[12 : 12 + first["length"]].endswith(b"newt")
    assert (line.num_messages, line.duration_ns, events.clock.epoch) == (20, 2 * 10**9, "unix")


def test_keys_and_scores_are_streams_where_frames_have_channels(tmp_path):
    line, (episode,) = whole(tmp_path, channelled(), name="a.ttyrec3")

    action, state, events = episode.streams
    assert set(action.values[:, 0]) == {float(ord("j"))}
    assert state.values[:, 0].tolist() == [number * 10 for number in range(10)]
    assert [json.loads(text)["channel"] for text in events.events[:3]] == [0, 1, 2]
    assert line.num_messages == 30


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_packed_session_reads_the_same(pack, tmp_path):
    line, (episode,) = whole(tmp_path, pack(channelled()))

    assert (line.num_messages, len(episode.streams)) == (30, 3)


@pytest.mark.parametrize(
    ("data", "reason", "count"),
    [
        (plain()[:-5], "TRUNCATED", 19),
        (plain() + b"\x01\x02", "TRUNCATED", 20),
        (plain(5) + b"\xff" * 40 + plain(5), "CORRUPT", 5),
        (plain(5) + plain(5, start=START + 10**9), "CLOCK_BROKEN", 0),
        (gzip.compress(plain(400), mtime=0)[:-200], "TRUNCATED", None),
        (bz2.compress(plain())[:-9], "TRUNCATED", None),
        (bz2.compress(plain()) + b"behind it", "CORRUPT", None),
        (gzip.compress(plain(), mtime=0) + b"behind it", "CORRUPT", None),
        (bz2.compress(plain())[:60] + b"\x00\x01" + bz2.compress(plain())[62:], "CORRUPT", None),
        (plain(1)[:30], "TRUNCATED", 0),
    ],
)
def test_a_damaged_session_says_how_much_reads(data, reason, count, tmp_path):
    line, episodes = whole(tmp_path, data)

    assert (line.reason, episodes) == (reason, [])
    assert count is None or line.num_messages == count


def test_what_reads_of_a_damaged_session_is_kept_where_that_is_accepted(tmp_path):
    line, (episode,) = whole(tmp_path, plain()[:-5], accept_partial=True)

    assert (line.status, line.num_messages) == ("ingested", 19)
    assert any(note.startswith("partial: 19 frames") for note in episode.notes)


def test_a_bomb_is_stopped_long_before_its_end(tmp_path):
    frame = struct.pack("<III", START, 0, 1 << 20) + bytes(1 << 20)
    bomb = bz2.compress(plain(20) + frame * 70)

    line, _ = whole(tmp_path, bomb)

    assert (len(bomb) < 100_000, line.reason) == (True, "TOO_LARGE")


@pytest.mark.parametrize(
    "data", [bytes(4096), np.arange(3000, dtype=np.int32).tobytes(), b"\x05\x00\x00\x00" * 90]
)
def test_numbers_are_no_session(data, tmp_path):
    line, _ = whole(tmp_path, data, name="a.bin")

    assert line.reason == "NOT_THE_FORMAT"


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40).map(np.cumsum))
def test_frames_do_not_depend_on_how_the_bytes_arrive(cuts):
    data = channelled()
    edges = [0, *[int(cut) for cut in cuts if cut < len(data)], len(data)]
    chunks = [data[low:high] for low, high in pairwise(edges)]

    session = frames_of(chunks, "a", channelled=True)

    assert (len(session.times), session.ended) == (30, "")
    assert session.offsets == frames_of([data], "a", channelled=True).offsets
