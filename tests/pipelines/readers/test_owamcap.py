"""OWAMcap: a log and the film that it names are one episode on the log's clock."""

from __future__ import annotations

import json

import pytest

from pipelines.readers.media_refs import place_of
from tests.pipelines.readers.recordings import EPOCH_NS, film, planned, read_all

STEP = 40_000_000  # of a film of 25 pictures a second
SCHEMAS = {"screen": "desktop/ScreenCaptured", "keyboard": "desktop/KeyboardEvent"}


def log(path, uri="rec.mkv", *, count=30, first=0, legacy=False, late=None):
    """Write a log that names `count` pictures of a film, each as it was captured."""
    from mcap.writer import Writer

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start("owa", "test")
        channels = {}
        for topic, name in SCHEMAS.items():
            schema = writer.register_schema(name, "jsonschema", b"{}")
            channels[topic] = writer.register_channel(topic, "json", schema)
        for number in range(count):
            now, pts_ns = EPOCH_NS + number * STEP, (number + first) * STEP
            utc_ns = now + (late or {}).get(number, 0)
            ref = {"path": uri, "pts": pts_ns} if legacy else {
                "media_ref": {"uri": uri, "pts_ns": pts_ns}}  # fmt: skip
            for topic, doc in (("screen", {"utc_ns": utc_ns, **ref}), ("keyboard", {"vk": number})):
                writer.add_message(channels[topic], now + 5_000, json.dumps(doc).encode(), now)
        writer.finish()
    return path


@pytest.mark.parametrize("legacy", [False, True])
def test_a_log_and_its_film_are_one_episode_on_one_clock(legacy, tmp_path):
    film(tmp_path / "in/films/rec.mkv", frames=40)
    log(tmp_path / "in/rec.mcap", "films/rec.mkv", first=4, legacy=legacy)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    video, keyboard, screen = episode.streams
    assert (video.name, keyboard.name, screen.name) == ("video", "keyboard", "screen")
    assert video.ts_ns.tolist() == [EPOCH_NS + (n - 4) * STEP for n in range(40)]
    assert sorted(video.index.pts_ns.tolist()) == video.ts_ns.tolist()
    assert keyboard.ts_ns.tolist() == video.ts_ns[4:34].tolist()
    assert {one.clock.epoch for one in episode.streams} == {"unix"}
    assert episode.files == (files["rec.mcap"].sha256, files["films/rec.mkv"].sha256)
    assert (files["rec.mcap"].num_messages, files["films/rec.mkv"].num_frames) == (60, 40)
    assert files["films/rec.mkv"].episodes == files["rec.mcap"].episodes == (episode.episode_id,)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gone.mkv", "PARTS_MISSING"),
        ("https://example.org/rec.mkv", "PARTS_MISSING"),
        ("../rec.mkv", "UNSAFE_CONTENT"),
        ("/rec.mkv", "UNSAFE_CONTENT"),
        ("C:\\rec.mkv", "UNSAFE_CONTENT"),
        ("file:///rec.mkv", "UNSAFE_CONTENT"),
    ],
)
def test_a_log_whose_film_is_not_there_is_refused(uri, reason, tmp_path):
    film(tmp_path / "in/rec.mkv")
    log(tmp_path / "in/rec.mcap", uri)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    line = files["rec.mcap"]
    assert (line.reason, line.num_messages, line.evidence["named"]) == (reason, 60, [uri])
    assert files["rec.mkv"].status == "ingested"  # a film of its own
    assert episode.files == (files["rec.mkv"].sha256,)


def test_a_log_beside_a_film_that_is_damaged_lacks_a_part(tmp_path):
    whole = film(tmp_path / "in/rec.mkv").read_bytes()
    (tmp_path / "in/rec.mkv").write_bytes(whole[: len(whole) // 2])
    log(tmp_path / "in/rec.mcap")

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["rec.mkv"].reason, files["rec.mcap"].reason) == ("TRUNCATED", "PARTS_MISSING")
    assert (files["rec.mcap"].num_messages, episodes) == (60, [])


def test_a_film_beside_a_log_that_is_damaged_is_read_alone(tmp_path):
    film(tmp_path / "in/rec.mkv")
    whole = log(tmp_path / "in/rec.mcap").read_bytes()
    (tmp_path / "in/rec.mcap").write_bytes(whole[:-8])

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["rec.mcap"].reason, files["rec.mkv"].status) == ("TRUNCATED", "ingested")
    assert [one.name for one in episode.streams] == ["video"]


def test_a_log_that_names_pictures_behind_the_end_disagrees(tmp_path):
    film(tmp_path / "in/rec.mkv", frames=30)
    log(tmp_path / "in/rec.mcap", count=90)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.reason for line in files.values()} == {"PARTS_DISAGREE"}
    assert (files["rec.mcap"].num_messages, files["rec.mkv"].num_frames) == (180, 30)
    assert episodes == []


def test_two_logs_of_one_film_are_two_episodes(tmp_path):
    film(tmp_path / "in/rec.mkv", frames=30)
    log(tmp_path / "in/a.mcap", count=20)
    log(tmp_path / "in/b.mcap", count=10, first=20)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert [len(one.files) for one in episodes] == [2, 2]
    assert [one.num_messages for one in (files["a.mcap"], files["b.mcap"])] == [40, 20]
    assert (files["rec.mkv"].num_frames, len(files["rec.mkv"].episodes)) == (30, 2)


def test_stamps_that_jump_leave_the_pictures_in_order(tmp_path):
    film(tmp_path / "in/rec.mkv", frames=30)
    log(tmp_path / "in/rec.mcap", late={7: -3 * STEP})

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].ts_ns.tolist() == [EPOCH_NS + n * STEP for n in range(30)]


@pytest.mark.parametrize(
    ("uri", "place"),
    [("a.mkv", "logs/a.mkv"), ("../a.mkv", "a.mkv"), ("sub\\a.mkv", "logs/sub/a.mkv"),
     ("../../a.mkv", None), ("data:image/png;base64,AA", "")],
)  # fmt: skip
def test_names_are_followed_inside_the_source_only(uri, place):
    assert place_of("logs/a.mcap", uri) == place


def test_a_log_without_films_is_an_episode_of_its_own(tmp_path):
    log(tmp_path / "in/rec.mcap", "data:image/png;base64,AAAA")

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["rec.mcap"].num_messages == 60
    assert [one.name for one in episode.streams] == ["keyboard", "screen"]
    assert planned(tmp_path / "in").groups[0].reader == "owamcap"
