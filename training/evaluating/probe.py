"""Does a rollout follow its actions? A probe reads the action back from two frames' latents.

The probe is ridge regression, fitted for each source on real frames that the run trained on. Its
features are the principal parts of a frame's latents, how they change to the next frame, and the
products of both: what a command does to a picture depends on what is in the picture. It is scored
on real held-out frames first: what it cannot read there, no rollout can be blamed for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.evaluating.estimates import Values
from training.windows import Bools

PARTS: Final = 16
_MOST_FOR_PARTS: Final = 1_024  # frames that the principal parts are found from
_LEAST: Final = 32  # pairs of frames below which nothing is fitted
_RIDGES: Final = tuple(10.0**at for at in range(-4, 5))
_STILL: Final = 1e-6  # variance of a channel that does not move

Latents = NDArray[np.float32]  # windows x frames x features
Actions = NDArray[np.float32]  # windows x frames x channels


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """From features to the action channels that moved in what it was fitted on."""

    channels: tuple[int, ...]
    middle: Values  # of the latents
    parts: Values  # latents x parts
    centre: Values  # of the features
    spread: Values
    weights: Values  # features x channels
    mean: Values  # of the actions
    low: Values
    high: Values


def fit(latents_BTF: Latents, action_BTA: Actions, mask_BTA: Bools) -> Probe | None:
    """Fit on real windows; None where too little is known or no action moves."""
    known = mask_BTA[:, 1:].reshape(-1, mask_BTA.shape[2])
    target = action_BTA[:, 1:].reshape(-1, action_BTA.shape[2]).astype(np.float64)
    used = known.any(0)
    rows = known[:, used].all(1)
    if not used.any() or rows.sum() < _LEAST:
        return None
    moves = used & (target[rows].var(0) > _STILL)
    if not moves.any():
        return None
    frames = latents_BTF.reshape(-1, latents_BTF.shape[2]).astype(np.float64)
    middle, parts = _parts(frames)
    features = _features((latents_BTF - middle) @ parts)[rows]
    if not np.isfinite(features).all():
        return None
    wanted = target[rows][:, moves]
    centre, spread, mean = features.mean(0), features.std(0) + 1e-9, wanted.mean(0)
    weights = _ridge((features - centre) / spread, wanted - mean)
    return Probe(
        channels=tuple(np.flatnonzero(moves).tolist()),
        middle=middle, parts=parts, centre=centre, spread=spread, weights=weights, mean=mean,
        low=wanted.min(0), high=wanted.max(0),
    )  # fmt: skip


def read(probe: Probe, latents_BTF: Latents) -> Values:
    """The actions that led to frames 1 and on, within the range of those it was fitted on."""
    windows, frames = latents_BTF.shape[:2]
    features = _features((latents_BTF.astype(np.float64) - probe.middle) @ probe.parts)
    found = ((features - probe.centre) / probe.spread) @ probe.weights + probe.mean
    return np.clip(found, probe.low, probe.high).reshape(windows, frames - 1, -1)


def shares(got_BTC: Values, true_BTC: Values, known_BTC: Bools) -> Values | None:
    """What each window adds to R2, the share of the actions' variance that was read.

    The mean over windows is R2, averaged over channels: 1 is all, 0 is no better than the mean
    action. None where no action moves.
    """
    count = known_BTC.sum((0, 1))
    mean = (true_BTC * known_BTC).sum((0, 1)) / np.maximum(count, 1)
    total = (((true_BTC - mean) ** 2) * known_BTC).sum((0, 1))
    moves = total > _STILL * np.maximum(count, 1)
    if not moves.any():
        return None
    missed_BC = (((got_BTC - true_BTC) ** 2) * known_BTC).sum(1)
    values: Values = 1 - len(got_BTC) * (missed_BC[:, moves] / total[moves]).mean(1)
    return values


def channels_of(probes: Mapping[str, Probe], names: tuple[str, ...]) -> dict[str, list[str]]:
    """The names of the channels that each source's probe reads."""
    return {source: [names[at] for at in one.channels] for source, one in probes.items()}


def _parts(frames: Values) -> tuple[Values, Values]:
    """The mean and the directions in which frames differ most, scaled to a spread of one."""
    step = max(1, len(frames) // _MOST_FOR_PARTS)
    middle = frames[::step].mean(0)
    some = frames[::step] - middle
    is_wide = some.shape[1] > len(some)  # then the smaller of the two products says the same
    product = some @ some.T if is_wide else some.T @ some
    sizes, found = np.linalg.eigh(product / len(some))
    sizes, found = sizes[::-1][:PARTS], found[:, ::-1][:, :PARTS]
    kept = sizes > 1e-9 * max(float(sizes[0]), 1e-18)
    spread = np.sqrt(sizes[kept])
    if is_wide:
        return middle, some.T @ found[:, kept] / (spread**2 * np.sqrt(len(some)))
    return middle, found[:, kept] / spread


def _features(parts_BTK: Values) -> Values:
    """One row for each frame but the first of a window."""
    before, change = parts_BTK[:, :-1], np.diff(parts_BTK, axis=1)
    products = (before[..., :, None] * change[..., None, :]).reshape(*change.shape[:2], -1)
    whole = np.concatenate([before, change, products], axis=2)
    return whole.reshape(-1, whole.shape[2])


def _ridge(features: Values, wanted: Values) -> Values:
    """Weights with the penalty that foretells left-out rows best (generalised, in closed form).

    By the eigenvectors of the product: a singular value decomposition did not always converge.
    """
    sizes, turn = np.linalg.eigh(features.T @ features)
    sizes = np.maximum(sizes, 0)
    turned = turn.T @ (features.T @ wanted)
    best, least = np.zeros((features.shape[1], wanted.shape[1])), np.inf
    for ridge in _RIDGES:
        held = sizes + ridge * len(features)
        weights = turn @ (turned / held[:, None])
        residual = wanted - features @ weights
        freedom = len(features) - (sizes / held).sum()
        error = float((residual**2).sum()) / max(freedom, 1e-9) ** 2
        if error < least:
            best, least = weights, error
    return best
