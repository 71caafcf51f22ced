"""How good are the predictions, always beside what must be beaten.

Windows are held out by clip. From the context on, the model sees its own predictions and the true
actions; beside it stand the last frame copied, the same rollout with another window's actions, and
the tokenizer alone, which no prediction can pass. A model that loses to copy-last is reported so.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from training.config import TrainConfig
from training.errors import ConfigError
from training.loader import Asked, Batch, Feed, Frames, domains_of, windows_in
from training.loss import Tensors, seen_of, to_device
from training.model.dynamics import rollout
from training.model.world import WorldModel

if TYPE_CHECKING:
    from training.gate import Cleared

HORIZONS: Final = (1, 4, 8, 16, 64)
_CLAMP_DB: Final = 60.0  # a copied frame can be exact: infinity
_WAYS: Final = ("model", "shuffled_actions", "copy_last", "tokenizer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """PSNR in dB by way and horizon, over all windows and by source."""

    split: str  # "val", "test", or "train" where nothing was held out
    num_windows: int
    horizons: tuple[int, ...]
    psnr: Mapping[str, tuple[float, ...]]  # way -> one value a horizon
    by_source: Mapping[str, Mapping[str, tuple[float, ...]]]

    def doc(self) -> dict[str, Any]:
        """The evaluation as JSON, with the two differences that count."""
        last = len(self.horizons) - 1
        return {
            **asdict(self),
            "beats_copy_last": self.psnr["model"][last] > self.psnr["copy_last"][last],
            "delta_psnr_actions": [
                round(true - other, 3)
                for true, other in zip(
                    self.psnr["model"], self.psnr["shuffled_actions"], strict=True
                )
            ],
        }

    def summary(self) -> str:
        """One line for people, at the longest horizon."""
        values = {way: self.psnr[way][-1] for way in _WAYS}
        verb = "beats" if values["model"] > values["copy_last"] else "loses to"
        return (
            f"{self.split}, {self.num_windows} windows, frame {self.horizons[-1]}: "
            f"{values['model']:.1f} dB, {verb} copy-last ({values['copy_last']:.1f}); "
            f"other actions {values['shuffled_actions']:.1f}, tokenizer {values['tokenizer']:.1f}"
        )


def evaluate(
    model: WorldModel, cleared: Cleared, config: TrainConfig, *, strip: Path | None = None
) -> Evaluation:
    """Evaluate on held-out windows; draw predicted under true frames to `strip`."""
    split, batch = _held_out(cleared, config)
    device = next(model.parameters()).device
    tensors = to_device(batch, device)
    frames = _ways(model, tensors, config.context)
    true = tensors.frames_BTHWC
    horizons = tuple(one for one in HORIZONS if config.context + one <= config.window)
    at = [config.context + one - 1 for one in horizons]
    psnr = {way: _psnr(frames[way][:, at], true[:, at]) for way in _WAYS}
    names = domains_of(cleared.manifest)
    owners = [names[int(one)] for one in batch.domain_B]
    if strip is not None:
        _draw(strip, true, frames["model"])
    return Evaluation(
        split=split,
        num_windows=len(owners),
        horizons=horizons,
        psnr={way: _means(values) for way, values in psnr.items()},
        by_source={
            name: {
                way: _means(values[[at for at, one in enumerate(owners) if one == name]])
                for way, values in psnr.items()
            }
            for name in sorted(set(owners))
        },
    )


def write_png(path: Path, pixels_HWC: Frames) -> None:
    """Write 8-bit RGB as PNG."""
    height, width, _ = pixels_HWC.shape
    lines = np.concatenate(
        [np.zeros((height, 1), np.uint8), pixels_HWC.reshape(height, width * 3)], axis=1
    )
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    raw = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + raw)


def _held_out(cleared: Cleared, config: TrainConfig) -> tuple[str, Batch]:
    """Windows with video, spread evenly over a split that the run did not train on."""
    for split in ("val", "test", "train"):
        windows = windows_in(cleared, length=config.window, stride=config.stride, split=split)
        usable = np.flatnonzero(~windows.dead(())).astype(np.int64)
        if not len(usable):
            continue
        chosen = usable[np.linspace(0, len(usable) - 1, config.eval_windows).astype(int)]
        chosen = np.unique(chosen)
        feed = Feed(cleared, windows, decode_threads=config.decode_threads)
        slots = np.arange(len(chosen), dtype=np.int64)
        try:
            batch = feed.read(Asked(step=0, slots=slots, windows=chosen, sequence=0))
        finally:
            feed.close()
        kept = np.flatnonzero(batch.video_B & (batch.weight_B > 0))
        if len(kept):
            return split, _only(batch, kept)
    raise ConfigError(
        "no clip with video is as long as a window: nothing to evaluate on",
        code="CONFIG_INVALID",
        subject="window",
        way_out="shorten `window`, or export longer clips",
    )


def _only(batch: Batch, kept: np.ndarray[Any, Any]) -> Batch:
    names = [name for name in Batch.__dataclass_fields__ if name.partition("_B")[1]]
    return replace(batch, **{name: getattr(batch, name)[kept] for name in names})


@torch.no_grad()
def _ways(model: WorldModel, tensors: Tensors, context: int) -> dict[str, Tensor]:
    z_BTNC = model.tokenizer.encode(tensors.frames_BTHWC)
    others = _others(tensors.domain_B.tolist())
    shuffled = replace(
        tensors,
        action_BTA=tensors.action_BTA[others].flip(1),
        action_mask_BTA=tensors.action_mask_BTA[others].flip(1),
    )
    ways = {
        "model": rollout(model.dynamics, seen_of(tensors, z_BTNC), context),
        "shuffled_actions": rollout(model.dynamics, seen_of(shuffled, z_BTNC), context),
        "tokenizer": z_BTNC,
    }
    frames = {way: model.tokenizer.decode(z).clamp(0, 1) for way, z in ways.items()}
    copied = tensors.frames_BTHWC.clone()
    copied[:, context:] = copied[:, context - 1 : context]
    return {**frames, "copy_last": copied}


def _others(domains: Sequence[int]) -> list[int]:
    """For each window the next one of the same source, whose actions it is given."""
    same = {one: [at for at, other in enumerate(domains) if other == one] for one in domains}
    return [same[one][(same[one].index(at) + 1) % len(same[one])] for at, one in enumerate(domains)]


def _psnr(got_BTHWC: Tensor, true_BTHWC: Tensor) -> Tensor:
    error_BT = (got_BTHWC - true_BTHWC).square().flatten(2).mean(2)
    return (-10 * error_BT.clamp_min(1e-12).log10()).clamp_max(_CLAMP_DB)


def _means(psnr_BT: Tensor) -> tuple[float, ...]:
    return tuple(round(float(one), 3) for one in psnr_BT.mean(0))


def _draw(path: Path, true_BTHWC: Tensor, got_BTHWC: Tensor) -> None:
    """Pairs of rows, true over predicted, for windows spread over the batch."""
    chosen = sorted({int(at) for at in np.linspace(0, len(true_BTHWC) - 1, 4)})
    rows = [
        torch.cat(list(frames[at].clamp(0, 1)), dim=1)
        for at in chosen
        for frames in (true_BTHWC, got_BTHWC)
    ]
    pixels = (torch.cat(rows, dim=0) * 255).round().to(torch.uint8).cpu().numpy()
    write_png(path, pixels)
