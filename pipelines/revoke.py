"""Revoke: end the rights of a source, tell every trainer at once, and show what it reaches.

In: a source, a reason, a day. Out: facts closed, the revocation on record, the signed revocation
list published in the same act, every recorded request decided anew, and the blast radius.

The list names the source, so that a set that holds its rows is refused at start and a run that is
under way drops them at one step. Whole sets are listed only once their bytes are erased. The list
is derived from the catalog: publishing it again is always safe, and heals a run that was killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from catalog import lineage, requests, rights, sources, training_sets
from catalog.engine import open_catalog, reading, source_lock, transaction
from licensing.errors import PaperError
from licensing.manifest import (
    REVOCATIONS_TYPE,
    Revocations,
    digest,
    instant,
    open_revocations,
    revocation_list,
    sign_statement,
)
from pipelines.clear import clear
from pipelines.errors import RevocationError
from pipelines.heads import checkpoint
from pipelines.keys import signing_secret, trusted_publics
from pipelines.storage import exists, read_bytes, write_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.lineage import BlastRadius
    from catalog.rights import Revocation
    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings

FRESH = timedelta(days=7)
REASONS = rights.ENDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What a revocation ended and reaches; `sequence` is that of the published list."""

    source: str
    reason: str
    at: date
    sequence: int
    facts: int
    dry_run: bool
    verdicts: Mapping[str, str]  # request -> verdict now
    radius: BlastRadius

    def line(self) -> dict[str, Any]:
        """The report as `revoke --json` prints it."""
        reach = self.radius
        return {
            "source": self.source,
            "reason": self.reason,
            "at": self.at.isoformat(),
            "dry_run": self.dry_run,
            "sequence": self.sequence,
            "facts": self.facts,
            "verdicts": dict(self.verdicts),
            "clips": len(reach.clips),
            "shards": [list(one) for one in reach.shards],
            "training_sets": list(reach.training_sets),
            "runs": list(reach.runs),
            "checkpoints": list(reach.checkpoints),
            "last_clean_checkpoint": reach.last_clean_checkpoint,
        }

    def summary(self) -> str:
        """Say it in a few lines."""
        reach = self.radius
        act = "would end" if self.dry_run else "ended"
        lines = [
            f"{self.source}: {act} {self.facts} facts from {self.at} on ({self.reason})",
            f"reaches {len(reach.clips)} clips, {len(reach.shards)} shards",
            f"training sets: {', '.join(reach.training_sets) or 'none'}",
            f"runs: {_short(reach.runs)}",
            f"checkpoints that saw it: {_short(reach.checkpoints)}",
            f"last clean checkpoint: {reach.last_clean_checkpoint or 'none'}",
        ]
        if not self.dry_run:
            lines.append(f"revocation list {self.sequence} is published")
            lines += [f"request {name}: now {word}" for name, word in self.verdicts.items()]
        return "\n".join(lines)


def revoke(  # noqa: PLR0913 - what, why, from when, by whom: none has a default
    source_id: str,
    settings: Settings,
    *,
    reason: str,
    at: date,
    now: datetime,
    run_id: str,
    dry_run: bool = False,
) -> Revoked:
    """End the rights of a source from the day `at` on, and publish it.

    Raises:
        NotFound: UNKNOWN_ID.
        RevocationError: ALREADY_REVOKED, REASON_UNKNOWN.
    """
    if reason not in REASONS:
        raise RevocationError(
            f"reason {reason!r}, expected one of {', '.join(REASONS)}",
            code="REASON_UNKNOWN",
            subject=reason,
            way_out=f"give one of {', '.join(REASONS)}",
        )
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name = sources.source(session, source_id).source_id
        before = _standing(session, name)

        radius = lineage.blast_radius(session, name)
        open_facts = _open_facts(session, name, at)
        stored = tuple(one.name for one in requests.requests(session))
    if before is not None:
        raise _already(before, settings, dry_run=dry_run, now=now)
    sequence, verdicts = 0, {}
    if not dry_run:
        _end(settings, (name, open_facts), reason=reason, at=at, now=now)
        checkpoint(settings, now=now)
        sequence = publish_revocations(settings, now=now)
        verdicts = {one: _verdict(one, name, settings, now=now, run_id=run_id) for one in stored}
    return Revoked(
        source=name,
        reason=reason,
        at=at,
        sequence=sequence,
        facts=len(open_facts),
        dry_run=dry_run,
        verdicts=verdicts,
        radius=radius,
    )


def publish_revocations(settings: Settings, *, now: datetime) -> int:
    """Sign the revocation list anew from the catalog and put it in place; return its sequence.

    The same entries keep their sequence and are fresh for another week; other entries raise it.
    """
    lock = source_lock(open_catalog(settings.catalog_url), "revocations", settings.locks_dir)
    with lock:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            ends = [one for one in rights.revocations(session) if one.at <= now.date()]
            entries = [_entry(one, training_sets.training_sets(session)) for one in ends]
        published = published_list(settings)
        sequence = len(ends)
        if published is not None:
            grown = [dict(one) for one in published.entries] != entries
            sequence = max(sequence, published.sequence + (1 if grown else 0))
        doc = revocation_list(sequence, issued_at=now, fresh_until=now + FRESH, entries=entries)
        raw = sign_statement(doc, payload_type=REVOCATIONS_TYPE, secret=signing_secret(settings))
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


def _short(ids: Iterable[str]) -> str:
    return ", ".join(one[:12] for one in ids) or "none"


def _standing(session: Session, source_id: str) -> Revocation | None:
    ours = [one for one in rights.revocations(session) if one.subject_id == source_id]
    return ours[-1] if ours else None


def _open_facts(session: Session, source_id: str, at: date) -> tuple[str, ...]:
    """The bases of the source that have not ended by `at`."""
    bases = [one for one in rights.facts_of(session, source_id) if one.kind == "basis"]
    ended = {
        one.fact_id
        for one in rights.ends_of(session, [each.fact_id for each in bases])
        if one.ends_at <= at
    }
    return tuple(one.fact_id for one in bases if one.fact_id not in ended)


def _end(
    settings: Settings,
    what: tuple[str, tuple[str, ...]],
    *,
    reason: str,
    at: date,
    now: datetime,
) -> None:
    source_id, facts = what
    with transaction(open_catalog(settings.catalog_url)) as session:
        for fact_id in facts:
            rights.end_fact(session, fact_id, at=at, kind=reason, reason="revoked", now=now)
        revocation = rights.Revocation(
            revocation_id=digest({"source": source_id, "at": at.isoformat(), "now": instant(now)}),
            subject_kind="source",
            subject_id=source_id,
            reason=reason,
            at=at,
            recorded_at=now,
        )
        rights.record_revocation(session, revocation, now=now)


def _verdict(
    request: str, source_id: str, settings: Settings, *, now: datetime, run_id: str
) -> str:
    done = clear(request, settings, now=now, run_id=run_id)
    row = next(one for one in done.rows if one.source == source_id)
    return f"{row.verdict} ({', '.join(row.reasons)})"


def _entry(revocation: Revocation, sets: tuple[TrainingSetRow, ...]) -> dict[str, Any]:
    """One line of the list; it names the manifest to go on with if there is exactly one."""
    since = datetime.combine(revocation.at, datetime.min.time(), tzinfo=UTC)
    held = [one for one in sets if revocation.subject_id in one.sources]
    latest = {one.name: one for one in sorted(sets, key=lambda one: one.version)}
    clean = {
        latest[one.name].manifest_digest
        for one in held
        if revocation.subject_id not in latest[one.name].sources
    }
    return {
        "kind": revocation.subject_kind,
        "id": revocation.subject_id,
        "reason": revocation.reason,
        "at": instant(since),
        "successor": clean.pop() if len(clean) == 1 else None,
    }


def _already(
    before: Revocation, settings: Settings, *, dry_run: bool, now: datetime
) -> RevocationError:
    """Refuse, but leave the list published: the first attempt may have been killed before that."""
    if not dry_run:
        publish_revocations(settings, now=now)
    return RevocationError(
        f"source {before.subject_id} was revoked from {before.at} on ({before.reason})",
        code="ALREADY_REVOKED",
        subject=before.subject_id,
        way_out="nothing is left to do; `clearway audit trace` shows what it reached",
    )
