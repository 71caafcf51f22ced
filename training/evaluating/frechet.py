"""How far two clouds of latents are apart, each taken as a Gaussian.

The squared Fréchet distance, |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^1/2), in features of our own
frozen encoder. Numbers of other encoders, FVD among them, cannot be compared with it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.evaluating.estimates import Values


def frechet(first_NF: Values, second_NF: Values) -> float:
    """The squared distance of the Gaussians through two sets of rows."""
    return between(
        (first_NF.mean(0), np.cov(first_NF, rowvar=False, ddof=0)),
        (second_NF.mean(0), np.cov(second_NF, rowvar=False, ddof=0)),
    )


def between(first: tuple[Values, Values], second: tuple[Values, Values]) -> float:
    """The squared distance of two Gaussians, given as (mean, covariance)."""
    (mean, spread), (other_mean, other_spread) = first, second
    root = _root(np.atleast_2d(spread))
    crossed = np.linalg.eigvalsh(root @ np.atleast_2d(other_spread) @ root)
    shared = float(np.sqrt(np.clip(crossed, 0, None)).sum())
    apart = float(((mean - other_mean) ** 2).sum())
    whole = float(np.trace(np.atleast_2d(spread)) + np.trace(np.atleast_2d(other_spread)))
    return max(0.0, apart + whole - 2 * shared)


def features(latents_BTNC: NDArray[np.float32]) -> Values:
    """One row a frame but the first: the mean token, and how much tokens change from the last."""
    tokens = latents_BTNC.astype(np.float64)
    middle = tokens[:, 1:].mean(2)
    change = np.abs(np.diff(tokens, axis=1)).mean(2)
    both = np.concatenate([middle, change], axis=2)
    return both.reshape(-1, both.shape[2])


def _root(spread: Values) -> Values:
    sizes, directions = np.linalg.eigh(spread)
    root: Values = (directions * np.sqrt(np.clip(sizes, 0, None))) @ directions.T
    return root
