"""What the actions of a clip measure, and how the pictures answer to them; pure.

Actions stand on the clock of the pictures, one row a picture; of a log without pictures on their
own. What a channel does at rest and how far it reaches is known from the whole episode.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.assess.numbers import OnClock
from pipelines.assess.pictures import STILL, Measures, Span

BINS = 16
LEAST_CORRELATION = 0.2
LEAST_PICTURES = 64  # for a lag: fewer correlate by chance
LAG_NS = 10**9
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acting:
    """Actions: what each row has, and what of it counts."""

    ts_ns: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.int64]  # rows x channels that vary: 0 to 15, -1 where nothing is known
    changes: npt.NDArray[np.bool_]  # against the row before
    is_idle: npt.NDArray[np.bool_]
    lag_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """How far each channel goes in an episode, and whether it rests at 0."""

    low: Rows
    high: Rows
    rests_at_0: npt.NDArray[np.bool_]

    @property
    def width(self) -> Rows:
        """What a change is measured in."""
        return np.where(self.high > self.low, self.high - self.low, 1.0)

    def done(self, known: Rows, before: Rows) -> Rows:
        """Return how much each channel does in each row: itself, or its change from `before`."""
        return np.abs(np.where(self.rests_at_0, known, known - before))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whole:
    """What is known of actions over a whole episode only."""

    reach: Reach
    lag_ms: float | None = None


def reach_of(stretches: Iterable[Rows], *, num_channels: int) -> Reach:
    """Return the reach over all rows of an episode, which come a stretch at a time."""
    low, high = np.full(num_channels, np.inf), np.full(num_channels, -np.inf)
    zero = np.zeros(num_channels, np.bool_)
    for known in stretches:
        low = np.fmin(low, np.fmin.reduce(known, axis=0, initial=np.inf))
        high = np.fmax(high, np.fmax.reduce(known, axis=0, initial=-np.inf))
        zero |= (known == 0).any(axis=0)
    never = low > high
    low, high = np.where(never, 0.0, low), np.where(never, 0.0, high)
    return Reach(low=low, high=high, rests_at_0=zero & (low <= 0) & (high >= 0))


def whole_of(acts: OnClock, steps: Rows | None) -> Whole:
    """Return what is known of actions over an episode only.

    `steps` is how much each picture differs from the last, where actions stand on their clock.
    """
    found = (acts.known(low, high) for low, high in acts.stretches())
    reach = reach_of(found, num_channels=len(acts.channels))
    if steps is None or not len(steps) or len(steps) != len(acts.clock):
        return Whole(reach=reach)
    amount = [
        np.nansum(reach.done(acts.known(*some), acts.before(*some)) / reach.width, axis=1)
        for some in acts.stretches()
    ]
    return Whole(reach=reach, lag_ms=lag_ms(acts.clock, np.concatenate(amount), steps))


def acting_of(acts: OnClock, whole: Whole, rows: tuple[int, int]) -> Acting:
    """Return what acts in the rows `[low, high)` of an episode's clock."""
    low, high = rows
    before, known, reach = acts.before(low, high), acts.known(low, high), whole.reach
    return Acting(
        ts_ns=acts.clock[low:high],
        symbols=_symbols(known, reach)[:, reach.high > reach.low],
        changes=(np.nan_to_num(known - before) != 0).any(axis=1),
        is_idle=np.logical_not((np.nan_to_num(reach.done(known, before)) > 0).any(axis=1)),
        lag_ms=whole.lag_ms,
    )


def action_measures(acting: Acting, span: Span, *, steps: Rows | None = None) -> Measures:
    """Return entropy, activity, idle and stuck share of a span, and the lag."""
    low, high = np.searchsorted(acting.ts_ns, span).tolist()
    if low == high:
        return {}
    idle = acting.is_idle[low:high]
    found: Measures = {
        "action_entropy": _entropy(acting.symbols[low:high]),
        "activity": float(acting.changes[low:high].mean()),
        "idle": float(idle.mean()),
        "lag_ms": acting.lag_ms,
    }
    if steps is not None:
        still = np.nan_to_num(steps[low:high], nan=np.inf) < STILL
        found["stuck"] = float((still & ~idle).mean())
    return found


def lag_ms(ts_ns: npt.NDArray[np.int64], amount: Rows, steps: Rows) -> float | None:
    """Return the shift, within a second, by which motion follows action best."""
    if len(ts_ns) < LEAST_PICTURES:
        return None
    period = float(np.median(np.diff(ts_ns)))
    most = min(int(LAG_NS // max(period, 1.0)), len(ts_ns) // 2)
    motion = np.nan_to_num(steps)
    found = [_correlation(amount, motion, shift) for shift in range(-most, most + 1)]
    best = int(np.argmax(found))
    if found[best] < LEAST_CORRELATION:
        return None
    return (best - most) * period / 1e6


def _correlation(amount: Rows, motion: Rows, shift: int) -> float:
    cause = amount[: len(amount) - shift] if shift >= 0 else amount[-shift:]
    effect = motion[shift:] if shift >= 0 else motion[:shift]
    cause, effect = cause - cause.mean(), effect - effect.mean()
    spread = float(np.sqrt((cause**2).sum() * (effect**2).sum()))
    return float((cause * effect).sum()) / spread if spread > 0 else 0.0


def _symbols(known: Rows, reach: Reach) -> npt.NDArray[np.int64]:
    binned = (np.nan_to_num(known) - reach.low) / reach.width * BINS
    return np.where(np.isnan(known), -1, np.clip(binned, 0, BINS - 1).astype(np.int64))


def _entropy(symbols: npt.NDArray[np.int64]) -> float | None:
    bits = []
    for channel in symbols.T:
        known = channel[channel >= 0]
        if len(known):
            shares = np.bincount(known) / len(known)
            bits.append(-float((shares[shares > 0] * np.log2(shares[shares > 0])).sum()))
    return abs(float(np.mean(bits))) if bits else None
