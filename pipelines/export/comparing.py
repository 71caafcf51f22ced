"""What differs between two versions of training sets: what came, what went, and why.

In: two sets on record. Out: their settings that differ, and clips by source, change and reason. The
reasons are those of the record: the decision that was in force when a set was made, what a filter
said, what could not be rendered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog import clips, decisions, training_sets
from catalog.engine import open_catalog, reading
from licensing.manifest import open_manifest
from pipelines.export.lineage_groups import SELECTION
from pipelines.export.rendering import read_left_out
from pipelines.storage import exists, join, read_bytes

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings

CAME, WENT, STAYED = "came", "went", "stayed"
SETTINGS = ("request", "render", "channels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Clips of one source that came, went or stayed, for one reason."""

    source: str
    change: str
    clips: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDiff:
    """Two versions beside each other; `settings` holds (before, now) of each that differs."""

    before: str
    now: str
    settings: Mapping[str, tuple[Any, Any]]
    changes: tuple[Change, ...]

    def summary(self) -> str:
        """Say it in one line."""
        count = Counter[str]()
        for one in self.changes:
            count[one.change] += one.clips
        said = ", ".join(f"{count[word]} clips {word}" for word in (CAME, WENT, STAYED))
        other = f"; other {', '.join(sorted(self.settings))}" if self.settings else ""
        return f"{self.before} -> {self.now}: {said}{other}"


def compare_sets(settings: Settings, before: str, now: str) -> SetDiff:
    """Compare two versions of training sets, of one name or of two.

    Raises:
        NotFound: UNKNOWN_ID.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        rows = [training_sets.training_set(session, one) for one in (before, now)]
        sides = [_side(session, one, settings) for one in rows]
        found = Counter(_changes(session, *sides))
    changes = [
        Change(source=source, change=change, clips=number, why=why)
        for (source, change, why), number in sorted(found.items())
    ]
    docs = [_manifest(settings, one) for one in rows]
    return SetDiff(
        before=rows[0].set_id,
        now=rows[1].set_id,
        settings={
            name: (docs[0].get(name), docs[1].get(name))
            for name in SETTINGS
            if _said(docs[0], name) != _said(docs[1], name)
        },
        changes=tuple(changes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A version: its clips, those that could not be rendered, and until when it knew."""

    row: TrainingSetRow
    held: frozenset[str]
    lost: Mapping[str, str]
    known: datetime


def _side(session: Session, row: TrainingSetRow, settings: Settings) -> _Side:
    path = join(settings.set_uri(row.name, row.version), SELECTION)
    lost = read_left_out(json.loads(read_bytes(path))) if exists(path) else ()
    return _Side(
        row=row,
        held=frozenset(clip for clip, _, _ in clips.shards_of(session, row.set_id)),
        lost={one.clip_id: ", ".join(one.codes) for one in lost},
        known=training_sets.recorded_at(session, row.set_id),
    )


def _changes(session: Session, before: _Side, now: _Side) -> Iterator[tuple[str, str, str]]:
    """Each clip of either version: its source, what became of it, and why."""
    known = clips.clips_with(session, before.held | now.held)
    verdicts: dict[tuple[str, str], str] = {}
    for clip_id in sorted(before.held | now.held):
        clip, first = known[clip_id]
        if clip_id in before.held and clip_id in now.held:
            yield clip.source_id, STAYED, ""
            continue
        lacking = before if clip_id in now.held else now  # the version that lacks it says why
        key = (clip.source_id, lacking.row.set_id)
        if key not in verdicts:
            verdicts[key] = _verdict(session, lacking, clip.source_id)
        why = lacking.lost.get(clip_id) or verdicts[key]
        if not why and first > lacking.known:
            why = "on record since"
        if not why and clip.status != "kept":
            why = f"{clip.status}: {clip.reason}"
        change = CAME if lacking is before else WENT
        yield clip.source_id, change, why or "a part of it was not cleared"


def _verdict(session: Session, side: _Side, source_id: str) -> str:
    """Why a source was not cleared for a set when it was made; empty if it was."""
    if source_id in side.row.sources:
        return ""
    digest = side.row.request_digest
    found = decisions.decisions_about(session, source_id, digest, known=side.known)
    if not found:
        return "not on record when it was made"
    last = found[-1]
    return "" if last.verdict == "permit" else f"{last.verdict}: {', '.join(last.reasons)}"


def _manifest(settings: Settings, row: TrainingSetRow) -> dict[str, Any]:
    path = join(settings.set_uri(row.name, row.version), "manifest.json")
    return open_manifest(read_bytes(path)) if exists(path) else {}


def _said(doc: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - JSON
    """A setting; of channels what they are, for their mean and deviation follow from the clips."""
    if name != "channels":
        return doc.get(name)
    return [(one["kind"], one["name"], one["unit"]) for one in doc.get("channels", ())]
