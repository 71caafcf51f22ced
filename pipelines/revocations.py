"""The signed revocation list: what every trainer must not touch, derived from the catalog.

In: the revocations on record. Out: the list, signed and in place. A source that is lost as a whole
is one entry; of what is less than a source, each clip that lies in a training set is one. Whole
sets are listed only once their bytes are erased.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from catalog import reach, rights, training_sets
from catalog.covered import pieces_of
from catalog.engine import open_catalog, reading, source_lock
from catalog.pieces import whole_sources
from licensing.errors import PaperError
from licensing.manifest import (
    REVOCATIONS_TYPE,
    Revocations,
    instant,
    open_revocations,
    revocation_list,
    sign_statement,
)
from pipelines.keys import signing_secret, trusted_publics
from pipelines.storage import drop_unfinished, exists, read_bytes, write_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.rights import Revocation
    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings

FRESH = timedelta(days=7)


def publish_revocations(settings: Settings, *, now: datetime) -> int:
    """Sign the revocation list anew from the catalog and put it in place; return its sequence.

    The same entries keep their sequence and are fresh for another week; other entries raise it.
    """
    lock = source_lock(open_catalog(settings.catalog_url), "revocations", settings.locks_dir)
    with lock:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            entries = entries_of(session, now.date())
            sequence = len(rights.revocations(session))
        published = published_list(settings)
        if published is not None:
            grown = [dict(one) for one in published.entries] != entries
            sequence = max(sequence, published.sequence + (1 if grown else 0))
        doc = revocation_list(sequence, issued_at=now, fresh_until=now + FRESH, entries=entries)
        raw = sign_statement(doc, payload_type=REVOCATIONS_TYPE, secret=signing_secret(settings))
        drop_unfinished(settings.revocations)
        write_bytes(settings.revocations, raw)
    return sequence


def published_list(settings: Settings) -> Revocations | None:
    """The revocation list that is in place, None without one that our keys signed."""
    if not exists(settings.revocations):
        return None
    try:
        return open_revocations(read_bytes(settings.revocations), trusted_publics(settings))
    except PaperError:
        return None


def entries_of(session: Session, day: date) -> list[dict[str, Any]]:
    """The entries of the list as of a day, in the order of their revocations, each thing once."""
    sets = training_sets.training_sets(session)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for one in rights.revocations(session):
        if one.at <= day or one.reason == "void":
            for entry in _entries(session, one, sets):
                found.setdefault((entry["kind"], entry["id"]), entry)
    return list(found.values())


def _entries(
    session: Session, revocation: Revocation, sets: tuple[TrainingSetRow, ...]
) -> Iterator[dict[str, Any]]:
    pieces = pieces_of(revocation)
    for source_id in whole_sources(pieces):
        held = {one.set_id for one in sets if source_id in one.sources}
        yield _entry(revocation, ("source", source_id), _successor(sets, held))
    places = reach.places_of(session, reach.part_clips(session, pieces))
    by_clip: dict[str, set[str]] = {}
    for set_id, _shard, clip_id in places:
        by_clip.setdefault(clip_id, set()).add(set_id)
    held = {set_id for set_id, _shard, _clip in places}
    for clip_id in sorted(by_clip):
        yield _entry(revocation, ("clip", clip_id), _successor(sets, held))


def _entry(
    revocation: Revocation, subject: tuple[str, str], successor: str | None
) -> dict[str, Any]:
    since = datetime.combine(revocation.at, datetime.min.time(), tzinfo=UTC)
    return {
        "kind": subject[0],
        "id": subject[1],
        "reason": revocation.reason,
        "at": instant(since),
        "successor": successor,
    }


def _successor(sets: Iterable[TrainingSetRow], held: set[str]) -> str | None:
    """The manifest to go on with, if there is exactly one: the newest version without the thing."""
    latest = {one.name: one for one in sorted(sets, key=lambda one: one.version)}
    names = {one.name for one in sets if one.set_id in held}
    clean = {latest[one].manifest_digest for one in names if latest[one].set_id not in held}
    return clean.pop() if len(clean) == 1 else None
