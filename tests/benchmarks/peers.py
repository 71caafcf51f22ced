"""Measure films with another library, in an environment of its own (`make peers`).

Run with: ray|daft FOLDER. Prints one JSON line: version, seconds, and pictures and measures by name
of the film. What a library needs to start is not timed. It imports nothing of ours.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, HEIGHT = 160, 90
WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)


def measures_of(lumas: Any) -> dict[str, float]:
    """Return what `assess` says of a clip's pictures, given as luma of 160x90."""
    now = np.asarray(lumas, np.int16)
    steps = np.abs(np.diff(now, axis=0)).mean(axis=(1, 2))
    around = now[:, :-2, 1:-1] + now[:, 2:, 1:-1] + now[:, 1:-1, :-2] + now[:, 1:-1, 2:]
    edges = 4 * now[:, 1:-1, 1:-1] - around
    return {
        "pictures": len(now),
        "motion": float(steps.mean()),
        "still": float((steps < 0.5).mean()),
        "frozen": float((steps == 0).mean()),
        "blur": float(edges.var(axis=(1, 2)).mean()),
        "black": float((now.mean(axis=(1, 2)) < 24).mean()),
    }


def luma(frames: Any) -> Any:
    """Return pictures in RGB as luma, scaled down by whole numbers."""
    count, height, width, _ = frames.shape
    down = (count, HEIGHT, height // HEIGHT, WIDTH, width // WIDTH, 3)
    small = frames.reshape(down).mean(axis=(2, 4), dtype=np.float32)
    return (small @ WEIGHTS).round().astype(np.uint8)


def by_ray(paths: list[str]) -> dict[str, Any]:
    """Measure with `ray.data.read_videos`."""
    import ray

    def small(batch: dict[str, Any]) -> dict[str, Any]:
        kept = {"path": batch["path"], "frame_index": batch["frame_index"]}
        return {**kept, "luma": luma(batch["frame"])}

    films = ray.data.read_videos(paths, include_paths=True)
    told: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    for row in films.map_batches(small, batch_size=64).iter_rows():
        told[row["path"]].append((row["frame_index"], row["luma"]))
    return {
        Path(path).name: measures_of([each for _, each in sorted(rows, key=lambda one: one[0])])
        for path, rows in told.items()
    }


def by_daft(paths: list[str]) -> dict[str, Any]:
    """Measure with Daft's `read_video_frames`, file by file."""
    import daft

    found = {}
    for path in paths:
        frames = daft.read_video_frames(path, image_height=HEIGHT, image_width=WIDTH)
        pictures = np.stack([np.asarray(one) for one in frames.to_pydict()["data"]])
        found[Path(path).name] = measures_of(luma(pictures))
    return found


def main() -> None:
    """Measure the films of a folder and print what came of it."""
    library, folder = sys.argv[1:]
    paths = sorted(map(str, Path(folder).iterdir()))
    if library == "ray":
        import ray

        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        ray.data.DataContext.get_current().enable_progress_bars = False
        ray.data.range(8).map_batches(lambda batch: batch).take_all()
    else:
        import daft

        daft.from_pydict({"number": [1]}).collect()
    start = time.perf_counter()
    films = {"ray": by_ray, "daft": by_daft}[library](paths)
    seconds = time.perf_counter() - start
    print(json.dumps({"version": version(library), "seconds": seconds, "films": films}))


if __name__ == "__main__":
    main()
