"""A pack as LeRobot data sets, codebase v3.0: one for each layout of cameras and channels.

A clip is an episode. LeRobot knows one rate and one set of features a data set, so sources that
differ in cameras, channels, size or rate stand in folders of their own, `layout-000` and on. Masks
are features (`valid.action`, `valid.state`), and so is the exact time of each frame.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from licensing.manifest import canonical
from pipelines.pack.lerobot_tables import (
    Episode,
    episode_table,
    frame_table,
    task_table,
    write_table,
)
from pipelines.pack.rows import Work, grid, plain_name, read_rows
from pipelines.readers.muxing import mux_rendered

VERSION: Final = "v3.0"
FILE_BYTES: Final = 100 << 20
CHUNK_FILES: Final = 1_000
SPLITS: Final = ("train", "val", "test")
_ONE: Final = {"shape": [1], "names": None}


class Layout(NamedTuple):
    """What the episodes of one LeRobot data set have in common."""

    cameras: tuple[str, ...]
    action: tuple[str, ...]
    state: tuple[str, ...]
    width: int
    height: int
    fps: float


def write_lerobot(work: Work, *, file_bytes: int = FILE_BYTES) -> None:
    """Write the rows of `work` as LeRobot data sets whose files have about `file_bytes` at most."""
    for number, (layout, clips) in enumerate(sorted(_layouts(work).items())):
        folder = work.folder / f"layout-{number:03d}"
        episodes = list(_episodes(work, clips))
        sources = sorted({str(one.doc["source_id"]) for one in episodes})
        listed: list[dict[str, Any]] = []
        for at, part in enumerate(_parts(work, episodes, file_bytes=file_bytes)):
            place = {"chunk_index": at // CHUNK_FILES, "file_index": at % CHUNK_FILES}
            _write_part(work, layout, folder, episodes=part, place=place, sources=sources)
            listed += _listed(layout, part, place)
        write_table(folder / "meta/tasks.parquet", task_table(sources))
        write_table(folder / "meta/episodes/chunk-000/file-000.parquet", episode_table(listed))
        _write_json(folder / "meta/info.json", _info(layout, episodes, len(sources)))
        _write_json(folder / "meta/stats.json", _stats(work, layout, episodes))


def feature_of(camera: str) -> str:
    """The name of a camera's feature."""
    return f"observation.images.{plain_name(camera)}"


def _layouts(work: Work) -> dict[Layout, list[tuple[int, ...]]]:
    """The clips of each layout, each as the numbers of its rows."""
    columns = ("clip_id", "camera", "source_id", "action_width", "state_width")
    docs = work.rows.select([*columns, "width", "height", "fps"]).to_pylist()
    clips: dict[str, list[int]] = defaultdict(list)
    for at, doc in enumerate(docs):
        clips[doc["clip_id"]].append(at)
    found: dict[Layout, list[tuple[int, ...]]] = defaultdict(list)
    for rows in clips.values():
        doc = docs[rows[0]]
        layout = Layout(
            cameras=tuple(docs[at]["camera"] for at in rows if docs[at]["camera"]),
            action=_names(work, doc, "action"),
            state=_names(work, doc, "state"),
            width=doc["width"],
            height=doc["height"],
            fps=doc["fps"],
        )
        found[layout].append(tuple(rows))
    return found


def _names(work: Work, doc: dict[str, Any], kind: str) -> tuple[str, ...]:
    manifest = work.cleared.manifest
    named = {one["index"]: one["name"] for one in manifest["channels"] if one["kind"] == kind}
    indexes = manifest["layouts"][doc["source_id"]][kind]
    return tuple(named[one] for one in indexes[: doc[f"{kind}_width"] or 0])


def _episodes(work: Work, clips: Sequence[tuple[int, ...]]) -> Iterator[Episode]:
    """The clips in the order of their splits, so that each split is one span of episodes."""
    columns = ["clip_id", "source_id", "split", "notice_id", "start_ns", "num_frames"]
    docs = work.rows.select(columns).to_pylist()
    first = 0
    ordered = sorted(clips, key=lambda rows: SPLITS.index(docs[rows[0]]["split"]))
    for number, rows in enumerate(ordered):
        doc = docs[rows[0]]
        count = doc["num_frames"]
        yield Episode(number=number, rows=rows, first_frame=first, num_frames=count, doc=doc)
        first += count


def _parts(
    work: Work, episodes: Sequence[Episode], *, file_bytes: int
) -> Iterator[tuple[Episode, ...]]:
    """The episodes of one file each of numbers and of every camera."""
    part: list[Episode] = []
    held = 0
    for one in episodes:
        size = max(sum(work.rows["unit_size"][at].as_py() or ()) for at in one.rows)
        if part and held + size > file_bytes:
            yield tuple(part)
            part, held = [], 0
        part.append(one)
        held += size
    yield tuple(part)


def _write_part(
    work: Work,
    layout: Layout,
    folder: Path,
    *,
    episodes: Sequence[Episode],
    place: dict[str, int],
    sources: Sequence[str],
) -> None:
    name = "chunk-{chunk_index:03d}/file-{file_index:03d}".format(**place)
    write_table(folder / f"data/{name}.parquet", frame_table(work.rows, episodes, sources))
    for at, camera in enumerate(layout.cameras):
        target = folder / f"videos/{feature_of(camera)}/{name}.mp4"
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = read_rows(work, [one.rows[at] for one in episodes])
        target.write_bytes(mux_rendered((unit for row in rows for unit in row.units), layout.fps))
        work.told(len(episodes))
    if not layout.cameras:
        work.told(len(episodes))


def _listed(
    layout: Layout, part: Sequence[Episode], place: dict[str, int]
) -> Iterator[dict[str, Any]]:
    for one in part:
        since = one.first_frame - part[0].first_frame
        line = {
            "episode_index": one.number,
            "tasks": [one.doc["source_id"]],
            "length": one.num_frames,
            "dataset_from_index": one.first_frame,
            "dataset_to_index": one.first_frame + one.num_frames,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }
        line |= {f"data/{key}": value for key, value in place.items()}
        for camera in layout.cameras:
            prefix = f"videos/{feature_of(camera)}"
            line |= {f"{prefix}/{key}": value for key, value in place.items()}
            line[f"{prefix}/from_timestamp"] = since / layout.fps
            line[f"{prefix}/to_timestamp"] = (since + one.num_frames) / layout.fps
        yield line | {key: one.doc[key] for key in ("clip_id", "split", "notice_id", "start_ns")}


def _info(layout: Layout, episodes: Sequence[Episode], num_tasks: int) -> dict[str, Any]:
    splits, at = {}, 0
    for split in SPLITS:
        count = sum(one.doc["split"] == split for one in episodes)
        if count:
            splits[split] = f"{at}:{at + count}"
        at += count
    rate = int(layout.fps) if layout.fps == int(layout.fps) else layout.fps
    path = "chunk-{chunk_index:03d}/file-{file_index:03d}"
    return {
        "codebase_version": VERSION,
        "robot_type": None,
        "total_episodes": len(episodes),
        "total_frames": sum(one.num_frames for one in episodes),
        "total_tasks": num_tasks,
        "chunks_size": CHUNK_FILES,
        "data_files_size_in_mb": FILE_BYTES >> 20,
        "video_files_size_in_mb": FILE_BYTES >> 20,
        "fps": rate,
        "splits": splits,
        "data_path": f"data/{path}.parquet",
        "video_path": f"videos/{{video_key}}/{path}.mp4" if layout.cameras else None,
        "features": _features(layout),
    }


def _features(layout: Layout) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for camera in layout.cameras:
        features[feature_of(camera)] = {
            "dtype": "video",
            "shape": [layout.height, layout.width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.fps": layout.fps,
                "video.height": layout.height,
                "video.width": layout.width,
                "video.channels": 3,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "has_audio": False,
                "camera": camera,
            },
        }
    for kind, name, names in _vectors(layout):
        shape = {"shape": [len(names)], "names": list(names)}
        features[name] = {"dtype": "float32", **shape}
        features[f"valid.{kind}"] = {"dtype": "bool", **shape}
    features["frame_ts_ns"] = {"dtype": "int64", **_ONE}
    features["timestamp"] = {"dtype": "float32", **_ONE}
    counts = ("frame_index", "episode_index", "index", "task_index")
    return features | {name: {"dtype": "int64", **_ONE} for name in counts}


def _vectors(layout: Layout) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    both = (("action", "action", layout.action), ("state", "observation.state", layout.state))
    return tuple(one for one in both if one[2])


def _stats(work: Work, layout: Layout, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Minimum, maximum, mean, deviation and count of each channel over its valid frames."""
    rows = [one.rows[0] for one in episodes]
    table, found = work.rows, {}
    valid = np.concatenate([grid(table, "valid", at, dtype=np.bool_) for at in rows])
    begin = 0
    for kind, name, names in _vectors(layout):
        values = np.concatenate([grid(table, kind, at) for at in rows]).astype(np.float64)
        mask = valid[:, begin : begin + len(names)]
        found[name] = _summed([values[mask[:, at], at] for at in range(len(names))])
        begin += len(names)
    return found


def _summed(channels: Sequence[NDArray[np.float64]]) -> dict[str, list[float]]:
    some = [one if len(one) else np.zeros(1) for one in channels]
    return {
        "min": [float(one.min()) for one in some],
        "max": [float(one.max()) for one in some],
        "mean": [float(one.mean()) for one in some],
        "std": [float(one.std()) for one in some],
        "count": [max((len(one) for one in channels), default=0)],
    }


def _write_json(path: Path, doc: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(canonical(doc))
