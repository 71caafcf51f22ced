"""What the actions of a clip measure, and how the pictures answer to them; pure.

Actions stand on the clock of the pictures, one row a picture; of a log without pictures on their
own. What a channel does at rest and how far it reaches is known from the whole episode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.assess.pictures import STILL, Measures, Span

BINS = 16
LEAST_CORRELATION = 0.2
LEAST_PICTURES = 64  # for a lag: fewer correlate by chance
LAG_NS = 10**9
Rows = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acting:
    """The actions of an episode: what each picture has, and what of it counts."""

    ts_ns: npt.NDArray[np.int64]
    symbols: npt.NDArray[np.int64]  # rows x channels that vary: 0 to 15, -1 where nothing is known
    changes: npt.NDArray[np.bool_]  # against the row before
    is_idle: npt.NDArray[np.bool_]
    amount: Rows  # how much is done, in ranges of the channels
    lag_ms: float | None


def acting_of(
    ts_ns: npt.NDArray[np.int64],
    values: Rows,
    valid: npt.NDArray[np.bool_],
    *,
    steps: Rows | None = None,
) -> Acting:
    """Return the actions of an episode; `steps` is how much each picture differs from the last."""
    known = np.where(valid, values, np.nan)
    before = np.concatenate([known[:1], known[:-1]])
    low, high = _bounds(known)
    reach = np.where(high > low, high - low, 1.0)
    rests_at_0 = (low <= 0) & (high >= 0) & (np.nan_to_num(known, nan=1.0) == 0).any(axis=0)
    done = np.abs(np.where(rests_at_0, known, known - before))
    amount = np.nansum(done / reach, axis=1) if known.shape[1] else np.zeros(len(known))
    return Acting(
        ts_ns=ts_ns,
        symbols=_symbols(known, low, reach)[:, high > low],
        changes=(np.nan_to_num(known - before) != 0).any(axis=1),
        is_idle=np.logical_not((np.nan_to_num(done) > 0).any(axis=1)),
        amount=amount,
        lag_ms=None if steps is None else lag_ms(ts_ns, amount, steps),
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


def _bounds(known: Rows) -> tuple[Rows, Rows]:
    """Return least and most of each channel, 0 for one that is never known."""
    never = np.isnan(known).all(axis=0)
    filled = np.where(never, 0.0, known)
    return np.nanmin(filled, axis=0, initial=np.inf), np.nanmax(filled, axis=0, initial=-np.inf)


def _symbols(known: Rows, low: Rows, reach: Rows) -> npt.NDArray[np.int64]:
    binned = np.clip((np.nan_to_num(known) - low) / reach * BINS, 0, BINS - 1).astype(np.int64)
    return np.where(np.isnan(known), -1, binned)


def _entropy(symbols: npt.NDArray[np.int64]) -> float | None:
    bits = []
    for channel in symbols.T:
        known = channel[channel >= 0]
        if len(known):
            shares = np.bincount(known) / len(known)
            bits.append(-float((shares[shares > 0] * np.log2(shares[shares > 0])).sum()))
    return abs(float(np.mean(bits))) if bits else None
