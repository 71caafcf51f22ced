"""What a run remembers, in a few kilobytes: enough to replay every row that it was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run remembers: enough to replay every row it was given, in under 10 KB."""

    manifest_digest: str
    clearance_digest: str  # the last that was in force; each seal names that of its own step
    request_digest: str
    code_version: str
    config: Mapping[str, Any]
    seed: int
    windows: Mapping[str, int]  # length, stride, number of windows
    world: int
    steps: int
    segments: tuple[tuple[Any, ...], ...]  # step, position, revocation sequence, digest, subjects
    attempts: tuple[Mapping[str, int], ...]
    checkpoints: tuple[Mapping[str, Any], ...]  # step, position, chain, path, digest
    losses: Mapping[str, tuple[float, float]]  # phase -> first, last
    curve: tuple[tuple[int, float], ...]  # sampled
    quarantined: Mapping[str, Any]  # count, digest, the first hundred
    tokenizer_digest: str
    parent: str | None = None
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # of the last checkpoint

    def doc(self) -> dict[str, Any]:
        """The record as JSON."""
        doc: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return doc


def record_of(doc: Mapping[str, Any]) -> RunRecord:
    """Read a record's JSON back."""
    listed = ("segments", "attempts", "checkpoints", "curve")
    tuples = {name: tuple(doc[name]) for name in listed}
    losses = {phase: (ends[0], ends[1]) for phase, ends in doc["losses"].items()}
    return RunRecord(**{**doc, **tuples, "losses": losses})
