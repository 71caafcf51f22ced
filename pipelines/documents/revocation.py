"""What a revocation did and reaches: the report, and the notice that is drafted from it.

In: values that the station has found. Out: lines for people, one JSON object, and the two files of
the notice, `notice.txt` and `notice.json`: the same bytes for the same facts. The notice is a
draft: a person reads it before it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

SHOWN = 12  # ids that a line names; the JSON names all
REASONS: Mapping[str, str] = {
    "expired": "the term of the right has run out",
    "ended": "the agreement was terminated",
    "breach": "the agreement was terminated for breach",
    "withdrawn": "consent was withdrawn",
    "opted_out": "the holder of the right has opted out",
    "taken_down": "the holder of the right asked for takedown",
    "ordered": "a court or an authority has ordered it",
    "void": "the right never existed: its ground is void from the start",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How much a checkpoint saw of what was revoked; `why` says why that is not known.

    `adapter` is the revoked source where it holds the adapter of that one and nothing else: it can
    be dropped alone, and no part of it is trained again. `clean_parent` is the checkpoint that it
    lies on, if that saw nothing.
    """

    checkpoint_id: str
    run_id: str
    step: int
    windows: int
    rows: int
    frames: int
    is_clean: bool
    why: str = ""
    adapter: str = ""
    clean_parent: str = ""

    def words(self) -> str:
        """Say what it saw, and whether it can be dropped alone."""
        if self.is_clean:
            return "clean"
        saw = self.why or f"saw {self.rows} rows, {self.frames} frames, {self.windows} windows"
        return f"{saw}; {self.dropping()}" if self.adapter else saw

    def dropping(self) -> str:
        """What is left of an adapter's model when the adapter is dropped."""
        parent = f"{self.clean_parent[:12]} is clean" if self.clean_parent else "is not clean"
        return f"an adapter of {self.adapter} alone: drop it, its parent {parent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A published model that saw what was revoked: which, how it is given away, and where."""

    release_id: str
    checkpoint_id: str
    release: str
    uris: tuple[str, ...]

    def words(self) -> str:
        """Say it in a line."""
        where = f", at {', '.join(self.uris)}" if self.uris else ""
        return f"{self.release_id} ({self.release}) of checkpoint {self.checkpoint_id[:12]}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrain:
    """A run to train again: from its last clean checkpoint, or from the start (None, step 0).

    `samples` counts windows to deliver again; None if what was delivered cannot be replayed.
    """

    run_id: str
    set_id: str
    from_checkpoint: str | None
    from_step: int
    to_step: int
    samples: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What a revocation ended and reaches; `sequence` is that of the published list.

    `subject` is what was named, `sources` where it lies. `kept` names layers that rest on another
    ground and are not lost. Checkpoints are those of all affected runs, with what each saw.
    """

    kind: str
    subject: str
    reason: str
    at: date
    dry_run: bool
    sequence: int
    facts: int
    bars: int
    kept: tuple[str, ...]
    sources: tuple[str, ...]
    clips: tuple[str, ...]
    shards: tuple[tuple[str, int], ...]
    training_sets: tuple[str, ...]
    runs: tuple[str, ...]
    checkpoints: tuple[Seen, ...]
    last_clean_checkpoint: str | None
    retrain: tuple[Retrain, ...]
    verdicts: Mapping[str, str]  # request -> verdict now
    releases: tuple[Released, ...] = ()
    notice: str = ""  # folder of the notice
    resumed: bool = False

    @property
    def samples(self) -> int | None:
        """Windows to deliver again over all runs; None if those of one are not known."""
        counts = [one.samples for one in self.retrain]
        return None if None in counts else sum(one for one in counts if one is not None)

    def line(self) -> dict[str, Any]:
        """The report as `revoke --json` prints it."""
        doc = asdict(self)
        return doc | {
            "at": self.at.isoformat(),
            "clips": len(self.clips),
            "shards": [list(one) for one in self.shards],
            "retrain_samples": self.samples,
        }

    def summary(self) -> str:
        """Say it in a few lines."""
        act = "would end" if self.dry_run else "ended"
        since = "from the start" if self.reason == "void" else f"from {self.at} on"
        lines = [
            f"{self.kind} {self.subject}: {act} {self.facts} facts {since} ({self.reason})",
            f"reaches {len(self.sources)} sources, {len(self.clips)} clips, "
            f"{len(self.shards)} shards",
            f"training sets: {_short(self.training_sets)}",
            f"runs: {_short(self.runs)}",
            f"checkpoints that saw it: "
            f"{_short(one.checkpoint_id for one in self.checkpoints if not one.is_clean)}",
            *_seen_lines(self.checkpoints),
            f"releases that saw it: {len(self.releases) or 'none'}",
            *(f"  {one.words()}" for one in self.releases[:SHOWN]),
            f"last clean checkpoint: {self.last_clean_checkpoint or 'none'}",
            *_retrain_lines(self.retrain, self.samples),
        ]
        if self.kept:
            lines.append(f"{len(self.kept)} layers stay: another ground carries them")
        if not self.dry_run:
            lines.append(f"revocation list {self.sequence} is published")
            lines += [f"request {name}: now {word}" for name, word in self.verdicts.items()]
            lines.append(f"notice drafted in {self.notice}")
        return "\n".join(lines)


def build_notice(done: Revoked) -> dict[str, bytes]:
    """Write `notice.txt` for people and `notice.json` for machines."""
    doc = done.line() | {"clip_ids": list(done.clips)}
    for name in ("dry_run", "resumed", "notice", "sequence", "verdicts"):
        del doc[name]  # what changes from one writing to the next says nothing of the loss
    text = json.dumps(doc, indent=1, sort_keys=True, ensure_ascii=False)
    return {"notice.txt": _letter(done).encode(), "notice.json": (text + "\n").encode()}


def _letter(done: Revoked) -> str:
    since = "It counts as never given." if done.reason == "void" else f"It ends on {done.at} (UTC)."
    saw = [one for one in done.checkpoints if not one.is_clean]
    lines = [
        "NOTICE OF REVOCATION (draft: to be read by a person before it is sent)",
        "",
        f"What: {done.kind} {done.subject}",
        f"Why: {REASONS[done.reason]}. {since}",
        f"Where it lies: {', '.join(done.sources) or 'no source'}; {len(done.clips)} clips",
        "",
        "To whoever holds one of these training sets, or a copy of its rows:",
        *(_listed(done.training_sets)),
        "Stop training on it. Fetch the newest revocation list; the gate refuses the set by it.",
        "Where a successor exists, the list names it.",
        "",
        "To whoever holds one of these models, or anything made from one:",
        *_listed(
            f"{one.checkpoint_id} (run {one.run_id}, step {one.step}): {one.words()}" for one in saw
        ),
        "To whoever was given one of these releases:",
        *_listed(one.words() for one in done.releases),
        "These checkpoints of the same runs saw nothing of it:",
        *_listed(one.checkpoint_id for one in done.checkpoints if one.is_clean),
        "",
        "To train again:",
        *_listed(_retrain_lines(done.retrain, done.samples)),
        "",
    ]
    return "\n".join(lines)


def _seen_lines(points: Sequence[Seen]) -> Iterator[str]:
    for one in points[:SHOWN]:
        yield f"  {one.checkpoint_id[:12]} at step {one.step}: {one.words()}"
    if len(points) > SHOWN:
        yield f"  and {len(points) - SHOWN} more"


def _retrain_lines(runs: Sequence[Retrain], samples: int | None) -> Iterator[str]:
    for one in runs[:SHOWN]:
        start = "the start" if one.from_checkpoint is None else one.from_checkpoint[:12]
        cost = "an unknown number of" if one.samples is None else one.samples
        yield (
            f"retrain run {one.run_id[:12]} from {start} (step {one.from_step} to "
            f"{one.to_step}): {cost} samples"
        )
    if len(runs) > 1:
        total = "an unknown number of" if samples is None else samples
        yield f"retrain {len(runs)} runs: {total} samples"


def _listed(words: Iterable[str]) -> list[str]:
    return [f"* {one}" for one in words] or ["* none"]


def _short(ids: Iterable[str]) -> str:
    listed = [one[:12] for one in ids]
    more = [f"and {len(listed) - SHOWN} more"] if len(listed) > SHOWN else []
    return ", ".join([*listed[:SHOWN], *more]) or "none"
