"""Model, optimiser and one step of learning, the same on one rank and on many.

The batch of a step is fixed. However many ranks share it, and in however many parts a rank takes
its share, the gradient is the sum over the windows divided by their weight.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from training.checkpoint import Weights, load
from training.checkpoint.weights import averages_of
from training.config import TrainConfig
from training.errors import TrainingError
from training.loader import Batch, windows_at
from training.loop.gradients import clipped, sum_gradients
from training.loop.latents import Latents
from training.loop.ranks import heard_between, rank_and_world, total
from training.loop.sharding import shard
from training.loss import DynamicsLoss, TokenizerLoss, draws_of, to_device
from training.model.adapters import part_of, trainable
from training.model.blocks import compile_blocks

if TYPE_CHECKING:
    from training.checkpoint import Sealed
    from training.model.world import WorldModel
    from training.sampler import Cursor

_CLIP = 1.0  # norm of a gradient


class Learner:
    """The weights of a run and how they move.

    The tokenizer learns in the first steps; then its gradients are `None`, which AdamW leaves
    alone, so it stands still to the last bit while the dynamics learn. With an adapter, that alone
    learns, and is all that a checkpoint holds.
    """

    def __init__(self, config: TrainConfig, model: WorldModel, device: str) -> None:
        self._config = config
        self._world = rank_and_world()[1]
        self.device = torch.device(device)
        self.model = model.to(self.device)
        self._part = part_of(model.dynamics, config.adapter)
        trainable(self.model, config.adapter)
        if config.compile and self.device.type == "cuda":
            compile_blocks(self.model)
        self._sharded = shard(self.model.dynamics, config, self.device)
        self._losses: dict[str, nn.Module] = {
            "tokenizer": TokenizerLoss(self.model.tokenizer),
            "dynamics": DynamicsLoss(self.model.dynamics, self.model.tokenizer),
        }
        self._params = {name: list(part.parameters()) for name, part in self._losses.items()}
        if config.adapter:
            self._params = {"dynamics": trainable(self.model, config.adapter)}
        self.optimizer = torch.optim.AdamW(
            [{"params": params} for params in self._params.values()],
            lr=config.lr,
            betas=(0.9, 0.95),
            weight_decay=0.01,
            fused=self.device.type == "cuda",
        )
        self.averaged = averages_of(self.model, self._part) if config.ema else {}
        self.norm = 0.0  # of the last gradient, before it was clipped
        self.latents: Latents | None = None
        if config.latent_bytes:
            self.latents = Latents(self.model.tokenizer, self.device, room=config.latent_bytes)

    def phase(self, step: int) -> str:
        """What learns in a step."""
        return "tokenizer" if step < self._config.tokenizer_steps else "dynamics"

    def weights(self) -> Weights:
        """What a checkpoint holds."""
        return Weights(
            model=self.model,
            optimizer=self.optimizer,
            averaged=self.averaged,
            part=self._part,
        )

    def restore(self, sealed: Sealed, manifest_digest: str) -> Cursor:
        """Go to where a checkpoint stands; averages begin there if it has none."""
        cursor = load(
            sealed,
            self.model,
            self.optimizer,
            averaged=self.averaged if sealed.seal.averaged else None,
            part=self._part,
            manifest_digest=manifest_digest,
        )
        if not sealed.seal.averaged and self.averaged:
            self.averaged = averages_of(self.model, self._part)
        return cursor

    def learn(self, batch: Batch) -> float:
        """Move the weights once; the loss over the batch of all ranks."""
        phase = self.phase(batch.step)
        weight_B = batch.weight_B * batch.video_B if phase == "tokenizer" else batch.weight_B
        weight = max(1.0, total([float(weight_B.sum())])[0])
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(batch.step, self._config)
        self.optimizer.zero_grad(set_to_none=True)
        spread = self._sharded and phase == "dynamics"
        # shards are averaged over ranks as they are reduced: times their number is the sum
        scale = (self._world if spread else 1) / weight
        params = self._params[phase]
        with heard_between():
            parts = _parts(batch, self._config.accumulate)
            found = sum(self._backward(part, phase, scale) for part in parts)
            if self._world > 1 and not spread:
                sum_gradients(params)
            self.norm = clipped(params, _CLIP)
        value = total([found])[0] / weight
        if not (math.isfinite(value) and math.isfinite(self.norm)):
            raise _not_finite(phase, batch.step, value=value, norm=self.norm)
        self.optimizer.step()
        if phase == "dynamics":
            self._average(batch.step - self._config.tokenizer_steps)
        return value

    def _backward(self, batch: Batch, phase: str, scale: float) -> float:
        """Add the gradient of a part of the batch; the sum of its losses."""
        draws = draws_of(batch, self._config, self.device)
        cuda = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=cuda):
            latents = self.latents if phase == "dynamics" else None
            z_BTNC = None if latents is None else latents.of(batch)
            tensors = to_device(batch, self.device, draws=draws, z_BTNC=z_BTNC)
            loss: Tensor = self._losses[phase](tensors)
        torch.autograd.backward(loss * scale)
        return loss.item()

    @torch.no_grad()
    def _average(self, done: int) -> None:
        """Pull the averages towards the weights, faster while there is little to average."""
        if not self.averaged:
            return
        decay = min(self._config.ema, (1 + done) / (10 + done))
        own = dict(self.model.named_parameters())
        for name, mean in self.averaged.items():
            mean.lerp_(own[name].detach(), 1 - decay)


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """The batch in `count` parts that differ by one window at most."""
    if count == 1:
        yield batch
        return
    for places in np.array_split(np.arange(len(batch.slots_B)), count):
        yield windows_at(batch, places)


def _rate(step: int, config: TrainConfig) -> float:
    """Warm-up, stable, decay over the last fifth; each phase for itself."""
    first, last = 0, config.tokenizer_steps
    if step >= config.tokenizer_steps:
        first, last = config.tokenizer_steps, config.steps
    done, length = step - first, last - first
    warm = min(1.0, (done + 1) / max(1, config.warmup))
    left = (length - done) / max(1.0, length / 5)
    return config.lr * min(warm, max(0.05, min(1.0, left)))


def _not_finite(phase: str, step: int, *, value: float, norm: float) -> TrainingError:
    return TrainingError(
        f"the {phase} loss is {value} and its gradient's norm {norm} at step {step}, expected a "
        "finite number",
        code="LOSS_NOT_FINITE",
        subject=f"step {step}",
        way_out="lower `lr`; the last sealed checkpoint is usable",
    )
