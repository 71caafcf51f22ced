"""Revoke: end rights, tell every trainer at once, and show what it reaches and costs.

In: a source, file, span, party or instrument, a reason, a day. Out: facts closed and the revocation
on record in one transaction, the signed list published in the same act, every recorded request
decided anew, the blast radius with what each checkpoint saw, and the draft of a notice.

A source or party ends its grounds; a file or span gets a layer that is over. Void acts from the
start, all else from its day on. The list names whole sources, and clips where less than a source is
lost; it is derived from the catalog, so that publishing it again is safe and heals a killed run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog import coverage, decisions, files, log, requests, rights
from catalog.acts import record_act
from catalog.closing import bars_of, close
from catalog.covered import pieces_of
from catalog.engine import open_catalog, reading, transaction
from licensing.request import read_request, request_digest, undated
from pipelines.clear import clear
from pipelines.documents.revocation import REASONS, Revoked, build_notice
from pipelines.errors import RevocationError
from pipelines.heads import checkpoint
from pipelines.keys import signing_secret
from pipelines.loss import Progress, loss_of
from pipelines.revocations import entries_of, publish_revocations, published_list
from pipelines.storage import write_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.coverage import Cover
    from catalog.rights import Revocation
    from pipelines.settings import Settings

SLACK: Final = timedelta(seconds=1)  # by which the clocks of two machines may be apart
_ONLY_OPEN: Final = frozenset({"expired", "ended", "breach", "withdrawn"})


def revoke(  # noqa: PLR0913 - what, why, from when, by whom: none has a default
    wanted: str,
    settings: Settings,
    *,
    reason: str,
    at: date,
    now: datetime,
    run_id: str,
    of: str = "source",
    span: tuple[int, int] | None = None,
    dry_run: bool = False,
    actor: str = "",
    progress: Progress | None = None,
) -> Revoked:
    """End the rights in `wanted` from the day `at` on, and publish it.

    `of` says what `wanted` names: a source, a file (SOURCE/PATH or sha256), a span (an episode,
    with `span` in nanoseconds of its clock), a party or an instrument.
    Who `actor` names stands in the log beside it.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        Contradiction: SPAN_OUTSIDE.
        RevocationError: ALREADY_REVOKED, ALREADY_EXPIRED, REASON_UNKNOWN, SUBJECT_UNKNOWN,
            CLOCK_BACKWARDS.
        CatalogUnreachable: CATALOG_READ_ONLY.
    """
    _check_words(reason, of)
    asked = _Asked(of=of, wanted=wanted, span=span, reason=reason, at=at, now=now,
                   actor=actor)  # fmt: skip
    if dry_run:
        return _report(_looked_up(asked, settings), asked, settings, progress=progress)
    signing_secret(settings)  # without a key nothing may begin
    with transaction(open_catalog(settings.catalog_url)) as session:
        cover, before = _resolved(session, asked)
        if before is None:
            _check_clock(session, now)
            _check_open(cover, asked)
        revocation = before or _closed(session, cover, asked)
    if before is not None:
        if _is_done(before, settings, now=now):
            raise _already(before)
        asked = replace(asked, reason=before.reason, at=before.at)
    checkpoint(settings, now=now)
    sequence = publish_revocations(settings, now=now)
    verdicts = _decided(cover.sources, settings, now=now, run_id=run_id)
    found = _report(cover, asked, settings, progress=progress)
    done = replace(found, dry_run=False, sequence=sequence, verdicts=verdicts)
    return _drafted(replace(done, resumed=before is not None), revocation, settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A revocation as it was asked for."""

    of: str
    wanted: str
    span: tuple[int, int] | None
    reason: str
    at: date
    now: datetime
    actor: str


def _check_words(reason: str, of: str) -> None:
    for word, known, code in (
        (reason, tuple(REASONS), "REASON_UNKNOWN"),
        (of, coverage.SUBJECTS, "SUBJECT_UNKNOWN"),
    ):
        if word not in known:
            raise RevocationError(
                f"got {word!r}, expected one of {', '.join(known)}",
                code=code,
                subject=word,
                way_out=f"give one of {', '.join(known)}",
            )


def _resolved(session: Session, asked: _Asked) -> tuple[Cover, Revocation | None]:
    """What is covered, and the revocation that is on record for the same subject.

    What was recorded then is what was revoked: of that, a second attempt goes on.
    """
    cover = coverage.cover_of(session, asked.of, asked.wanted, at=asked.at, span=asked.span)
    found = rights.revocations_of(session, cover.kind, cover.subject_id)
    if not found:
        return cover, None
    return replace(cover, pieces=pieces_of(found[-1])), found[-1]


def _closed(session: Session, cover: Cover, asked: _Asked) -> Revocation:
    """Close the facts, and say in the same transaction who did so, if somebody is named."""
    made = close(session, cover, reason=asked.reason, at=asked.at, now=asked.now)
    if asked.actor:
        record_act(
            session, "revoke", actor=asked.actor, subject=made.subject_id, now=asked.now,
            about={"revocation": made.revocation_id, "of": cover.kind, "reason": asked.reason},
        )  # fmt: skip
    return made


def _looked_up(asked: _Asked, settings: Settings) -> Cover:
    """What would be revoked, refused for the same reasons as the act."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        cover, before = _resolved(session, asked)
        if before is not None:
            raise _already(before)
        _check_clock(session, asked.now)
    _check_open(cover, asked)
    return cover


def _check_clock(session: Session, now: datetime) -> None:
    newest = log.newest(session)
    if newest is not None and now < newest - SLACK:
        raise RevocationError(
            f"it is {log.stamp(now)} by this clock, but the newest record is of "
            f"{log.stamp(newest)}: a clock runs backwards",
            code="CLOCK_BACKWARDS",
            subject=log.stamp(now),
            way_out="set the clock of this machine right, then run this again",
        )


def _check_open(cover: Cover, asked: _Asked) -> None:
    """What has expired cannot end again; an order, takedown or voidness is another matter."""
    if cover.ended and not cover.facts and not cover.bars and asked.reason in _ONLY_OPEN:
        raise RevocationError(
            f"{cover.kind} {cover.subject_id}: all {cover.ended} grounds had ended by {asked.at}, "
            "expected one that is open",
            code="ALREADY_EXPIRED",
            subject=cover.subject_id,
            way_out="nothing is left to end; for a takedown, an order or voidness give --reason",
        )


def _is_done(before: Revocation, settings: Settings, *, now: datetime) -> bool:
    """Has the revocation been carried out to its end: listed, and every request decided since?"""
    published = published_list(settings)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        listed = published is not None and [dict(one) for one in published.entries] == entries_of(
            session, now.date()
        )
        touched = {one.source_id for one in pieces_of(before)}
        decided = _last_decided(session, touched)
    drafted = (_folder(before, settings) / "notice.json").is_file()
    return listed and drafted and all(one >= before.recorded_at for one in decided)


def _last_decided(session: Session, source_ids: set[str]) -> Iterable[datetime]:
    """When each request was last decided over each of these sources; parts get other keys."""
    found: dict[tuple[str, str], datetime] = {}
    for one in requests.requests(session):
        for row in decisions.latest_decisions(session, _digest_of(one.doc)):
            if row.source_id in source_ids:
                key = (one.name, row.source_id)
                found[key] = max(row.known, found.get(key, row.known))
    return found.values()


def _already(before: Revocation) -> RevocationError:
    return RevocationError(
        f"{before.subject_kind} {before.subject_id} was revoked from {before.at} on "
        f"({before.reason})",
        code="ALREADY_REVOKED",
        subject=before.subject_id,
        way_out="nothing is left to do; `clearway audit trace` shows what it reached",
    )


def _decided(
    source_ids: Sequence[str], settings: Settings, *, now: datetime, run_id: str
) -> dict[str, str]:
    """Decide every recorded request anew; of several sources, how many came out how."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        names = tuple(one.name for one in requests.requests(session))
    found = {}
    for name in names:
        done = clear(name, settings, now=now, run_id=run_id)
        own = [one for one in done.rows if one.source in source_ids]
        words = [f"{one.verdict} ({', '.join(one.reasons)})" for one in own]
        counts = Counter(one.verdict for one in own)
        found[name] = (
            words[0]
            if len(words) == 1
            else ", ".join(f"{word} {counts[word]}" for word in sorted(counts))
        )
    return found


def _digest_of(doc: Mapping[str, Any]) -> str:
    """The digest under which decisions about a request are recorded, whatever day it is asked."""
    return request_digest(undated(read_request(doc)))


def _report(
    cover: Cover, asked: _Asked, settings: Settings, *, progress: Progress | None
) -> Revoked:
    loss = loss_of(cover.pieces, settings, progress=progress)
    return Revoked(
        kind=cover.kind,
        subject=cover.subject_id,
        reason=asked.reason,
        at=asked.at,
        dry_run=True,
        sequence=0,
        facts=len(cover.facts),
        bars=len(bars_of(cover, asked.reason)),
        kept=cover.kept,
        sources=cover.sources,
        clips=loss.clips,
        shards=loss.radius.shards,
        training_sets=loss.radius.training_sets,
        runs=loss.radius.runs,
        checkpoints=loss.checkpoints,
        last_clean_checkpoint=loss.last_clean_checkpoint,
        retrain=loss.retrain,
        releases=loss.releases,
        verdicts={},
    )


def _drafted(done: Revoked, before: Revocation, settings: Settings) -> Revoked:
    """Write the notice into the home; its JSON comes last and says that it is whole."""
    folder = _folder(before, settings)
    said = replace(done, subject=_by_content(done, settings))
    for name, raw in build_notice(said).items():
        write_bytes(str(folder / name), raw)
    return replace(done, notice=str(folder))


def _by_content(done: Revoked, settings: Settings) -> str:
    """The subject as a notice names it: of a file SOURCE/SHA256, as an erasure takes its name."""
    source_id, _, path = done.subject.partition("/")
    if done.kind != "file" or not path:
        return done.subject
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        held = files.held(session, source_id)
    return ", ".join(sorted({f"{source_id}/{one.sha256}" for one in held if one.path == path}))


def _folder(revocation: Revocation, settings: Settings) -> Path:
    return settings.home / "revocations" / revocation.revocation_id[:16]
