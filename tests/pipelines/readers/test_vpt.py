"""Minecraft logs of mouse and keyboard: line i is picture i."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.readers.vpt import CHANNELS, actions_of
from tests.pipelines.readers.recordings import film, lines, read_all

W = "key.keyboard.w"


def line(**changes) -> dict[str, Any]:
    mouse = {"x": 640.0, "y": 360.0, "dx": 0.0, "dy": 0.0, "buttons": [], "newButtons": []}
    keys = {"keys": [], "newKeys": [], "chars": ""}
    mouse |= changes.pop("mouse", {})
    keys |= changes.pop("keyboard", {})
    return {"mouse": mouse, "keyboard": keys, "isGuiOpen": False, "hotbar": 0, "yaw": 1.5} | changes


def column(values, name):
    return values[:, CHANNELS.index(name)].tolist()


def test_lines_beside_a_film_stand_on_its_pictures(tmp_path):
    film(tmp_path / "in/a.mp4", frames=20, rate=20)
    lines(tmp_path / "in/a.jsonl", [line(keyboard={"keys": [W]}) for _ in range(22)])

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    video, action, state, events = episode.streams
    assert action.ts_ns.tolist() == video.ts_ns.tolist()
    assert column(action.values, "forward") == [1.0] * 20
    assert state.channels == ("isGuiOpen", "hotbar", "yaw")
    assert (len(events.ts_ns), files["a.jsonl"].num_messages) == (22, 22)


def test_counts_that_differ_by_more_than_a_few_disagree(tmp_path):
    film(tmp_path / "in/a.mp4", frames=20)
    lines(tmp_path / "in/a.jsonl", [line() for _ in range(30)])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {one.reason for one in files.values()} == {"PARTS_DISAGREE"}


def test_a_log_alone_ticks_twenty_times_a_second(tmp_path):
    lines(tmp_path / "in/a.jsonl", [line() for _ in range(5)])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].ts_ns.tolist() == [n * 50_000_000 for n in range(5)]


def test_an_attack_that_was_down_from_the_start_waits_for_its_first_press():
    stuck = {"buttons": [0], "newButtons": []}
    docs = [
        line(mouse={"buttons": [0], "newButtons": [0]}),
        line(mouse=stuck),
        line(mouse={"buttons": [0], "newButtons": [0]}),
        line(mouse=stuck),
    ]

    assert column(actions_of(docs, gui_scale=1.0), "attack") == [0, 0, 1, 1]


def test_scrolling_shows_as_a_hotbar_key():
    docs = [line(hotbar=0), line(hotbar=3), line(hotbar=3)]

    assert column(actions_of(docs, gui_scale=1.0), "hotbar.4") == [0, 1, 0]


def test_the_camera_turns_in_degrees_and_scales_in_menus():
    docs = [line(mouse={"dx": 2400.0}), line(mouse={"dx": 2400.0}, isGuiOpen=True)]

    assert column(actions_of(docs, gui_scale=0.5), "camera.dx") == pytest.approx([360, 180])
