"""What a checkpoint has seen, recomputed from its seal: no log of samples is kept.

The replayed chain must be the sealed one; if it is not, the answer would be a guess and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from training.checkpoint import read_seal
from training.config import read_config
from training.errors import CheckpointError
from training.loop.log import lost_windows
from training.sampler import Cursor, link, plan_order, replay
from training.windows import Windows, WindowSpec, windows_of


def seen(
    index: pa.Table, manifest: Mapping[str, Any], checkpoint: Path
) -> Iterator[dict[str, Any]]:
    """One line a window in order of delivery, up to `checkpoint`, without those that were lost.

    `index` and `manifest` are of the set that the checkpoint names; it may be revoked by now.
    """
    seal = read_seal(checkpoint).seal
    config = read_config(seal.config)
    windows = windows_of(
        index.select(["source_id", "clip_id", "camera", "num_frames", "split"]).to_pylist(),
        WindowSpec(length=config.window, stride=config.stride),
        tombstones=manifest["tombstones"],
    )
    plan = plan_order(windows, seal.cursor.manifest, config.seed, weights=config.weights)
    steps = list(replay(plan, windows, seal.cursor, batch=config.batch))
    chain = Cursor(manifest="", seed=0).chain
    for step, ids in steps:
        chain = link(chain, step, ids)
    if chain != seal.cursor.chain:
        raise CheckpointError(
            f"{checkpoint}: the replayed order does not meet the chain that was sealed",
            code="CHECKPOINT_OTHER_SET",
            subject=str(checkpoint),
            way_out="give the training set that the checkpoint names, at its own version",
        )
    lost = {(one[0], one[1]) for one in lost_windows(checkpoint.parent)}
    for step, ids in steps:
        spans, firsts = windows.locate(ids)
        for slot, (span, first) in enumerate(zip(spans.tolist(), firsts.tolist(), strict=True)):
            if (step, slot) not in lost:
                yield _line(windows, span, first) | {"step": step, "slot": slot}


def _line(windows: Windows, span: int, first: int) -> dict[str, Any]:
    one = windows.spans[span]
    return {
        "clip_id": one.clip_id,
        "camera": one.camera,
        "source": one.source_id,
        "start_frame": first,
        "num_frames": windows.spec.length,
    }
