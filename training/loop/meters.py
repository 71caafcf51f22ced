"""What a step cost: speed, share of the device's peak, waiting, memory.

The share (MFU) counts what the model must do, not what was done: `model_flops` says what a frame
costs. It is left out where no peak is known.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Any, Final

import torch

from training.config import TrainConfig
from training.loader import Batch
from training.loop.planning import tokens_a_frame
from training.loop.ranks import rank_and_world
from training.model.flops import encoder_flops, model_flops
from training.model.world import WorldModel

PEAK_FLOPS: Final = {  # dense bfloat16 of one device, as its maker says
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
    "GH200": 989e12,
    "B200": 2250e12,
    "L40S": 362e12,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What one step of all ranks holds, and what their devices could do in a second."""

    frames: int
    tokens: int
    flops: float  # of a step of the dynamics
    encoding: float  # share of it that is the frozen encoder's
    peak_flops: float | None  # of all ranks

    def line(self, seconds: float, batch: Batch, *, phase: str) -> dict[str, Any]:
        """Figures of one step that took `seconds` for this rank's batch.

        `kept` windows came without frames, so nothing of them was encoded; the other ranks are
        taken to have kept as many.
        """
        speed = 1 / max(seconds, 1e-9)
        share = None
        if self.peak_flops is not None and phase == "dynamics":
            flops = self.flops * (1 - self.encoding * len(batch.kept) / len(batch.window_B))
            share = round(flops * speed / self.peak_flops, 4)
        return {
            "frames": self.frames,
            "frames_per_s": round(self.frames * speed, 1),
            "tokens_per_s": round(self.tokens * speed, 1),
            "mfu": share,
            "kept": len(batch.kept),
            **memory(),
        }


def meter_of(model: WorldModel, config: TrainConfig, device: torch.device) -> Meter:
    """The meter of a run on devices like this one."""
    frames = config.batch * config.window
    peak = peak_of(torch.cuda.get_device_name(device)) if device.type == "cuda" else None
    return Meter(
        frames=frames,
        tokens=frames * tokens_a_frame(model, config),
        flops=frames * model_flops(config, model.sizes),
        encoding=encoder_flops(config, model.sizes) / model_flops(config, model.sizes),
        peak_flops=peak and peak * rank_and_world()[1],
    )


def peak_of(name: str) -> float | None:
    """The peak of a device by its name, None where we do not know it; the longest name counts."""
    found = [known for known in PEAK_FLOPS if known.lower() in name.lower()]
    return PEAK_FLOPS[max(found, key=len)] if found else None


def memory() -> dict[str, int]:
    """Most memory of this process so far, in MB: its own, and on its CUDA device."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # Linux counts in KB
    cuda = torch.cuda.max_memory_allocated() >> 20 if torch.cuda.is_available() else 0
    return {"rss_mb": own, "cuda_mb": cuda}
