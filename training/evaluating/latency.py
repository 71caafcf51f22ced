"""How long a frame takes, one window alone: the only figures that differ from run to run."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from training.evaluating.held_out import HeldOut
from training.evaluating.plan import Plan
from training.evaluating.rolling import Rolled
from training.loader import windows_at
from training.loss import seen_of
from training.model.slots import frames_of

_WARM = 3  # frames that are not counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of one predicted frame with its decoding, the past being kept in caches."""

    device: str
    num_frames: int
    euler_steps: int
    p50_ms: float
    p95_ms: float


def measure_latency(rolled: Rolled, held: HeldOut, plan: Plan) -> Latency:
    """Predict and decode frame by frame, the actions of one window over and over."""
    tensors = rolled.tensors(windows_at(held.batch, np.zeros(1, np.int64)))
    seen = seen_of(tensors, rolled.latents(tensors))
    going = rolled.begun()
    going.observe(frames_of(seen, slice(rolled.context)))
    frames = seen.dt_BT.shape[1]
    taken = []
    for number in range(plan.timed_frames + _WARM):
        at = (rolled.context + number) % frames
        begun = time.perf_counter()
        z_BNC, _ = going.step(
            seen.action_BTA[:, at], seen.action_mask_BTA[:, at], seen.dt_BT[:, at]
        )
        rolled.painted(z_BNC[:, None])
        if rolled.device.type == "cuda":
            torch.cuda.synchronize(rolled.device)
        taken.append(time.perf_counter() - begun)
    p50, p95 = np.percentile(np.array(taken[_WARM:]) * 1_000, (50, 95))
    return Latency(
        device=rolled.device.type,
        num_frames=plan.timed_frames,
        euler_steps=rolled.euler_steps if rolled.model.dynamics.diffusion else 1,
        p50_ms=round(float(p50), 3),
        p95_ms=round(float(p95), 3),
    )
