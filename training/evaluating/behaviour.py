"""How a model behaves beyond being near: does it follow, drift, remember, stay in bounds, keep up.

Each part is measured or says why it could not be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.config import TrainConfig
from training.evaluating.bounds import Reach, measure_bounds
from training.evaluating.drift import Drift, measure_drift
from training.evaluating.following import Following, follow
from training.evaluating.foreseen import Foreseen, foresee
from training.evaluating.held_out import HeldOut, longest, read_windows
from training.evaluating.latency import Latency, measure_latency
from training.evaluating.plan import Plan
from training.evaluating.returning import Persistence, measure_persistence
from training.evaluating.rolling import Rolled
from training.loader.channels import channels_of

if TYPE_CHECKING:
    from training.gate import Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """Parts that are None stand in `missing` with the reason."""

    following: Following | None = None
    drift: Drift | None = None
    persistence: Persistence | None = None
    bounds: Mapping[str, Reach] = field(default_factory=dict)
    latency: Latency | None = field(default=None, compare=False)  # a clock's, never the same
    missing: Mapping[str, str] = field(default_factory=dict)


def behave(
    rolled: Rolled, cleared: Cleared, config: TrainConfig, *, foreseen: Foreseen, plan: Plan
) -> Behaviour:
    """Measure each part on the windows of `foreseen`, or on longer ones of their split."""
    held = foreseen.held
    following = _following(rolled, cleared, config, held=held, plan=plan)
    longer = _longer(cleared, config, held=held, plan=plan)
    long = foreseen if longer is None else foresee(rolled, longer, plan)
    persistence = measure_persistence(rolled, long, plan)
    bounds = measure_bounds(rolled, foreseen, plan)
    told = {"action following": following, "persistence": persistence, "bounds": bounds}
    return Behaviour(
        following=None if isinstance(following, str) else following,
        drift=measure_drift(rolled, long, plan),
        persistence=None if isinstance(persistence, str) else persistence,
        bounds={} if isinstance(bounds, str) else bounds,
        latency=measure_latency(rolled, held, plan),
        missing={what: why for what, why in told.items() if isinstance(why, str)},
    )


def _following(
    rolled: Rolled, cleared: Cleared, config: TrainConfig, *, held: HeldOut, plan: Plan
) -> Following | str:
    fitted = read_windows(
        cleared, config, split="train", length=config.window, num=plan.fit_windows, seed=plan.seed
    )
    if fitted is None:
        return "no training window has video to fit the probe on"
    names = channels_of(cleared.manifest, "action").names
    return follow(rolled, fitted, held, plan=plan, names=names)


def _longer(cleared: Cleared, config: TrainConfig, *, held: HeldOut, plan: Plan) -> HeldOut | None:
    """Windows as long as some clips are, at most the plan's; None if none is longer."""
    some = longest(cleared, held.split, clips=plan.long_windows)
    length = min(some, config.context + plan.long_frames)
    if length <= config.window:
        return None
    return read_windows(
        cleared, config, split=held.split, length=length, num=plan.long_windows, seed=plan.seed
    )
