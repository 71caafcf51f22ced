"""Training sets whose pictures do what a test needs, through the gate like any other."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.builders import (
    publish_revocations,
    sign_clearance,
    tiny_manifest,
    write_manifest,
)
from tests.rows import NUM_FRAMES, SIZE, tiny_row, video_columns, write_rows
from tests.training.conftest import opened
from training.gate import Cleared
from training.loader import Frames, digest_row

Drawn = Callable[[int], Frames]  # number of the clip -> its pictures


def world_of_clips(
    folder: Path, drawn: Drawn | None, *, source: str = "acorn", num_clips: int = 6
) -> Cleared:
    """A set of one source whose clips show what `drawn` says; every third clip is held out.

    Without `drawn` they have no pictures.
    """
    home = folder / "training_sets" / "tiny" / "1"
    home.mkdir(parents=True)
    rows = []
    for at in range(num_clips):
        row = tiny_row(source, at, with_video=drawn is not None)
        row |= video_columns(drawn(at)) if drawn is not None else {}
        rows.append(row | {"sha256": digest_row(row)})
    version = write_rows(home / "data.lance", {source: rows})
    write_manifest(home, tiny_manifest(home, {source: rows}, version))
    sign_clearance(home)
    publish_revocations(home)
    return opened(home)


def still(at: int) -> Frames:
    """Nothing moves: every clip one picture of its own."""
    picture = np.random.default_rng(at).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    whole = picture.repeat(SIZE // 8, 0).repeat(SIZE // 8, 1)
    return np.repeat(whole[None], NUM_FRAMES, axis=0)


def there_and_back(at: int) -> Frames:
    """A square that leaves its place after two frames and is back ten frames later."""
    frames = np.full((NUM_FRAMES, SIZE, SIZE, 3), 32, dtype=np.uint8)
    for number, frame in enumerate(frames):
        x = 4 + 8 * min(abs((number + 2) % 12 - 2), 5) + at % 3
        frame[20:36, x : x + 16] = (220, 180, 60)
    return frames
