"""Releases: which checkpoint was published, under which name and terms.

One record a name and version, never changed: what was published stays so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import log, records, runs, schema
from catalog.engine import among
from catalog.errors import Contradiction, NotFound
from catalog.mentions import POINT_ID
from catalog.records import Change
from catalog.runs import CheckpointRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """One published model; `release_id` is name@version, `release` how it is given away.

    `digest` is that of the checkpoint, `published` the day, None where nobody said it.
    """

    release_id: str
    name: str
    version: str
    checkpoint_id: str
    run_id: str
    digest: str
    release: str
    out_licence: str
    published: date | None = None
    uris: tuple[str, ...] = ()


def record_release(session: Session, row: ReleaseRow, *, now: datetime) -> Change:
    """Record a release with its leaf; the same again changes nothing.

    Raises:
        Contradiction: RELEASE_TAKEN, the name and version are those of another content.
    """
    change = change_of(session, row)
    if change is Change.ADDED:
        log.record(session, schema.releases, asdict(row), key=row.release_id, now=now)
    return change


def change_of(session: Session, row: ReleaseRow) -> Change:
    """Return what `record_release` would do, refused for the same reason."""
    before = records.stored(session, schema.releases, release_id=row.release_id)
    if not before:
        return Change.ADDED
    _check_same(_row(before[0].doc), row)
    return Change.UNCHANGED


def release(session: Session, wanted: str) -> ReleaseRow:
    """Look a release up by id, or its start; of a bare name, the version recorded last.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    named = records.stored(session, schema.releases, name=wanted)
    if named:
        return _row(named[-1].doc)
    found = records.one_by_id(session, schema.releases, column="release_id", wanted=wanted)
    return _row(found.doc)


def releases(session: Session) -> tuple[ReleaseRow, ...]:
    """Return every release, oldest first."""
    return tuple(_row(one.doc) for one in records.stored(session, schema.releases))


def releases_of(session: Session, checkpoint_ids: Iterable[str]) -> tuple[ReleaseRow, ...]:
    """Return the releases of these checkpoints, oldest first."""
    rows = records.stored_any(session, schema.releases, "checkpoint_id", wanted=checkpoint_ids)
    return tuple(_row(one.doc) for one in rows)


def releases_from(session: Session, run_ids: Iterable[str]) -> tuple[ReleaseRow, ...]:
    """Return the releases of all checkpoints of these runs, oldest first; one query for many."""
    table, points, found = schema.releases, schema.checkpoints, list[tuple[int, str]]()
    query = select(table.c.seq, table.c.doc).join(
        points, points.c.checkpoint_id == table.c.checkpoint_id
    )
    for some in records.chunks(run_ids):
        held = session.execute(query.where(among(session, points.c.run_id, some)))
        found += [(seq, doc) for seq, doc in held]
    return tuple(_row(json.loads(doc)) for _, doc in sorted(found))


def point_of(session: Session, wanted: str) -> CheckpointRow:
    """Look up the checkpoint that RUN/POINT names: POINT is its step, or its id or the start of it.

    Without a slash, `wanted` is the id of the checkpoint, its start, or the digest of its seal.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    run_id, slash, point = wanted.rpartition("/")
    if not slash:
        known = runs.checkpoints_with(session, [wanted[:POINT_ID]])
        sealed = [one for one in known if one.digest == wanted]
        return sealed[0] if sealed else runs.checkpoint(session, wanted)
    own = runs.checkpoints_of(session, [runs.run(session, run_id).run_id])
    found = [one for one in own if point in {str(one.step), one.checkpoint_id}]
    found = found or [one for one in own if point and one.checkpoint_id.startswith(point)]
    if len(found) != 1:
        steps = ", ".join(str(one.step) for one in own) or "none"
        raise NotFound(
            f"run {run_id} has {len(found) or 'no'} checkpoints that {point!r} stands for; "
            f"it sealed them at steps {steps}",
            code="AMBIGUOUS_ID" if found else "UNKNOWN_ID", subject=wanted,
            way_out="`clearway audit list checkpoints` shows them; give the step or the id",
        )  # fmt: skip
    return found[0]


def _check_same(was: ReleaseRow, now: ReleaseRow) -> None:
    differing = [name for name in asdict(was) if getattr(was, name) != getattr(now, name)]
    if differing:
        raise Contradiction(
            f"release {was.release_id} is on record with another {', '.join(differing)}: "
            f"{', '.join(str(getattr(was, name)) for name in differing)}",
            code="RELEASE_TAKEN", subject=was.release_id,
            way_out="what was published stays on record; give another --version",
        )  # fmt: skip


def _row(doc: Mapping[str, Any]) -> ReleaseRow:
    told = date.fromisoformat(doc["published"]) if doc["published"] else None
    return ReleaseRow(**{**doc, "published": told, "uris": tuple(doc["uris"])})
