"""Read LeRobot data sets with LeRobot's own library, in an environment of its own (`make peers`).

Run with: TARGET FOLDER... Writes into TARGET, for the data set N of the arguments, `N.npz` with
every column of every item that the library hands out. It imports nothing of ours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

# torchvision's compiled part does not load beside a CPU build of torch. LeRobot imports the package
# and calls none of these; the package only wants to find them declared.
_DECLARED = (
    "nms(Tensor a, Tensor b, float c) -> Tensor",
    "qnms(Tensor a, Tensor b, float c) -> Tensor",
    "qroi_align(Tensor a, Tensor b) -> Tensor",
    "roi_align(Tensor a, Tensor b, float c, int d, int e, int f, bool g) -> Tensor",
    "ps_roi_align(Tensor a, Tensor b, float c, int d, int e, int f) -> (Tensor, Tensor)",
    "roi_pool(Tensor a, Tensor b, float c, int d, int e) -> (Tensor, Tensor)",
    "ps_roi_pool(Tensor a, Tensor b, float c, int d, int e) -> (Tensor, Tensor)",
    "deform_conv2d(Tensor a, Tensor b) -> Tensor",
    *(
        f"_{name}_backward(Tensor a, Tensor b) -> Tensor"
        for name in ("roi_align", "ps_roi_align", "roi_pool", "ps_roi_pool", "deform_conv2d")
    ),
)


def columns(dataset: Any) -> dict[str, Any]:
    """Every item of a data set, as one array a column."""
    items = [dataset[at] for at in range(len(dataset))]
    return {
        name: np.stack([np.asarray(one[name]) for one in items])
        for name in items[0]
        if not isinstance(items[0][name], str)
    } | {"task": np.array([one["task"] for one in items])}


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    ops = torch.library.Library("torchvision", "DEF")
    for signature in _DECLARED:
        ops.define(signature)
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    target, *folders = sys.argv[1:]
    for number, folder in enumerate(folders):
        read = LeRobotDataset(f"local/{Path(folder).name}", root=folder)
        np.savez(Path(target) / f"{number}.npz", **columns(read))
