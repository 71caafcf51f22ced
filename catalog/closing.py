"""Close what a revocation covers: end its facts and record the act, in the caller's transaction.

A ground that is on record ends; a file or span, which has no ground of its own, gets a layer that
is over. So does a source that an order or an opt-out is about: whatever ground comes later.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from catalog import log, rights, subjects
from catalog.coverage import Bar, Cover
from catalog.layers import FIRST_DAY
from catalog.pieces import whole_sources
from licensing.manifest import digest

# How a reason ends a ground that is on record (`catalog.layers` folds it into the layer).
ENDS: Final = {
    "expired": "ended",
    "ended": "ended",
    "breach": "breach",
    "withdrawn": "withdrawn",
    "opted_out": "withdrawn",
    "taken_down": "taken_down",
    "ordered": "taken_down",
    "void": "void",
}
OVERRIDES: Final = frozenset({"ordered", "opted_out"})


def close(
    session: Session, cover: Cover, *, reason: str, at: date, now: datetime
) -> rights.Revocation:
    """End the facts of `cover` for `reason`, close its bars, and record the revocation."""
    for fact_id in cover.facts:
        rights.end_fact(session, fact_id, at=at, kind=ENDS[reason], reason=reason, now=now)
    subject = subjects.on_record(session, cover.kind, cover.subject_id)
    said = {"kind": cover.kind, "subject": subject, "now": log.stamp(now)}
    revocation = rights.Revocation(
        revocation_id=digest(said),
        subject_kind=cover.kind,
        subject_id=cover.subject_id,
        reason=reason,
        at=at,
        recorded_at=now,
        covers=tuple(one.doc() for one in cover.pieces),
    )
    for bar in bars_of(cover, reason):
        rights.attach_layer(session, bar.source_id, _closed(bar, revocation), now=now)
    rights.record_revocation(session, revocation, now=now)
    return revocation


def bars_of(cover: Cover, reason: str) -> tuple[Bar, ...]:
    """What a layer must close: files and spans, and sources that an order or opt-out is about."""
    if cover.bars or reason not in OVERRIDES:
        return cover.bars
    return tuple(Bar(source_id=one) for one in whole_sources(cover.pieces))


def _closed(bar: Bar, revocation: rights.Revocation) -> dict[str, Any]:
    """A layer that is free until the day and denied from it on; the others decide till then.

    Its kind answers no question of a checklist.
    """
    void = revocation.reason == "void"
    basis = {
        "type": "contract",
        "grade": "E0",
        "sublicense": True,
        "valid": [] if void else [FIRST_DAY, revocation.at.isoformat()],
        "id": f"revocation:{revocation.revocation_id[:16]}",
    }
    layer: dict[str, Any] = {"layer": "contract", "basis": [basis]}
    if bar.item is not None:
        layer["item"] = bar.item
    if bar.span is not None:
        layer["span"] = list(bar.span)
    return layer
