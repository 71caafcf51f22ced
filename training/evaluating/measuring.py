"""How good are the predictions, always beside what must be beaten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from training.config import TrainConfig
from training.errors import ConfigError
from training.evaluating.behaviour import Behaviour, behave
from training.evaluating.comparing import Compared, compare, score
from training.evaluating.evaluation import HORIZONS, Evaluation
from training.evaluating.foreseen import Foreseen, foresee
from training.evaluating.held_out import SPLITS, HeldOut, read_windows
from training.evaluating.plan import Plan
from training.evaluating.rolling import Rolled
from training.evaluating.states import States, measure_states
from training.evaluating.strips import show
from training.loader import windows_in
from training.model.world import WorldModel, num_weights

if TYPE_CHECKING:
    from training.gate import Cleared

Groups = Mapping[str, Mapping[str, str]]  # kind of group -> source -> label


def evaluate(
    model: WorldModel,
    cleared: Cleared,
    config: TrainConfig,
    *,
    plan: Plan,
    groups: Groups,
) -> Evaluation:
    """Evaluate on held-out windows; `groups` name other slices than the sources.

    Raises:
        ConfigError: no clip is as long as a window.
    """
    rolled = _rolled(model, config, plan)
    held = _held_out(cleared, config, plan, video=True)
    anyhow = _held_out(cleared, config, plan, video=False)
    if anyhow is None:
        raise _nothing_to_evaluate_on(config)
    measured = held or anyhow
    first = foresee(rolled, measured, plan)
    seen = first if held else None
    digest, again = first.digest(), foresee(rolled, measured, plan).digest()
    overall, by_group = _compared(rolled, seen, plan, groups=groups)
    same = _are_same(measured, anyhow)
    states = measure_states(rolled, first if same else foresee(rolled, anyhow, plan), plan)
    behaviour = behave(rolled, cleared, config, foreseen=seen, plan=plan) if seen else Behaviour()
    return Evaluation(
        split=measured.split,
        seed=plan.seed,
        window=config.window,
        context=config.context,
        num_windows=len(measured.sources),
        num_clips=len(set(measured.clips)),
        num_lost=measured.num_lost,
        untrained=_untrained(cleared, config, measured),
        horizons=tuple(one for one in HORIZONS if config.context + one <= config.window),
        overall=overall,
        groups=by_group,
        states=states,
        digest=digest,
        repeats=digest == again,
        num_weights={name: num_weights(part) for name, part in model.named_children()},
        behaviour=behaviour,
        missing={**_missing(overall, states), **behaviour.missing},
        shown=() if seen is None else show(rolled, seen, plan),
    )


def _rolled(model: WorldModel, config: TrainConfig, plan: Plan) -> Rolled:
    return Rolled(
        model=model,
        context=config.context,
        seed=plan.seed,
        memory=config.window,
        euler_steps=plan.euler_steps,
    )


def _nothing_to_evaluate_on(config: TrainConfig) -> ConfigError:
    return ConfigError(
        f"no clip is as long as a window of {config.window}: nothing to evaluate on",
        code="CONFIG_INVALID",
        subject="window",
        way_out="shorten `window`, or export longer clips",
    )


def _held_out(cleared: Cleared, config: TrainConfig, plan: Plan, *, video: bool) -> HeldOut | None:
    """Windows of the first split that has any; "train" is the last, and is named as such."""
    num = plan.windows or config.eval_windows
    found = (
        read_windows(
            cleared, config, split=split, length=config.window, num=num, seed=plan.seed, video=video
        )
        for split in SPLITS
    )
    return next((one for one in found if one is not None), None)


def _are_same(one: HeldOut, other: HeldOut) -> bool:
    """Whether both are of the same windows: every clip that was drawn has video."""
    return one.split == other.split and np.array_equal(one.batch.window_B, other.batch.window_B)


def _untrained(cleared: Cleared, config: TrainConfig, measured: HeldOut) -> tuple[str, ...]:
    """A small source may lie wholly on one side: its files hang together."""
    windows = windows_in(cleared, length=config.window, stride=config.stride, split="train")
    return tuple(sorted(set(measured.sources) - set(windows.by_source())))


def _missing(overall: Compared | None, states: States | None) -> dict[str, str]:
    why = {
        "pictures": "" if overall else "no held-out clip of a window's length has video",
        "states": "" if states else "no held-out window has known states",
    }
    return {what: one for what, one in why.items() if one}


def _compared(
    rolled: Rolled, foreseen: Foreseen | None, plan: Plan, *, groups: Groups
) -> tuple[Compared | None, dict[str, dict[str, Compared]]]:
    """The figures over all windows, and of each group of them."""
    if foreseen is None:
        return None, {kind: {} for kind in ("source", *groups)}
    held, scores = foreseen.held, score(rolled, foreseen, plan)
    kinds = {"source": {name: name for name in held.sources}, **groups}

    def of(at: Sequence[int]) -> Compared:
        return compare(scores, held.clips, seed=plan.seed, at=at)

    by_kind = {}
    for kind, labels in kinds.items():
        own = [labels.get(source, "unknown") for source in held.sources]
        by_kind[kind] = {
            label: of([at for at, one in enumerate(own) if one == label])
            for label in sorted(set(own))
        }
    return of(range(len(held.sources))), by_kind
