"""The order of samples as a formula of (order digest, seed, epoch): nothing else takes part.

A global *position* 0, 1, 2 ... means one window. No rank, worker or batch size is in the formula,
so a run that stops anywhere goes on anywhere, on any number of ranks, from two integers.
Permutations are 6-round Feistel networks over the next even power of two, walked until the value
falls inside: no table, so any position costs the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.errors import ConfigError, Refused
from training.windows import Bools, Ints, Windows

BLOCK: Final = 4096  # positions over which a mixture's shares are exact
_ROUNDS: Final = 6
_U64 = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which window stands at a position. `quotas` is empty without a mixture."""

    digest: str
    seed: int
    num_windows: int
    sources: tuple[tuple[str, int, int], ...] = ()  # name, first window, number of windows
    quotas: tuple[int, ...] = ()  # positions of each source in a block

    def draw(self, positions: Ints) -> Ints:
        """The windows at `positions`."""
        if not self.quotas:
            return self._epochs("", positions, self.num_windows)
        out = np.empty_like(positions)
        blocks, slots = positions // BLOCK, positions % BLOCK
        for block in np.unique(blocks):
            here = blocks == block
            key = _key(self.digest, self.seed, f"block:{block}")
            out[here] = self._mixed(int(block), permute(slots[here], BLOCK, key))
        return out

    def _mixed(self, block: int, slots: Ints) -> Ints:
        ends = np.cumsum(self.quotas)
        owner = np.searchsorted(ends, slots, side="right")
        out = np.empty_like(slots)
        for number, (name, first, count) in enumerate(self.sources):
            mine = owner == number
            quota = self.quotas[number]
            ordinal = block * quota + slots[mine] - (ends[number] - quota)
            out[mine] = first + self._epochs(name, ordinal, count)
        return out

    def _epochs(self, name: str, ordinals: Ints, size: int) -> Ints:
        out = np.empty_like(ordinals)
        epochs, inside = ordinals // size, ordinals % size
        for epoch in np.unique(epochs):
            here = epochs == epoch
            key = _key(self.digest, self.seed, f"{name}:{epoch}")
            out[here] = permute(inside[here], size, key)
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """From `step` and `position` on, the revocation list `sequence` counts; `subjects` are out."""

    step: int
    position: int
    sequence: int
    digest: str
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a run stands: `step` steps done, `position` positions used, `chain` over the ids."""

    manifest: str
    seed: int
    step: int = 0
    position: int = 0
    chain: str = "0" * 64
    segments: tuple[Segment, ...] = field(default=())

    def doc(self) -> dict[str, Any]:
        """The cursor as JSON."""
        segments = [
            [one.step, one.position, one.sequence, one.digest, list(one.subjects)]
            for one in self.segments
        ]
        return {
            "manifest": self.manifest,
            "seed": self.seed,
            "step": self.step,
            "position": self.position,
            "chain": self.chain,
            "segments": segments,
        }


def cursor_of(doc: Mapping[str, Any]) -> Cursor:
    """Read a cursor's JSON back."""
    segments = tuple(
        Segment(
            step=one[0], position=one[1], sequence=one[2], digest=one[3], subjects=tuple(one[4])
        )
        for one in doc["segments"]
    )
    return Cursor(**{**doc, "segments": segments})


def plan_order(
    windows: Windows, digest: str, seed: int, *, weights: Mapping[str, float] | None = None
) -> Plan:
    """The order over `windows`; `weights` give sources shares of every block of positions."""
    if not len(windows):
        raise ConfigError(
            f"no clip is as long as a window of {windows.spec.length} frames",
            code="CONFIG_INVALID",
            subject="window",
            way_out="shorten `window`, or export longer clips",
        )
    if not weights:
        return Plan(digest=digest, seed=seed, num_windows=len(windows))
    found = windows.by_source()
    unknown = sorted(set(weights) - set(found))
    if unknown:
        raise ConfigError(
            f"weights name {unknown[0]!r}, which has no window in the set; has: {', '.join(found)}",
            code="CONFIG_INVALID",
            subject=f"weights.{unknown[0]}",
            way_out="name sources of the training set only",
        )
    named = [(name, *found[name]) for name in found if name in weights]
    return Plan(
        digest=digest,
        seed=seed,
        num_windows=len(windows),
        sources=tuple(named),
        quotas=_quotas([(name, weights[name]) for name, _, _ in named]),
    )


def take(plan: Plan, position: int, *, size: int, dead: Bools) -> tuple[Ints, int]:
    """The next `size` living windows from `position` on, and the position after them.

    Every rank computes the whole batch and keeps its slice `[rank::world]`.
    """
    ranges = plan.sources or (("", 0, plan.num_windows),)
    if all(dead[first : first + count].all() for _, first, count in ranges):
        raise Refused(
            "every window of the training set is revoked or erased",
            code="SET_REVOKED",
            subject=plan.digest,
            way_out="train on the successor of this set",
        )
    got: list[Ints] = []
    while need := size - sum(map(len, got)):
        ahead = need if not got else 2 * need
        drawn = plan.draw(np.arange(position, position + ahead, dtype=np.int64))
        alive = np.flatnonzero(~dead[drawn])[:need]
        position += int(alive[-1]) + 1 if len(alive) == need else ahead
        got.append(drawn[alive])
    return np.concatenate(got), position


def replay(
    plan: Plan, windows: Windows, cursor: Cursor, *, batch: int
) -> Iterator[tuple[int, Ints]]:
    """The window ids of every step up to `cursor`, recomputed from its segments alone."""
    position, dead = 0, windows.named(())
    starts = {one.step: one for one in cursor.segments}
    for step in range(cursor.step):
        if step in starts:
            dead = windows.named(starts[step].subjects)
        ids, position = take(plan, position, size=batch, dead=dead)
        yield step, ids


def link(chain: str, step: int, ids: Ints) -> str:
    """The chain one step on: sha256 over the chain, the step and the ids by slot."""
    body = bytes.fromhex(chain) + step.to_bytes(8, "little") + ids.astype("<u8").tobytes()
    return hashlib.sha256(body).hexdigest()


def chain_of(chain: str, delivered: Mapping[int, Mapping[int, int]]) -> str:
    """The chain after these steps, each of them slot -> window."""
    for step, by_slot in sorted(delivered.items()):
        chain = link(chain, step, np.array([by_slot[at] for at in sorted(by_slot)], np.int64))
    return chain


def permute(values: Ints, size: int, key: bytes) -> Ints:
    """A keyed permutation of 0 .. size - 1, applied to `values`."""
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    rounds = _round_keys(key)
    out = _feistel(values.astype(np.uint64), half, rounds)
    while np.any(outside := out >= np.uint64(size)):
        out[outside] = _feistel(out[outside], half, rounds)
    return out.astype(np.int64)


def _feistel(values: _U64, half: int, rounds: tuple[int, ...]) -> _U64:
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    left, right = values >> shift, values & mask
    for key in rounds:
        left, right = right, left ^ (_mix(right, np.uint64(key)) & mask)
    return (left << shift) | right


def _mix(values: _U64, key: np.uint64) -> _U64:
    """Spread 64 bits: multiplications by odd constants with xor-shifts between."""
    out = values ^ key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        out = (out ^ (out >> np.uint64(shift))) * np.uint64(factor)
    return out ^ (out >> np.uint64(31))


def _key(digest: str, seed: int, name: str) -> bytes:
    return f"{digest}|{seed}|{name}".encode()


@lru_cache(maxsize=256)
def _round_keys(key: bytes) -> tuple[int, ...]:
    raw = hashlib.shake_256(key).digest(8 * _ROUNDS)
    return tuple(int.from_bytes(raw[at : at + 8], "little") for at in range(0, len(raw), 8))


def _quotas(weights: list[tuple[str, float]]) -> tuple[int, ...]:
    """Whole positions of a block by largest remainder; equal remainders go to the earlier name."""
    total = sum(weight for _, weight in weights)
    exact = [weight / total * BLOCK if total else 0.0 for _, weight in weights]
    quotas = [int(one) for one in exact]
    order = sorted(range(len(exact)), key=lambda at: (quotas[at] - exact[at], at))
    for at in order[: BLOCK - sum(quotas)]:
        quotas[at] += 1
    for (name, weight), quota in zip(weights, quotas, strict=True):
        if quota == 0:
            raise ConfigError(
                f"weight {weight} of {name!r} is less than one position of {BLOCK}",
                code="WEIGHT_TOO_SMALL",
                subject=f"weights.{name}",
                way_out="raise the weight, or leave the source out of the weights",
            )
    return tuple(quotas)
