"""Windows predicted once, for all that is asked about them.

Scores, states, bounds, drift, returns and pictures tell of one and the same prediction: they read
it here instead of making it again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from training.evaluating.held_out import HeldOut
from training.evaluating.plan import Plan, chunks
from training.evaluating.rolling import Predicted, Rolled
from training.loader import windows_at
from training.windows import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Windows, and what the model makes of their contexts under their own actions."""

    held: HeldOut
    z_BTNC: Tensor  # of the true frames
    predicted: Predicted

    def at(self, places: Ints) -> tuple[Tensor, Predicted]:
        """True latents and prediction of some of the windows."""
        rows = torch.from_numpy(places).to(self.z_BTNC.device)
        return self.z_BTNC[rows], Predicted(
            z_BTNC=self.predicted.z_BTNC[rows], state_BTS=self.predicted.state_BTS[rows]
        )

    def digest(self) -> str:
        """sha256 over the bytes of every predicted latent."""
        return hashlib.sha256(
            self.predicted.z_BTNC.float().cpu().contiguous().numpy().tobytes()
        ).hexdigest()


def foresee(rolled: Rolled, held: HeldOut, plan: Plan) -> Foreseen:
    """Predict every window, `plan.batch` of them at once."""
    true, latents, states = [], [], []
    for chunk in chunks(len(held.sources), plan.batch):
        tensors = rolled.tensors(windows_at(held.batch, chunk))
        z_BTNC = rolled.latents(tensors)
        predicted = rolled.predicted(tensors, z_BTNC)
        true.append(z_BTNC)
        latents.append(predicted.z_BTNC)
        states.append(predicted.state_BTS)
    return Foreseen(
        held=held,
        z_BTNC=torch.cat(true),
        predicted=Predicted(z_BTNC=torch.cat(latents), state_BTS=torch.cat(states)),
    )
