"""Whether a Ray cluster has what a run on GPUs asks of it, said before ranks are started.

Ray waits without end for GPUs that no node has. Ranks without NCCL fail while their group is made,
before a line of ours runs on them, and would be started again and again.
"""

from __future__ import annotations

from typing import Final

from training.config import TrainConfig
from training.errors import DeviceError, TrainingError

_ANSWER_S: Final = 120.0  # a node that never loaded torch takes its time


def check_cluster(config: TrainConfig) -> None:
    """Refuse CUDA on too few GPUs, or on a node whose torch has no NCCL.

    Only nodes that are up count; one that could be added does not.

    Raises:
        DeviceError: CUDA_MISSING, NCCL_MISSING.
        TrainingError: TRAINING_FAILED, a node with GPUs did not answer.
    """
    if config.device == "cpu":
        return
    import ray

    least = config.min_workers or config.workers
    found = ray.cluster_resources().get("GPU", 0)  # type: ignore[no-untyped-call]  # Ray has none
    if found < least:
        raise DeviceError(
            f'device is "cuda", and the cluster has {found:.0f} GPUs for {least} ranks',
            code="CUDA_MISSING",
            subject="workers",
            way_out='add nodes with GPUs, lower workers or min_workers, or set device = "cpu"',
        )
    lacking = sorted(node for node, has_nccl in _asked().items() if not has_nccl)
    if lacking:
        raise DeviceError(
            f"ranks on CUDA speak through NCCL, and torch has none on {', '.join(lacking)}",
            code="NCCL_MISSING",
            subject=lacking[0],
            way_out="install a build of torch with NCCL there, or train on one rank: workers = 1",
        )


def _asked() -> dict[str, bool]:
    """Whether the torch of each node with GPUs has NCCL; no GPU need be free for that."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(max_retries=0, num_cpus=0)(_has_nccl)
    there = {
        one["NodeManagerHostname"]: task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=one["NodeID"], soft=False)
        ).remote()
        for one in ray.nodes()  # type: ignore[no-untyped-call]  # Ray has none
        if one["Alive"] and one["Resources"].get("GPU")
    }
    try:
        return dict(zip(there, ray.get(list(there.values()), timeout=_ANSWER_S), strict=True))
    except ray.exceptions.RayError as error:
        raise TrainingError(
            f"a node with GPUs did not say whether it has NCCL: {type(error).__name__}: {error}",
            code="TRAINING_FAILED",
            subject=", ".join(there),
            way_out="install the same Python, Ray, torch and Clearway on all nodes",
        ) from error


def _has_nccl() -> bool:
    import torch.distributed as dist

    return dist.is_available() and dist.is_nccl_available()
