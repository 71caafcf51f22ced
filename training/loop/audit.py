"""What a checkpoint has seen, recomputed from its seal: no log of samples is kept.

The replayed chain must be the sealed one; if it is not, the answer would be a guess and is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from training.config import read_config
from training.errors import CheckpointError
from training.loop.recalled import Recalled
from training.sampler import Cursor, link, plan_order, replay
from training.windows import Ints, Windows, WindowSpec, windows_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How much of some clips a checkpoint was trained on.

    `windows` counts deliveries, `rows` different rows (clip and camera), `frames` different frames;
    `samples` is all that was delivered by then, of whatever clip.
    """

    step: int
    windows: int
    rows: int
    frames: int
    samples: int


def seen(
    index: pa.Table, manifest: Mapping[str, Any], checkpoint: Recalled
) -> Iterator[dict[str, Any]]:
    """One line a window in order of delivery, up to `checkpoint`, without those that were lost.

    `index` and `manifest` are of the set that the checkpoint names; it may be revoked by now.
    """
    windows, steps = _replayed(index, manifest, checkpoint)
    for step, ids in steps:
        spans, firsts = windows.locate(ids)
        for slot, (span, first) in enumerate(zip(spans.tolist(), firsts.tolist(), strict=True)):
            if (step, slot) not in checkpoint.lost:
                yield _line(windows, span, first) | {"step": step, "slot": slot}


def exposures(
    index: pa.Table,
    manifest: Mapping[str, Any],
    checkpoint: Recalled,
    *,
    of: Callable[[str, str], bool],
    steps: Iterable[int],
) -> tuple[Exposure, ...]:
    """How much of the clips that `of(source, clip)` names had been seen after each of `steps`.

    One replay up to `checkpoint`, the last of them, answers for all.
    """
    windows, replayed = _replayed(index, manifest, checkpoint)
    meant = np.array([of(one.source_id, one.clip_id) for one in windows.spans], dtype=np.bool_)
    told, at = list[Exposure](), sorted(set(steps))
    frames = dict[int, set[int]]()
    count, samples = 0, 0
    for done, ids in [*replayed, (len(replayed), np.array([], dtype=np.int64))]:
        while at and at[0] <= done:
            total = sum(map(len, frames.values()))
            told.append(
                Exposure(
                    step=at.pop(0), windows=count, rows=len(frames), frames=total, samples=samples
                )
            )
        samples += len(ids)
        spans, firsts = windows.locate(ids)
        for slot in np.flatnonzero(meant[spans]).tolist():
            if (done, slot) not in checkpoint.lost:
                first = int(firsts[slot])
                own = frames.setdefault(int(spans[slot]), set())
                own.update(range(first, first + windows.spec.length))
                count += 1
    return tuple(told)


def _replayed(
    index: pa.Table, manifest: Mapping[str, Any], checkpoint: Recalled
) -> tuple[Windows, list[tuple[int, Ints]]]:
    """The windows of the set and the ids of every step; the chain must be the sealed one."""
    config, cursor = read_config(checkpoint.config), checkpoint.cursor
    windows = windows_of(
        index.select(["source_id", "clip_id", "camera", "num_frames", "split"]).to_pylist(),
        WindowSpec(length=config.window, stride=config.stride),
        tombstones=manifest["tombstones"],
    )
    plan = plan_order(windows, cursor.manifest, config.seed, weights=config.weights)
    steps = list(replay(plan, windows, cursor, batch=config.batch))
    chain = Cursor(manifest="", seed=0).chain
    for step, ids in steps:
        chain = link(chain, step, ids)
    if chain != cursor.chain:
        raise CheckpointError(
            f"{checkpoint.name}: the replayed order does not meet the chain that was sealed",
            code="CHECKPOINT_OTHER_SET",
            subject=checkpoint.name,
            way_out="give the training set that the checkpoint names, at its own version",
        )
    return windows, steps


def _line(windows: Windows, span: int, first: int) -> dict[str, Any]:
    one = windows.spans[span]
    return {
        "clip_id": one.clip_id,
        "camera": one.camera,
        "source": one.source_id,
        "start_frame": first,
        "num_frames": windows.spec.length,
    }
