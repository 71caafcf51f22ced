"""What the frozen tokenizer made of windows, kept in the memory of a rank and nowhere else.

Latents inherit the rights of what they were made from. Only windows that were delivered are kept,
so the run's record lists all that they were made of; a revocation takes them at the step at which
the ranks switch; no file holds any, so all of them go with the process. A window is encoded by
itself, whatever batch it is in: what is kept is to the last bit what would be made anew, and the
weights do not depend on what was kept.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from training.loader import Batch
from training.model.tokenizer import Tokenizer
from training.windows import Bools


class Latents:
    """Latents by the number of their window. What is in stays in: an order without end that comes
    to every window once an epoch would find nothing in a store that drops the oldest.
    """

    def __init__(self, tokenizer: Tokenizer, device: torch.device, *, room: int) -> None:
        self._tokenizer, self._device = tokenizer, device
        self._room = room  # bytes that are left
        self._kept: dict[int, Tensor] = {}  # T, N, C

    def among(self, windows: Iterable[int]) -> frozenset[int]:
        """Those of the windows whose latents are at hand."""
        return frozenset(window for window in windows if window in self._kept)

    @torch.no_grad()
    def of(self, batch: Batch) -> Tensor:
        """The latents z_BTNC of a batch, on the device; what was not at hand is, where it fits."""
        return torch.stack([self._one(batch, place) for place in range(len(batch.window_B))])

    def forget(self, dead: Bools) -> None:
        """Let go of the windows that are marked."""
        for window in [one for one in self._kept if dead[one]]:
            self._room += self._kept.pop(window).zero_().nbytes

    def _one(self, batch: Batch, place: int) -> Tensor:
        window = int(batch.window_B[place])
        if window in self._kept:
            return self._kept[window].to(self._device)
        if window in batch.kept:
            raise AssertionError(f"window {window} came without frames and has no latents")
        frames_THWC = torch.from_numpy(batch.frames_BTHWC[place]).to(self._device).float() / 255
        z_TNC = self._tokenizer.encode(frames_THWC[None])[0]
        is_whole = bool(batch.weight_B[place]) and bool(batch.video_B[place])
        if is_whole and z_TNC.nbytes <= self._room:
            self._room -= z_TNC.nbytes
            self._kept[window] = z_TNC.to("cpu", copy=True)
        return z_TNC
