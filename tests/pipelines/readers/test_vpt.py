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


def test_the_mouse_as_written_stands_beside_what_is_derived():
    held = {"x": 100.0, "y": 50.0, "dx": 20.0, "buttons": [0], "newButtons": [0]}

    values = actions_of([line(mouse=held), line(isGuiOpen=True, mouse=held)], gui_scale=2.0)

    assert column(values, "mouse.attack") == [1, 1]
    assert column(values, "attack") == [0, 1]
    assert column(values, "mouse.dx") == [20, 20]
    assert column(values, "mouse.x") == [100, 100]
    assert column(values, "camera.dx") == pytest.approx([3, 6])


def test_a_line_without_any_action_keeps_its_picture(tmp_path):
    film(tmp_path / "in/a.mp4", frames=20, rate=20)
    keys = [{"keys": [W] if number in {4, 7} else []} for number in range(20)]
    lines(tmp_path / "in/a.jsonl", [line(keyboard=one) for one in keys])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    video, action, *_ = episode.streams
    pressed = [number for number, held in enumerate(column(action.values, "forward")) if held]
    assert pressed == [4, 7]
    assert action.ts_ns[7] == video.ts_ns[7]


def test_a_menu_without_a_declared_recorder_is_said(tmp_path):
    lines(tmp_path / "in/a.jsonl", [line(isGuiOpen=True), line()])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (declared,), _ = read_all(tmp_path / "in", tmp_path / "s", recorder_version="6.9")

    assert "recorder_version not declared: the mouse in 1 menu lines not scaled" in episode.notes
    assert len(declared.notes) == 1


def test_lines_behind_the_last_picture_are_kept_and_said(tmp_path):
    film(tmp_path / "in/a.mp4", frames=20, rate=20)
    lines(tmp_path / "in/a.jsonl", [line() for _ in range(23)])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert "3 lines behind the last picture stand in events only" in episode.notes


@pytest.mark.parametrize(
    "strange",
    [
        {"tick": 4},
        line(mouse={"dx": "far"}),
        line(mouse={"buttons": 3}),
        line(keyboard={"keys": [7]}),
        line(hotbar="left"),
    ],
)
def test_a_line_of_another_shape_is_corrupt_and_named(strange, tmp_path):
    lines(tmp_path / "in/a.jsonl", [line(), line(), strange, line()])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    told = files["a.jsonl"]
    assert (told.reason, told.num_messages, told.evidence["line"]) == ("CORRUPT", 3, 3)


def test_a_log_that_ends_within_a_line_leaves_its_film(tmp_path):
    film(tmp_path / "in/a.mp4", frames=20, rate=20)
    log = lines(tmp_path / "in/a.jsonl", [line() for _ in range(20)])
    log.write_text(log.read_text()[:-30])

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    assert (files["a.jsonl"].reason, files["a.jsonl"].num_messages) == ("TRUNCATED", 19)
    assert [one.name for one in episode.streams] == ["video"]
