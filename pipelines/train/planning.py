"""Plan: what a run would do and take. It passes the gate as a run does, and trains nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pipelines.train.asked import NO_OPTIONS, Config, Options, access_of, asked_of
from pipelines.train.parents import check_clean

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from training.loop.planning import Planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A run that was not begun: its name, its set, its folder, and what it would take."""

    run_id: str
    set_id: str
    folder: str
    plan: Planned

    def line(self) -> dict[str, Any]:
        """The plan as `train --dry-run --json` prints it."""
        own = {"run": self.run_id, "set": self.set_id, "folder": self.folder}
        return own | self.plan.doc()

    def summary(self) -> str:
        """Say it in a few lines."""
        plan = self.plan
        shares = ", ".join(f"{name} {share:.1%}" for name, share in plan.shares.items())
        ranks = "-".join(str(one) for one in sorted(set(plan.ranks)))
        spread = ", dynamics spread over them" if plan.sharded else ""
        lines = (
            f"run {self.run_id[:12]} on {self.set_id}, let through by the gate: nothing trained",
            f"windows     {plan.windows:,}: {shares}",
            f"steps       {plan.steps:,} of {plan.frames_a_step:,} frames and"
            f" {plan.tokens_a_step:,} tokens; {plan.samples:,} samples, {plan.epochs:g} epochs",
            f"weights     {plan.dynamics_weights:,} in the dynamics, {plan.tokenizer_weights:,} in"
            " the tokenizer",
            f"ranks       {ranks} on {plan.device}{spread}; about"
            f" {plan.memory_bytes / 1e9:.2f} GB each (estimate)",
            f"latents     {_latents(plan)}",
            f"writes to   {self.folder}",
        )
        return "\n".join(lines)


def _latents(plan: Planned) -> str:
    whole = f"{plan.latent_bytes / 1e9:.2f} GB of all windows"
    if not plan.latent_room:
        return f"encoded each time; {whole} could be kept (latent_bytes)"
    return f"a rank keeps at most {plan.latent_room / 1e9:.2f} of {whole}"


def plan_set(
    config: Config, settings: Settings, *, now: datetime, options: Options = NO_OPTIONS
) -> Proposal:
    """Say what `train_set` would do with the same arguments.

    Raises:
        ConfigError, NotFound, Refused: as `train_set` would.
    """
    from training.loop.planning import plan_run

    asked = asked_of(config, settings, options)
    if asked.parent is not None:
        check_clean(asked.parent, settings)
    cleared = access_of(asked, settings).opened(now)
    return Proposal(
        run_id=asked.run,
        set_id=asked.row.set_id,
        folder=str(asked.folder),
        plan=plan_run(asked.config, cleared),
    )
