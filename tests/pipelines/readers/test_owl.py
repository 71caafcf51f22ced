"""OWL Control logs: zero is the start of the picture, and input counts only in focus."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import numpy as np
import pytest

from tests.pipelines.readers.recordings import film, planned, read_all

START = 1_700_000_000
NAMES = "timestamp,event_type,event_args\n"


def log(path, *events, end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(NAMES + "\n".join(",".join(event) for event in events) + end)
    return path


def at(seconds):
    return str(START + Decimal(str(seconds)))


PLAYED = [
    (at(-1), "START", "[]"),
    (at(0), "VIDEO_START", "[]"),
    (at(0.2), "HOOK_START", "[]"),
    (at(0.4), "KEYBOARD", "[87,true]"),
    (at(0.5), "MOUSE_MOVE", '"[3,-2]"'),
    (at(0.6), "UNFOCUS", "[]"),
    (at(0.7), "KEYBOARD", "[65,true]"),
    (at(0.8), "FOCUS", "[]"),
    (at(0.9), "MOUSE_BUTTON", "[1,true]"),
    (at(1.2), "VIDEO_END", "[]"),
]


def test_events_stand_on_the_picture_that_began_at_video_start(tmp_path):
    film(tmp_path / "in/recording.mp4", frames=30)
    log(tmp_path / "in/inputs.csv", *PLAYED)
    (tmp_path / "in/metadata.json").write_text('{"game_exe": "x.exe"}')

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    video, action, events = episode.streams
    zero = int(video.ts_ns[0])
    assert (events.ts_ns - zero).tolist()[:3] == [-(10**9), 0, 200_000_000]
    assert action.channels == ("keyboard.87", "mouse.button.1", "mouse.dx", "mouse.dy")
    assert action.values.tolist() == [[1, 0, 0, 0], [1, 0, 3, -2], [0, 1, 0, 0]]
    assert [(low - zero, high - zero) for low, high in episode.gaps] == [
        (0, 200_000_000),
        (600_000_000, 800_000_000),
    ]
    assert "consent: not in the files" in episode.notes
    assert (files["inputs.csv"].num_messages, files["recording.mp4"].num_frames) == (10, 30)
    assert files["metadata.json"].status == "companion"


def test_times_are_read_from_their_digits(tmp_path):
    log(tmp_path / "in/a.csv", ("1700000000.1234567", "START", "[]"))

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].ts_ns.tolist() == [1_700_000_000_123_456_700]
    assert json.loads(episode.streams[0].events[0])["timestamp"] == "1700000000.1234567"
    assert episode.streams[0].clock.epoch == "unix"


def test_an_older_recorder_wrote_start_only_and_the_notes_say_so(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    log(tmp_path / "in/a.csv", (str(START), "START", "[]"), (str(START + 1), "END", "[]"))

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert "no VIDEO_START in the log: START is taken for it" in episode.notes
    assert episode.streams[1].clock.resolution_ns == 10**9


def test_a_packed_log_reads_the_same(tmp_path):
    plain = log(tmp_path / "in/a.csv", *PLAYED)
    (tmp_path / "in/b.csv.gz").write_bytes(gzip.compress(plain.read_bytes(), mtime=0))

    _, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    first, second = (episode.streams for episode in episodes)
    assert [np.array_equal(a.ts_ns, b.ts_ns) for a, b in zip(first, second, strict=True)] == [
        True,
        True,
    ]


def test_focus_that_never_comes_back_is_a_gap_to_the_end(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    log(tmp_path / "in/a.csv", (at(0), "VIDEO_START", "[]"), (at(0.5), "UNFOCUS", "[]"))

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    video = episode.streams[0]
    assert episode.gaps == ((int(video.ts_ns[0]) + 5 * 10**8, int(video.ts_ns[-1]) + 1),)


@pytest.mark.parametrize(
    ("events", "end", "reason", "count"),
    [
        ([*PLAYED, (at(2), "KEYBOARD", "[87,tr")], "", "TRUNCATED", 10),
        ([*PLAYED[:3], ("x", "KEYBOARD", "[1,true]"), *PLAYED[3:]], "\n", "CORRUPT", 10),
        ([], "", "NO_CONTENT", 0),
        ([(str(START * 1000), "START", "[]")], "\n", "CLOCK_BROKEN", 1),
        ([("12.5", "START", "[]")], "\n", "CLOCK_BROKEN", 1),
    ],
)
def test_a_log_that_cannot_be_read_says_why(events, end, reason, count, tmp_path):
    log(tmp_path / "in/a.csv", *events, end=end)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.csv"].reason, files["a.csv"].num_messages) == (reason, count)
    assert episodes == []


def test_a_log_much_longer_than_its_picture_disagrees(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    log(tmp_path / "in/a.csv", (at(0), "VIDEO_START", "[]"), (at(60), "VIDEO_END", "[]"))

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.reason for line in files.values()} == {"PARTS_DISAGREE"}


def test_a_folder_of_several_goes_by_names(tmp_path):
    for name in ("a", "b"):
        film(tmp_path / f"in/{name}.mp4", frames=10)
        log(tmp_path / f"in/{name}.csv", (at(0), "VIDEO_START", f'["{name}"]'))

    groups = planned(tmp_path / "in").groups

    assert [[each.path for each in group.files] for group in groups] == [
        ["a.csv", "a.mp4"],
        ["b.csv", "b.mp4"],
    ]


def test_a_hole_of_zero_bytes_is_damage(tmp_path):
    data = log(tmp_path / "in/a.csv", *PLAYED).read_bytes()
    (tmp_path / "in/a.csv").write_bytes(data[:150] + bytes(60) + data[210:])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.csv"].reason, episodes) == ("CORRUPT", [])
    assert files["a.csv"].evidence["message"] == "zero bytes in it"
