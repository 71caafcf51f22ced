"""HDF5 recordings: robomimic, ALOHA and Minari files, whole, damaged and hostile."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipelines.readers.decode import Coding, decode_units
from tests.pipelines.readers.recordings import jpeg, picture, planned, read_all, whole

PICTURES = np.stack([picture(number) for number in range(6)])


def robomimic(path: Path, *, demos=(0, 1, 10, 2), hz: float | None = 20.0, **how) -> Path:
    """Write demonstrations of an arm, five actions each, with one camera."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        args = {"env_name": "Lift", "env_kwargs": {"control_freq": hz} if hz else {}}
        data.attrs["env_args"] = json.dumps(args)
        for number in demos:
            demo = data.create_group(f"demo_{number}")
            demo.create_dataset("actions", data=np.full((5, 7), number / 10))
            demo.create_dataset("states", data=np.arange(5 * 3.0).reshape(5, 3))
            obs = demo.create_group("obs")
            obs.create_dataset("agentview_image", data=PICTURES[:5], **how)
            obs.create_dataset("eef_pos", data=np.zeros((5, 3), np.float32))
    return path


def aloha(path: Path, *, encoded: bool = True) -> Path:
    """Write one episode of two arms with one camera, its pictures encoded and padded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [jpeg(number) for number in range(6)]
    longest = max(map(len, pictures)) + 9
    padded = np.zeros((6, longest), np.uint8)
    for number, data in enumerate(pictures):
        padded[number, : len(data)] = np.frombuffer(data, np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("action", data=np.zeros((6, 14)))
        seen = file.create_group("observations")
        seen.create_dataset("qpos", data=np.zeros((6, 14)))
        cameras = seen.create_group("images")
        shown, chunk = (padded, (1, longest)) if encoded else (PICTURES, (1, 64, 96, 3))
        cameras.create_dataset("cam_high", data=shown, chunks=chunk)
        if encoded:
            file.create_dataset("compress_len", data=[[len(one) for one in pictures]])
    return path


def minari(path: Path) -> Path:
    """Write two episodes, each with one more observation than actions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for number, steps in enumerate((4, 3)):
            episode = file.create_group(f"episode_{number}")
            seen = episode.create_group("observations")
            seen.create_dataset("desired_goal", data=np.zeros((steps + 1, 2)))
            seen.create_dataset("observation", data=np.ones((steps + 1, 4)))
            episode.create_dataset("actions", data=np.zeros((steps, 2)))
            episode.create_dataset("rewards", data=np.zeros(steps))
            episode.create_dataset("terminations", data=np.zeros(steps, np.bool_))
    return path


def frames(stream, stored) -> list[np.ndarray]:
    index, raw = stream.index, stored[stream.index.file_id]
    units = [
        (int(time), raw[offset : offset + size])
        for time, offset, size in zip(index.pts_ns, index.offset, index.size, strict=True)
    ]
    coding = Coding(
        codec=stream.codec, width=stream.width, height=stream.height, pixels=stream.pixels
    )
    return [one.to_ndarray(format="rgb24") for one in decode_units(coding, units)]


@pytest.mark.parametrize("how", [{}, {"chunks": (1, 64, 96, 3)}, {"compression": "gzip"}])
def test_demonstrations_are_read_in_the_order_of_their_numbers(tmp_path, how):
    robomimic(tmp_path / "in/low_dim.hdf5", **how)

    lines, episodes, stored = read_all(tmp_path / "in", tmp_path / "scratch")

    line = lines["low_dim.hdf5"]
    assert (line.status, line.num_frames, line.num_messages) == ("ingested", 20, 20)
    assert line.duration_ns == 4 * 250_000_000
    assert [one.part for one in episodes] == ["demo_0", "demo_1", "demo_2", "demo_10"]
    assert len(line.episodes) == 4
    by_name = {one.name: one for one in episodes[3].streams}
    assert by_name["actions"].values[0, 0] == 1.0
    assert by_name["actions"].clock.kind == "tick"
    assert [one.tolist() for one in frames(by_name["obs/agentview_image"], stored)] == (
        PICTURES[:5].tolist()
    )


def test_raw_pictures_lie_in_the_file_itself(tmp_path):
    robomimic(tmp_path / "in/a.hdf5")
    robomimic(tmp_path / "in/b.hdf5", compression="gzip", demos=(3,))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    located = {
        one.part: stream.file_id in {line.sha256 for line in lines.values()}
        for one in episodes
        for stream in one.streams
        if stream.kind == "video"
    }
    assert located == {"demo_0": True, "demo_1": True, "demo_10": True, "demo_2": True,
                       "demo_3": False}  # fmt: skip


@pytest.mark.parametrize("encoded", [True, False])
def test_an_aloha_file_is_one_episode(tmp_path, encoded):
    aloha(tmp_path / "in/episode_0.hdf5", encoded=encoded)

    lines, (episode,), stored = read_all(tmp_path / "in", tmp_path / "scratch")

    line = lines["episode_0.hdf5"]
    assert (line.num_frames, line.num_messages, line.duration_ns) == (6, 6, 120_000_000)
    camera = next(one for one in episode.streams if one.kind == "video")
    assert (camera.name, camera.width, camera.height) == ("observations/images/cam_high", 96, 64)
    assert camera.clock.kind == "synthesised"
    assert len(frames(camera, stored)) == 6


def test_observations_outnumber_actions_by_one(tmp_path):
    minari(tmp_path / "in/main_data.hdf5")

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch", rate_hz=10)

    assert lines["main_data.hdf5"].num_messages == 7
    assert [one.part for one in episodes] == ["episode_0", "episode_1"]
    counts = {one.name: len(one.ts_ns) for one in episodes[0].streams}
    assert (counts["actions"], counts["observations/observation"]) == (4, 5)
    assert episodes[0].end_ns == 500_000_000


@pytest.mark.parametrize(("hz", "config", "step"), [
    (20.0, {}, 50_000_000), (None, {}, 50_000_000), (10.0, {"rate_hz": 40}, 25_000_000),
])  # fmt: skip
def test_the_rate_is_declared_or_stated_or_usual(tmp_path, hz, config, step):
    robomimic(tmp_path / "in/a.hdf5", hz=hz, demos=(0,))

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch", **config)

    assert np.diff(episode.streams[0].ts_ns).tolist() == [step] * 4


def harmed(path: Path, how: str) -> None:
    with h5py.File(path) as file:
        chunk = file["data/demo_1/obs/agentview_image"].id.get_chunk_info(0)
    raw = bytearray(path.read_bytes())
    if how == "cut":
        raw = raw[: len(raw) * 6 // 10]
    elif how == "flip":
        for at in range(chunk.byte_offset + 20, chunk.byte_offset + 60):
            raw[at] ^= 0xFF
    path.write_bytes(raw)


@pytest.mark.parametrize(("how", "reason"), [("cut", "TRUNCATED"), ("flip", "CORRUPT")])
def test_damage_is_found(tmp_path, how, reason):
    robomimic(tmp_path / "in/a.hdf5", compression="gzip")
    harmed(tmp_path / "in/a.hdf5", how)

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert (lines["a.hdf5"].status, lines["a.hdf5"].reason) == ("quarantined", reason)
    assert episodes == []


def test_episodes_and_files_keep_tracks_of_their_own(tmp_path):
    for seed in (1, 2):
        with h5py.File(robomimic(tmp_path / f"in/{seed}.hdf5", compression="gzip"), "r+") as file:
            for number in (0, 1, 2, 10):
                shown = file[f"data/demo_{number}/obs/agentview_image"]
                shown[:] = PICTURES[:5] // seed + number

    plan = planned(tmp_path / "in")
    results = [whole(tmp_path / "in", group, tmp_path) for group in plan.groups]

    tracks = [track for result in results for track in result.tracks]
    digests = [hashlib.sha256(track.path.read_bytes()).hexdigest() for track in tracks]
    assert digests == [track.track_id for track in tracks]
    assert len(set(digests)) == 8


def test_a_padded_picture_that_does_not_decode_is_damage(tmp_path):
    aloha(tmp_path / "in/a.hdf5")
    with h5py.File(tmp_path / "in/a.hdf5", "r+") as file:
        file["observations/images/cam_high"][3, 2:] = 0

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["a.hdf5"].reason == "CORRUPT"
    assert lines["a.hdf5"].evidence["at_frame"] == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/")),
         "UNSAFE_CONTENT"),
        (lambda file: file.create_dataset("x", data=np.void(b"\x80\x04pickle.")), "UNSAFE_CONTENT"),
        (lambda file: file.create_dataset("x", (4,), "u1", external=[("raw.bin", 0, 4)]),
         "UNSAFE_CONTENT"),
        (lambda file: file["data/demo_1"].create_dataset("more", data=np.zeros(9)),
         "PARTS_DISAGREE"),
        (lambda file: file.__delitem__("data"), "NO_CONTENT"),
    ],
)  # fmt: skip
def test_what_may_not_be_read_is_refused(tmp_path, change, reason):
    robomimic(tmp_path / "in/a.hdf5")
    with h5py.File(tmp_path / "in/a.hdf5", "r+") as file:
        change(file)

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["a.hdf5"].reason == reason
    assert episodes == []


def test_a_layout_that_nobody_knows_is_named(tmp_path):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in/a.h5", "w") as file:
        file.create_dataset("spectra", data=np.zeros(5))

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["a.h5"].reason == "UNKNOWN_SCHEMA"
    assert lines["a.h5"].evidence["names"] == ["spectra"]


def test_words_and_long_numbers_become_events(tmp_path):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in/a.h5", "w") as file:
        one = file.create_group("episode_0")
        one.create_dataset("actions", data=np.zeros((2, 1)))
        one.create_dataset("language", data=["lift", "höher"])
        one.create_dataset("stamp", data=np.array([2**60, 2**60 + 1]))
        one.create_dataset("depth", data=np.zeros((2, 80, 80), np.float32))

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    events = {one.name: one.events for one in episode.streams if one.kind == "event"}
    assert events == {
        "language": ('"lift"', '"höher"'),
        "stamp": (f"[{2**60}]", f"[{2**60 + 1}]"),
    }
    assert episode.notes == ("depth (2, 80, 80) float32 is not read",)


def with_late(path: Path, *, written: int, **how) -> Path:
    """Add an array of which only the first rows were written."""
    robomimic(path)
    with h5py.File(path, "a") as file:
        demo = file["data/demo_0"]
        made = demo.create_dataset("late", (demo["actions"].shape[0], 3), np.float64, **how)
        if written:
            made[:written] = 1
    return path


def test_rows_that_were_never_written_are_no_data(tmp_path):
    with_late(tmp_path / "in/cups.hdf5", written=2, chunks=(2, 3))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert (lines["cups.hdf5"].reason, episodes) == ("PARTS_MISSING", [])


@pytest.mark.parametrize("how", [{}, {"chunks": (2, 3)}])
def test_an_array_that_nobody_wrote_is_noted(tmp_path, how):
    with_late(tmp_path / "in/cups.hdf5", written=0, **how)

    lines, (first, *_), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["cups.hdf5"].status == "ingested"
    assert "late was never written: every value is 0.0" in first.notes


def test_an_array_that_memory_cannot_hold_is_refused_unread(tmp_path):
    path = robomimic(tmp_path / "in/cups.hdf5")

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch", memory_limit_mb=1e-4)

    assert path.stat().st_size > 100
    assert lines["cups.hdf5"].reason == "TOO_LARGE"


def test_a_damaged_list_of_names_is_damage(tmp_path):
    path = robomimic(tmp_path / "in/cups.hdf5")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"SNOD", b"XNOD"))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert (lines["cups.hdf5"].reason, episodes) == ("CORRUPT", [])


@pytest.mark.parametrize(
    ("make", "where", "name", "said"),
    [
        (robomimic, "data/demo_1", "num_samples", 50),
        (minari, "episode_1", "total_steps", 30),
    ],
)
def test_an_episode_that_says_to_have_other_steps_is_refused(tmp_path, make, where, name, said):
    with h5py.File(make(tmp_path / "in/a.hdf5"), "r+") as file:
        file[where].attrs[name] = said

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.hdf5"].reason, episodes) == ("PARTS_DISAGREE", [])
    assert files["a.hdf5"].evidence[name] == said


def test_an_episode_that_says_how_many_steps_it_has_is_taken(tmp_path):
    with h5py.File(robomimic(tmp_path / "in/a.hdf5"), "r+") as file:
        for demo in file["data"].values():
            demo.attrs["num_samples"] = 5

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.hdf5"].status == "ingested"


def test_the_line_counts_the_pictures_of_all_cameras_and_each_stream_its_own(tmp_path):
    with h5py.File(robomimic(tmp_path / "in/a.hdf5", demos=(0, 1)), "r+") as file:
        for demo in file["data"].values():
            demo["obs"].create_dataset("wrist_image", data=PICTURES[:5])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    line = files["a.hdf5"]
    assert (line.num_frames, line.num_messages) == (20, 10)
    told = {doc["name"]: doc["num_frames"] for doc in line.streams if doc["kind"] == "video"}
    assert told == {"obs/agentview_image": 10, "obs/wrist_image": 10}


def test_an_episode_that_was_begun_and_not_recorded_costs_no_other(tmp_path):
    with h5py.File(robomimic(tmp_path / "in/a.hdf5", demos=(0, 2)), "r+") as file:
        demo = file["data"].create_group("demo_1")
        demo.create_dataset("actions", data=np.zeros((0, 7)))
        demo.create_dataset("obs/eef_pos", data=np.zeros((0, 3)))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.hdf5"].status, files["a.hdf5"].num_messages) == ("ingested", 10)
    assert [one.part for one in episodes] == ["demo_0", "demo_2"]
    assert "demo_1 has no step" in episodes[0].notes


def test_a_file_of_empty_episodes_has_no_content(tmp_path):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in/a.hdf5", "w") as file:
        file.create_dataset("data/demo_0/actions", data=np.zeros((0, 7)))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.hdf5"].reason, episodes) == ("NO_CONTENT", [])


def test_the_only_step_lasts_as_long_as_steps_do(tmp_path):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in/a.hdf5", "w") as file:
        file["action"], file["observations/qpos"] = np.zeros((1, 14)), np.zeros((1, 14))

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s", rate_hz=25)

    assert files["a.hdf5"].duration_ns == 40_000_000
