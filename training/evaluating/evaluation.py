"""The figures of one evaluation, as values and as JSON: in full, and the few that a run keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from training.evaluating.behaviour import Behaviour
from training.evaluating.comparing import COPY, MODEL, NULL, SHUFFLED, Compared
from training.evaluating.states import States
from training.evaluating.strips import Shown

HORIZONS: Final = (1, 4, 8, 16, 64)
_KEPT: Final = (MODEL, COPY)  # of each source in a run's record, which is small
_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a model is worth on windows that it was not trained on.

    `missing` says for each figure that could not be measured why; `overall` is None without video.
    """

    split: str  # "val", "test", or "train" where nothing was held out
    seed: int
    window: int  # frames
    context: int
    num_windows: int
    num_clips: int
    num_lost: int
    untrained: tuple[str, ...]  # sources measured of which no window was there to train on
    horizons: tuple[int, ...]
    overall: Compared | None
    groups: Mapping[str, Mapping[str, Compared]]  # kind of group -> label -> figures
    states: States | None
    behaviour: Behaviour
    digest: str  # sha256 of the predicted latents
    repeats: bool  # whether a second rollout gave the same bits
    num_weights: Mapping[str, int]
    missing: Mapping[str, str]
    shown: tuple[Shown, ...] = field(default=(), compare=False, repr=False)

    @property
    def psnr(self) -> dict[str, tuple[float, ...]]:
        """PSNR in dB by way, one value a horizon."""
        return self._at_horizons(self.overall)

    @property
    def by_source(self) -> dict[str, dict[str, tuple[float, ...]]]:
        """The same of each source."""
        return {name: self._at_horizons(one) for name, one in self.groups["source"].items()}

    @property
    def delta_psnr_actions(self) -> tuple[float, ...]:
        """How many dB the true actions are worth against those of other windows."""
        if self.overall is None:
            return ()
        return _short(self.overall.delta_psnr[SHUFFLED].at(self._columns))

    @property
    def beats_copy_last(self) -> bool | None:
        """Whether the model wins at the longest horizon; None where nothing was measured."""
        if self.overall is not None:
            return self.psnr[MODEL][-1] > self.psnr[COPY][-1]
        return None if self.states is None else self.states.beats_copy_last

    def doc(self) -> dict[str, Any]:
        """What a run's record keeps: a few hundred bytes and a line a source."""
        return {
            "split": self.split,
            "num_windows": self.num_windows,
            "horizons": list(self.horizons),
            "psnr": {way: list(one) for way, one in self.psnr.items()},
            "by_source": {
                name: {way: list(found[way]) for way in _KEPT}
                for name, found in self.by_source.items()
            },
            "beats_copy_last": self.beats_copy_last,
            "delta_psnr_actions": list(self.delta_psnr_actions),
            "digest": self.digest,
        }

    def figures(self) -> dict[str, Any]:
        """Every figure."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "shown"}
        plain = {name: _plain(value) for name, value in told.items()}
        return {**plain, "beats_copy_last": self.beats_copy_last}

    def summary(self) -> str:
        """One line for people, at the longest horizon."""
        where = f"{self.split}, {self.num_windows} windows"
        if self.overall is None:
            return f"{where}, no video: {self._states_line()}"
        at = {way: one[-1] for way, one in self.psnr.items()}
        verb = "beats" if self.beats_copy_last else "loses to"
        return (
            f"{where}, frame {self.horizons[-1]}: "
            f"{at[MODEL]:.1f} dB, {verb} copy-last ({at[COPY]:.1f}); "
            f"other actions {at[SHUFFLED]:.1f}, no action {at[NULL]:.1f}, "
            f"tokenizer {at['tokenizer']:.1f}"
        )

    def _states_line(self) -> str:
        if self.states is None:
            return "no state either"
        model, copy = self.states.model.mean[0], self.states.copy_last.mean[0]
        verb = "beats" if self.states.beats_copy_last else "loses to"
        return f"next state {model:.3f} off, {verb} copy-last ({copy:.3f})"

    @property
    def _columns(self) -> list[int]:
        return [one - 1 for one in self.horizons]

    def _at_horizons(self, compared: Compared | None) -> dict[str, tuple[float, ...]]:
        ways = {} if compared is None else compared.psnr
        return {way: _short(curve.at(self._columns)) for way, curve in ways.items()}


def _short(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(one, _DIGITS) for one in values)


def _plain(value: Any) -> Any:  # noqa: ANN401 - dataclasses inside mappings become documents
    if hasattr(value, "__dataclass_fields__"):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, tuple) else value
