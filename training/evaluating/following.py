"""What the probe of actions reads from real frames, and from rollouts under several actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.evaluating import probe
from training.evaluating.estimates import Curve, Values, estimate
from training.evaluating.held_out import HeldOut
from training.evaluating.plan import Plan, chunks
from training.evaluating.rolling import Rolled, with_other_actions
from training.loader import Batch, windows_at

READABLE: Final = 0.2  # of the variance on real frames, below which the probe says nothing
WAYS: Final = ("real", "model", "shuffled_actions", "shuffled_as_true")


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """Share of the actions' variance that the probe reads (R2), over windows; one value each.

    `real` is from held-out frames, `model` from rollouts with the true actions, `shuffled_actions`
    from rollouts with other actions, which it should read; `shuffled_as_true` compares those with
    the true actions, which it should not.
    """

    num_windows: int
    num_fitted: int
    channels: Mapping[str, Sequence[str]]  # source -> channels that move
    ways: Mapping[str, Curve]
    by_source: Mapping[str, Mapping[str, float]]

    @property
    def is_readable(self) -> bool:
        """Whether the probe reads enough from real frames to judge a rollout."""
        return self.ways["real"].mean[0] >= READABLE


def follow(
    rolled: Rolled, fitted: HeldOut, held: HeldOut, *, plan: Plan, names: tuple[str, ...]
) -> Following | str:
    """Fit on `fitted`, score on `held`; `names` are the action channels. Or why it cannot be."""
    probes = _probes(rolled, fitted, plan)
    values: list[Values] = []
    clips: list[str] = []
    sources: list[str] = []
    for source, one in probes.items():
        own = held.of([at for at, name in enumerate(held.sources) if name == source])
        scored = _scored(rolled, own, one, plan=plan) if own.sources else None
        if scored is not None:
            values.append(scored)
            clips += own.clips
            sources += own.sources
    if not values:
        return "no source has windows in which known actions move, both to fit on and held out"
    whole = np.concatenate(values)
    return Following(
        num_windows=len(whole),
        num_fitted=len(fitted.sources),
        channels=probe.channels_of(probes, names),
        ways={way: estimate(whole[:, [at]], clips, seed=plan.seed) for at, way in enumerate(WAYS)},
        by_source={
            source: dict(zip(WAYS, np.round(scored.mean(0), 4).tolist(), strict=True))
            for source, scored in zip(dict.fromkeys(sources), values, strict=True)
        },
    )


def _probes(rolled: Rolled, fitted: HeldOut, plan: Plan) -> dict[str, probe.Probe]:
    latents, *_ = _flat(rolled, fitted.batch, plan, rollouts=())
    found = {}
    for source in sorted(set(fitted.sources)):
        at = [one for one, name in enumerate(fitted.sources) if name == source]
        own = fitted.batch
        one = probe.fit(latents[at], own.action_BTA[at], own.action_mask_BTA[at])
        if one is not None:
            found[source] = one
    return found


def _scored(rolled: Rolled, held: HeldOut, one: probe.Probe, *, plan: Plan) -> Values | None:
    """Windows x ways; None where the actions of these windows do not move."""
    other = with_other_actions(held, rolled.context, seed=plan.seed, draw=0)
    real, model, shuffled = _flat(rolled, held.batch, plan, rollouts=(held.batch, other))
    pairs = (
        (real, held.batch), (model, held.batch), (shuffled, other), (shuffled, held.batch),
    )  # fmt: skip
    columns = [
        _share(one, latents[:, rolled.context - 1 :], _predicted_only(batch, rolled.context))
        for latents, batch in pairs
    ]
    if any(column is None for column in columns):
        return None
    return np.stack([column for column in columns if column is not None], axis=1)


def _share(one: probe.Probe, latents: probe.Latents, batch: Batch) -> Values | None:
    places = list(one.channels)
    true = batch.action_BTA[:, :, places].astype(np.float64)
    return probe.shares(probe.read(one, latents), true, batch.action_mask_BTA[:, :, places])


def _predicted_only(batch: Batch, context: int) -> Batch:
    """The actions of the frames that a rollout predicts."""
    return replace(
        batch,
        action_BTA=batch.action_BTA[:, context:],
        action_mask_BTA=batch.action_mask_BTA[:, context:],
    )


def _flat(
    rolled: Rolled, batch: Batch, plan: Plan, *, rollouts: Sequence[Batch]
) -> list[probe.Latents]:
    """Latents of all frames in one line each: the real ones, then those of each rollout."""
    parts: list[list[probe.Latents]] = [[] for _ in range(1 + len(rollouts))]
    for chunk in chunks(len(batch.window_B), plan.batch):
        z_BTNC = rolled.latents(rolled.tensors(windows_at(batch, chunk)))
        acted = (rolled.tensors(windows_at(one, chunk)) for one in rollouts)
        found = [z_BTNC, *(rolled.predicted(one, z_BTNC).z_BTNC for one in acted)]
        for part, one in zip(parts, found, strict=True):
            part.append(one.flatten(2).float().nan_to_num(0).cpu().numpy())
    return [np.concatenate(part) for part in parts]
