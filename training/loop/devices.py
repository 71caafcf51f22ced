"""Whether a machine has what a configuration asks of it, said before anything begins."""

from __future__ import annotations

import torch
import torch.distributed as dist

from training.config import TrainConfig
from training.errors import DeviceError


def check_here(config: TrainConfig) -> None:
    """Refuse a run that this machine cannot carry."""
    check_device(
        config,
        has_cuda=torch.cuda.is_available(),
        has_nccl=dist.is_available() and dist.is_nccl_available(),
    )


def use_threads(config: TrainConfig) -> None:
    """Give torch as many threads in this process as the configuration says."""
    torch.set_num_threads(config.torch_threads)


def check_device(config: TrainConfig, *, has_cuda: bool, has_nccl: bool) -> None:
    """Refuse `device = "cuda"` without CUDA, and ranks on CUDA without NCCL.

    Raises:
        DeviceError: CUDA_MISSING, NCCL_MISSING.
    """
    if config.device == "cpu":
        return
    if not has_cuda:
        raise DeviceError(
            'device is "cuda", and this machine has no CUDA device that torch can use',
            code="CUDA_MISSING",
            subject="device",
            way_out='install a CUDA build of torch and its driver, or set device = "cpu"',
        )
    if config.workers > 1 and not has_nccl:
        raise DeviceError(
            f"{config.workers} ranks on CUDA speak through NCCL, and this torch has none",
            code="NCCL_MISSING",
            subject="workers",
            way_out="install a build of torch with NCCL, or train on one rank: workers = 1",
        )
