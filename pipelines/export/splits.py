"""Which clips train and which are held out: drawn from the hash of their group.

A split is a property of a group of clips (an episode, a scene), never of a frame, and a set that
grows keeps its splits. The salt of the draw is the first that gives every split something, for a
set of few groups may otherwise hold nothing to train on.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

SPLITS = ("train", "val", "test")
_SALTS = 64
_HELD_OUT = 100  # of 1 000, for each of val and test


def choose_salt(name: str, groups: Mapping[str, int]) -> str:
    """The first salt by which training keeps half of the clips and each split gets a group.

    With fewer than three groups not every split can be filled; training always is.
    """
    wanted = min(len(SPLITS), len(groups))
    for number in range(_SALTS):
        salt = f"{name}/{number}/"
        sizes = Counter[str]()
        for group, size in groups.items():
            sizes[split_of(group, salt)] += size
        if len(sizes) >= wanted and 2 * sizes["train"] >= sum(groups.values()):
            return salt
    return ""


def split_of(group: str, salt: str) -> str:
    """The split of a group of clips: 80 % train, 10 % val, 10 % test; no salt, all train."""
    if not salt:
        return "train"
    drawn = int(hashlib.sha256(f"{salt}{group}".encode()).hexdigest()[:8], 16) % 1000
    if drawn < _HELD_OUT:
        return "test"
    return "val" if drawn < 2 * _HELD_OUT else "train"
