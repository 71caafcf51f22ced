"""LeRobot data sets, versions 2 and 3: episodes, spans in shared films, what does not add up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.readers.decode import Coding, decode_units
from tests.pipelines.readers.recordings import picture, planned, read_all

FPS = 10
CAMERA = "observation.images.top"
FEATURES: dict[str, Any] = {
    "action": {"dtype": "float32", "shape": [2]},
    "observation.state": {"dtype": "float32", "shape": [2]},
    CAMERA: {"dtype": "video", "shape": [64, 96, 3]},
}


def film(path: Path, numbers: list[int]) -> None:
    """Write the pictures of these numbers, with B-frames and a key every 8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.options = {"g": "8", "bf": "2", "qp": "1"}
        for number in numbers:
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def rows(episode: int, length: int, first: int = 0) -> dict[str, Any]:
    steps, pair = np.arange(length), pa.list_(pa.float64())
    return {
        "action": pa.array([[float(episode), float(step)] for step in steps], pair),
        "observation.state": pa.array([[float(step), 0.0] for step in steps], pair),
        "timestamp": (steps / FPS).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(length, episode),
        "index": steps + first,
        "task_index": np.zeros(length, np.int64),
    }


def info(root: Path, version: str, **paths: str) -> None:
    (root / "meta").mkdir(parents=True)
    doc = {"codebase_version": version, "fps": FPS, "features": FEATURES, "chunks_size": 1000}
    (root / "meta/info.json").write_text(json.dumps(doc | paths))
    (root / "meta/stats.json").write_text("{}")


def second(root: Path, lengths=(12, 9), *, shown: dict[int, int] | None = None) -> Path:
    """Write a data set of version 2.1: a Parquet file and a film for each episode."""
    info(
        root, "v2.1",
        data_path="data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        video_path="videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    )  # fmt: skip
    docs = []
    for number, length in enumerate(lengths):
        data = root / f"data/chunk-000/episode_{number:06d}.parquet"
        data.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(rows(number, length)), data)
        count = (shown or {}).get(number, length)
        film(root / f"videos/chunk-000/{CAMERA}/episode_{number:06d}.mp4", list(range(count)))
        docs.append({"episode_index": number, "tasks": ["lift it"], "length": length})
    (root / "meta/episodes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in docs))
    return root


def third(root: Path, lengths=(12, 9, 7), *, wrong: int = 0) -> Path:
    """Write a data set of version 3.0: one Parquet file and one film for all episodes."""
    info(
        root, "v3.0",
        data_path="data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        video_path="videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    )  # fmt: skip
    tables, listed, first = [], [], 0
    for number, length in enumerate(lengths):
        tables.append(pa.table(rows(number, length, first)))
        start = (first + (wrong if number == 1 else 0)) / FPS
        listed.append(
            {
                "episode_index": number, "tasks": ["lift it"], "length": length,
                "data/chunk_index": 0, "data/file_index": 0,
                "dataset_from_index": first, "dataset_to_index": first + length,
                f"videos/{CAMERA}/chunk_index": 0, f"videos/{CAMERA}/file_index": 0,
                f"videos/{CAMERA}/from_timestamp": start,
                f"videos/{CAMERA}/to_timestamp": (first + length) / FPS,
            }
        )  # fmt: skip
        first += length
    for path, table in (
        ("data/chunk-000/file-000.parquet", pa.concat_tables(tables)),
        ("meta/episodes/chunk-000/file-000.parquet", pa.Table.from_pylist(listed)),
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, root / path)
    film(root / f"videos/{CAMERA}/chunk-000/file-000.mp4", list(range(first)))
    return root


def shown(stream, stored) -> list[int]:
    """The numbers of the pictures that the stream's index leads to: where the white line is."""
    index, raw = stream.index, stored[stream.index.file_id]
    units = [
        (int(time), raw[offset : offset + size])
        for time, offset, size in zip(index.pts_ns, index.offset, index.size, strict=True)
    ]
    coding = Coding(codec=stream.codec, extradata=index.extradata)
    wanted = set(stream.ts_ns.tolist())
    frames = [one for one in decode_units(coding, units) if one.pts in wanted]
    return [int(one.to_ndarray(format="gray").mean(axis=1).argmax()) for one in frames]


def test_version_two_has_an_episode_for_each_pair_of_files(tmp_path):
    second(tmp_path / "in/set")

    lines, episodes, stored = read_all(tmp_path / "in", tmp_path / "scratch")

    assert {line.status for path, line in lines.items() if "/meta/" in path} == {"companion"}
    assert [len(one.streams[0].ts_ns) for one in episodes] == [12, 9]
    parquet = lines["set/data/chunk-000/episode_000000.parquet"]
    movie = lines[f"set/videos/chunk-000/{CAMERA}/episode_000000.mp4"]
    assert (parquet.num_messages, parquet.duration_ns) == (12, 1_200_000_000)
    assert (movie.num_frames, movie.status) == (12, "ingested")
    assert episodes[0].notes == ("task: lift it",)
    names = {one.name for one in episodes[0].streams}
    assert names == {"action", "observation.state", CAMERA}
    camera = next(one for one in episodes[1].streams if one.name == CAMERA)
    assert shown(camera, stored) == list(range(9))
    assert np.diff(camera.ts_ns).tolist() == [100_000_000] * 8


def test_version_three_shows_each_episode_its_own_span(tmp_path):
    third(tmp_path / "in")

    lines, episodes, stored = read_all(tmp_path / "in", tmp_path / "scratch")

    assert [one.part for one in episodes] == ["episode_000000", "episode_000001", "episode_000002"]
    assert lines["data/chunk-000/file-000.parquet"].num_messages == 28
    movie = lines[f"videos/{CAMERA}/chunk-000/file-000.mp4"]
    assert (movie.num_frames, movie.duration_ns) == (28, 2_800_000_000)
    cameras = [next(one for one in each.streams if one.name == CAMERA) for each in episodes]
    assert [shown(one, stored) for one in cameras] == [
        list(range(12)), list(range(12, 21)), list(range(21, 28)),
    ]  # fmt: skip
    assert episodes[1].streams[0].values[:, 0].tolist() == [1.0] * 9
    assert episodes[1].start_ns == 0


def test_a_span_that_points_elsewhere_is_found(tmp_path):
    third(tmp_path / "in", wrong=-4)

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    movie = lines[f"videos/{CAMERA}/chunk-000/file-000.mp4"]
    assert (movie.status, movie.reason) == ("quarantined", "PARTS_DISAGREE")
    assert movie.evidence["rows"] == 9
    assert episodes == []


def test_one_bad_episode_of_version_two_leaves_the_others(tmp_path):
    second(tmp_path / "in", shown={0: 10})

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["data/chunk-000/episode_000000.parquet"].reason == "PARTS_DISAGREE"
    assert lines["data/chunk-000/episode_000001.parquet"].status == "ingested"
    assert len(episodes) == 1


def test_a_film_that_is_not_there_is_missed(tmp_path):
    second(tmp_path / "in")
    (tmp_path / f"in/videos/chunk-000/{CAMERA}/episode_000001.mp4").unlink()

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    line = lines["data/chunk-000/episode_000001.parquet"]
    assert (line.status, line.reason) == ("quarantined", "PARTS_MISSING")
    assert len(episodes) == 1


@pytest.mark.parametrize("how", ["rows", "time"])
def test_rows_that_do_not_add_up_are_found(tmp_path, how):
    second(tmp_path / "in", lengths=(12,))
    path = tmp_path / "in/data/chunk-000/episode_000000.parquet"
    changed = rows(0, 12)
    if how == "time":
        changed["timestamp"] = changed["timestamp"] * 2
    table = pa.table(changed)
    pq.write_table(table.slice(0, 11) if how == "rows" else table, path)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["data/chunk-000/episode_000000.parquet"].reason == "PARTS_DISAGREE"


def test_files_that_share_nothing_are_groups_of_their_own(tmp_path):
    second(tmp_path / "in/a")
    third(tmp_path / "in/b")

    plan = planned(tmp_path / "in")

    assert sorted(len(one.files) for one in plan.groups) == [2, 2, 2]


def test_an_index_that_leads_out_of_the_set_claims_nothing(tmp_path):
    second(tmp_path / "in")
    path = tmp_path / "in/meta/info.json"
    doc = json.loads(path.read_text())
    path.write_text(json.dumps(doc | {"data_path": "../../etc/{episode_index}.parquet"}))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert episodes == [] or all("set" not in one.part for one in episodes)
    assert len(lines) == 7


def test_a_set_without_its_list_of_episodes_lacks_a_part(tmp_path):
    third(tmp_path / "in/a")
    (tmp_path / "in/a/meta/episodes/chunk-000/file-000.parquet").unlink()
    second(tmp_path / "in/b")
    (tmp_path / "in/b/meta/episodes.jsonl").unlink()

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episodes == []
    refused = {path: line.reason for path, line in files.items() if line.status != "companion"}
    assert set(refused.values()) == {"PARTS_MISSING"}
    assert len(refused) == 2 + 4


@pytest.mark.parametrize(
    ("told", "reason"),
    [('"fps": 0', "CLOCK_BROKEN"), ('"fps": "fast"', "CORRUPT"), ('"fps": ', "CORRUPT")],
)
def test_a_set_whose_index_says_no_rate_is_refused_whole(told, reason, tmp_path):
    second(tmp_path / "in")
    path = tmp_path / "in/meta/info.json"
    path.write_text(path.read_text().replace(f'"fps": {FPS}', told))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episodes == []
    assert {line.reason for line in files.values() if line.path.startswith("data/")} == {reason}
    assert {line.reason for line in files.values() if line.path.startswith("videos/")} == {reason}


def test_files_of_no_episode_of_the_index_disagree_with_it(tmp_path):
    root = second(tmp_path / "in")
    pq.write_table(pa.table(rows(9, 7)), root / "data/chunk-000/episode_000009.parquet")
    film(root / f"videos/chunk-000/{CAMERA}/episode_000009.mp4", list(range(7)))
    (root / "data/README.md").write_text("# What lies here")

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert len(episodes) == 2
    unnamed = {line.reason for path, line in files.items() if "000009" in path}
    assert unnamed == {"PARTS_DISAGREE"}
    assert files["data/README.md"].status == "companion"


def test_rows_of_another_episode_disagree(tmp_path):
    root = second(tmp_path / "in")
    pq.write_table(pa.table(rows(7, 9)), root / "data/chunk-000/episode_000001.parquet")

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert len(episodes) == 1
    assert files["data/chunk-000/episode_000001.parquet"].reason == "PARTS_DISAGREE"


def test_an_episode_without_rows_has_no_content_and_costs_no_other(tmp_path):
    second(tmp_path / "in", (12, 9, 0), shown={2: 1})
    (tmp_path / f"in/videos/chunk-000/{CAMERA}/episode_000002.mp4").unlink()

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["data/chunk-000/episode_000002.parquet"].reason == "NO_CONTENT"
    assert [len(one.streams[0].ts_ns) for one in episodes] == [12, 9]
    assert sum(line.status == "quarantined" for line in files.values()) == 1


@pytest.mark.parametrize("lengths", [(12, 0, 7), (0, 12, 7), (12, 7, 0)])
def test_an_episode_without_rows_in_shared_files_costs_no_other(tmp_path, lengths):
    third(tmp_path / "in", lengths)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.status for line in files.values()} == {"ingested", "companion"}
    assert [len(one.streams[0].ts_ns) for one in episodes] == [12, 7]


def test_an_episode_of_one_row_lasts_as_long_as_a_row(tmp_path):
    second(tmp_path / "in", (1,))

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["data/chunk-000/episode_000000.parquet"].duration_ns == 10**9 // FPS
