"""Model, optimiser and one step of learning, the same on one rank and on many."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training.config import TrainConfig
from training.errors import TrainingError
from training.loader import Batch, Shapes
from training.loop.ranks import rank_and_world, total
from training.loss import DynamicsLoss, TokenizerLoss, draws_of, to_device
from training.model.world import world_of


class Learner:
    """The weights of a run and how they move.

    The tokenizer learns in the first steps; then its gradients are `None`, which AdamW leaves
    alone, so it stands still to the last bit while the dynamics learn.
    """

    def __init__(self, config: TrainConfig, shapes: Shapes, device: str) -> None:
        self._config = config
        self._world = rank_and_world()[1]
        self.device = torch.device(device)
        self.model = world_of(config, shapes).to(self.device)
        parts: dict[str, nn.Module] = {
            "tokenizer": TokenizerLoss(self.model.tokenizer),
            "dynamics": DynamicsLoss(self.model.dynamics, self.model.tokenizer),
        }
        self._losses = {
            name: DistributedDataParallel(part) if self._world > 1 else part
            for name, part in parts.items()
        }
        self._params = {name: list(part.parameters()) for name, part in parts.items()}
        self.optimizer = torch.optim.AdamW(
            [{"params": params} for params in self._params.values()],
            lr=config.lr,
            betas=(0.9, 0.95),
            weight_decay=0.01,
            fused=self.device.type == "cuda",
        )

    def phase(self, step: int) -> str:
        """What learns in a step."""
        return "tokenizer" if step < self._config.tokenizer_steps else "dynamics"

    def learn(self, batch: Batch) -> float:
        """Move the weights once; the loss over the batch of all ranks."""
        phase = self.phase(batch.step)
        tensors = to_device(batch, self.device, draws=draws_of(batch, self._config, self.device))
        weight_B = batch.weight_B * batch.video_B if phase == "tokenizer" else batch.weight_B
        weight = max(1.0, total([float(weight_B.sum())])[0])
        for group in self.optimizer.param_groups:
            group["lr"] = _rate(batch.step, self._config)
        self.optimizer.zero_grad(set_to_none=True)
        cuda = self.device.type == "cuda"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=cuda):
            loss: Tensor = self._losses[phase](tensors)
        # ranks average their gradients: times their number is the sum over the global weight
        torch.autograd.backward(loss * (self._world / weight))
        nn.utils.clip_grad_norm_(self._params[phase], 1.0)
        value = total([loss.item()])[0] / weight
        if not math.isfinite(value):
            raise TrainingError(
                f"the {phase} loss is {value} at step {batch.step}, expected a finite number",
                code="LOSS_NOT_FINITE",
                subject=f"step {batch.step}",
                way_out="lower `lr`; the last sealed checkpoint is usable",
            )
        self.optimizer.step()
        return value


def _rate(step: int, config: TrainConfig) -> float:
    """Warm-up, stable, decay over the last fifth; each phase for itself."""
    first, last = 0, config.tokenizer_steps
    if step >= config.tokenizer_steps:
        first, last = config.tokenizer_steps, config.steps
    done, length = step - first, last - first
    warm = min(1.0, (done + 1) / max(1, config.warmup))
    left = (length - done) / max(1.0, length / 5)
    return config.lr * min(warm, max(0.05, min(1.0, left)))
