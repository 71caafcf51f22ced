"""What becomes of predictions in the long run: how fast they fall, and where latents wander to.

Windows are as long as held-out clips allow, longer than any the model was trained on where it can
be; it looks back on as many frames as in training. Predictions for one half of the clips are
compared with real frames of the other half, beside real frames of both halves: two sets of clips
are never equal, and only what goes beyond that is the model's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluating.comparing import CEILING, COPY, MODEL
from training.evaluating.estimates import Curve, Values, estimate
from training.evaluating.foreseen import Foreseen
from training.evaluating.frechet import features, frechet
from training.evaluating.held_out import HeldOut
from training.evaluating.plan import Plan, chunks, drawn
from training.evaluating.rolling import Rolled, copied
from training.evaluating.scores import psnr
from training.loader import windows_at

_BANDS: Final = (1, 5, 17, 65, 257)  # first frames of the bands that clouds are taken from
_WAYS: Final = (MODEL, COPY, CEILING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Squared Fréchet distance to real frames of other clips, over some predicted frames."""

    first: int
    last: int
    num_frames: int  # in each of the two clouds
    model: float
    copy_last: float
    real: float  # of real frames: what two sets of clips are apart anyhow


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """PSNR over a long rollout, its slope in dB a frame, and the clouds of latents."""

    num_windows: int
    num_clips: int
    num_frames: int  # predicted
    beyond_training: bool  # windows are longer than those of training
    psnr: Mapping[str, Curve]
    slope: Mapping[str, Curve]  # one value each
    bands: tuple[Band, ...]  # none with fewer than two clips


def measure_drift(rolled: Rolled, foreseen: Foreseen, plan: Plan) -> Drift:
    """Look along windows that are as long as they were to be had."""
    context, held = rolled.context, foreseen.held
    scores: dict[str, list[Values]] = {way: [] for way in _WAYS}
    latents: dict[str, list[NDArray[np.float32]]] = {way: [] for way in _WAYS}
    for chunk in chunks(len(held.sources), plan.batch):
        tensors = rolled.tensors(windows_at(held.batch, chunk))
        z_BTNC, predicted = foreseen.at(chunk)
        true, copies, z_model = tensors.frames_BTHWC, copied(tensors, context), predicted.z_BTNC
        frames = {MODEL: rolled.painted(z_model), COPY: copies, CEILING: rolled.painted(z_BTNC)}
        z_copies = rolled.model.tokenizer.encode(copies).detach()
        for way, z in ((MODEL, z_model), (COPY, z_copies), (CEILING, z_BTNC)):
            scored = psnr(frames[way][:, context:], true[:, context:])
            scores[way].append(scored.cpu().numpy().astype(np.float64))
            latents[way].append(z[:, context - 1 :].float().nan_to_num(0).cpu().numpy())
    values = {way: np.concatenate(one) for way, one in scores.items()}
    num_frames = held.num_frames - context
    return Drift(
        num_windows=len(held.sources),
        num_clips=len(set(held.clips)),
        num_frames=num_frames,
        beyond_training=held.num_frames > rolled.memory,
        psnr={way: estimate(one, held.clips, seed=plan.seed) for way, one in values.items()},
        slope={
            way: estimate(_slopes(one), held.clips, seed=plan.seed) for way, one in values.items()
        },
        bands=tuple(
            _bands({way: np.concatenate(one) for way, one in latents.items()}, held, plan.seed)
        ),
    )


def _slopes(psnr_WK: Values) -> Values:
    """Least squares over the frames, one a window."""
    at = np.arange(psnr_WK.shape[1], dtype=np.float64)
    at -= at.mean()
    return ((psnr_WK @ at) / max(float((at**2).sum()), 1.0))[:, None]


def _bands(latents: Mapping[str, NDArray[np.float32]], held: HeldOut, seed: int) -> Iterator[Band]:
    halves = _halves(held, seed)
    frames = latents[CEILING].shape[1] - 1
    for first, after in pairwise(_BANDS):
        if first > frames or not halves:
            return
        last = min(after - 1, frames)
        clouds = {
            way: [features(one[half, first - 1 : last + 1]) for half in halves]
            for way, one in latents.items()
        }
        yield Band(
            first=first,
            last=last,
            num_frames=min(map(len, clouds[CEILING])),
            model=_apart(clouds[MODEL], clouds[CEILING]),
            copy_last=_apart(clouds[COPY], clouds[CEILING]),
            real=_apart(clouds[CEILING], clouds[CEILING]),
        )


def _apart(own: Sequence[Values], real: Sequence[Values]) -> float:
    """Each half against the real frames of the other, the mean of both ways."""
    return round((frechet(own[0], real[1]) + frechet(own[1], real[0])) / 2, 5)


def _halves(held: HeldOut, seed: int) -> tuple[NDArray[np.int64], ...]:
    """Windows of one half of each source's clips, and of the others; none with a single clip."""
    clips = sorted(set(zip(held.sources, held.clips, strict=True)))
    if len(clips) < 2:
        return ()
    order = drawn(seed, "halves").permutation(len(clips)).tolist()
    dealt = sorted(range(len(clips)), key=lambda at: (clips[at][0], order[at]))
    first = {clips[at][1] for at in dealt[::2]}
    sides: tuple[list[int], list[int]] = ([], [])
    for at, clip in enumerate(held.clips):
        sides[clip not in first].append(at)
    return tuple(np.array(one, np.int64) for one in sides)
