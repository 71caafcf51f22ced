"""The way to a training set as values: what a run, its plan and each of its workers open it by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licensing.request import read_request
from training.gate.opening import (
    HASH_AT_START,
    Cleared,
    Standing,
    check_again,
    open_training_set,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How a worker opens the training set: values only, no handle and no secret."""

    uri: str
    use: Mapping[str, Any]
    keys: tuple[bytes, ...]
    revocations: str | None = None
    seen_sequence: int = 0
    hash_at_start: int = HASH_AT_START

    def opened(self, now: datetime) -> Cleared:
        """The set, once the gate lets it through.

        Raises:
            Refused: the gate's answer, with its code.
        """
        return open_training_set(
            self.uri,
            read_request(self.use),
            keys=self.keys,
            now=now,
            revocations=self.revocations,
            seen_sequence=self.seen_sequence,
            hash_at_start=self.hash_at_start,
        )

    def again(self, cleared: Cleared, *, now: datetime, seen_sequence: int) -> Standing:
        """How the set stands now, after a list of this sequence was seen.

        Raises:
            Refused: the gate's answer, with its code.
        """
        return check_again(
            cleared,
            keys=self.keys,
            now=now,
            revocations=self.revocations,
            seen_sequence=seen_sequence,
        )
