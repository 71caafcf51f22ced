"""The station: erase what a revocation has ended, read back that it is gone, and certify it.

In: a source, or one file of it. Out: what was erased, what remains, and a signed certificate that
is a record of the log. What was found is noted before the first byte goes; every step after it may
be repeated, so an erasure that was killed is run again and ends with the same counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import erasures, personal
from catalog.engine import open_catalog, reading, source_lock, transaction
from licensing.manifest import instant
from pipelines.erase.certificate import certificate, keep, signed
from pipelines.erase.finding import found, left, remains
from pipelines.erase.places import erase_from_home
from pipelines.erase.prefixes import erase_prefix, wait_for_readers
from pipelines.erase.scope import scope_of
from pipelines.erase.sets import erase_from_sets
from pipelines.errors import ErasureError
from pipelines.heads import checkpoint
from pipelines.keys import signing_secret
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.erasing import erase_rows
from pipelines.storage import join

if TYPE_CHECKING:
    from catalog.erasures import Erasure
    from pipelines.erase.scope import Scope
    from pipelines.settings import Settings

WAIT_S = 60.0
STEPS = ("lake", "training sets", "home", "records", "database", "certificate")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure took or would take; `already` when an earlier one has."""

    subject: Mapping[str, str]
    dry_run: bool
    already: bool
    found: Mapping[str, Any]
    remains: Mapping[str, Any]
    erasure_id: str = ""
    certificate: str = ""  # where it lies

    def line(self) -> dict[str, Any]:
        """The report as `erase --json` prints it."""
        return {
            **self.subject,
            "dry_run": self.dry_run,
            "already": self.already,
            "erased": dict(self.found),
            "remains": dict(self.remains),
            "erasure": self.erasure_id or None,
            "certificate": self.certificate or None,
        }

    def summary(self) -> str:
        """Say it in a few lines."""
        name = f"{self.subject['kind']} {self.subject['id']}"
        if self.already:
            return f"{name}: erased before, nothing is left; certificate {self.certificate}"
        act = "would erase" if self.dry_run else "erased"
        seen, rest = self.found, self.remains
        sets = ", ".join(f"{one} ({rows} rows)" for one, rows in seen["training_sets"].items())
        lines = [
            f"{name}: {act} {', '.join(f'{n} {what}' for what, n in seen['lake'].items())} of lake",
            f"training sets: {sets or 'none'}",
            "home: " + ", ".join(f"{number} {what}" for what, number in seen["home"].items()),
            f"names and messages: {seen['texts']}",
            f"remains: copies of other sources {len(rest['copies_of_other_sources'])}, "
            f"checkpoints that saw it {len(rest['checkpoints'])}, "
            f"names in older records {rest['names_in_older_records']}",
        ]
        return "\n".join([*lines, *([f"certificate {self.certificate}"] * (not self.dry_run))])


def erase(  # noqa: PLR0913 - what, when, how: the last three are the edge's
    source_id: str,
    settings: Settings,
    *,
    file: str = "",
    now: datetime,
    dry_run: bool = False,
    wait_s: float = WAIT_S,
    progress: Progress | None = None,
) -> Erased:
    """Erase a source, or one `file` of it (a path or sha256), whose rights were revoked.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        ErasureError: NOT_REVOKED, READER_IN_THE_WAY, ERASURE_RESIDUE.
        CatalogError: SOURCE_LOCKED, CATALOG_BUSY after `wait_s` seconds; CATALOG_READ_ONLY.
        LakeError: LAKE_REFERENCED for a branch that keeps older versions.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        scope = scope_of(session, source_id, file=file, now=now, must_be_revoked=True)
    if dry_run:
        return Erased(
            subject=scope.subject,
            dry_run=True,
            already=False,
            found=found(scope, settings),
            remains=remains(scope, settings),
        )
    engine = open_catalog(settings.catalog_url)
    with source_lock(engine, scope.source_id, settings.locks_dir, timeout_s=wait_s):
        seen = found(scope, settings)
        if (before := standing(scope, seen, settings)) is not None:
            return before
        noted = carry_out(scope, settings, now=now, wait_s=wait_s, told=progress)
        doc = certificate(scope, noted, remains(scope, settings), now=now)
        done = signed(doc, signing_secret(settings))
        record(scope, done, settings, now=now)
    path = keep(done, settings)
    checkpoint(settings, now=now)
    return Erased(
        subject=scope.subject,
        dry_run=False,
        already=False,
        found=doc["erased"],
        remains=doc["remains"],
        erasure_id=done.erasure_id,
        certificate=path,
    )


def standing(scope: Scope, seen: dict[str, Any], settings: Settings) -> Erased | None:
    """The erasure on record when nothing of the scope is there and none is under way."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        under_way = erasures.begun(session, scope.key) is not None
        ours = [
            one
            for one in erasures.erasures(session, scope.source_id)
            if one.subject_id in {scope.source_id, scope.subject["id"]}
        ]
    if under_way or not ours or left(seen):
        return None
    return Erased(
        subject=scope.subject,
        dry_run=False,
        already=True,
        found=seen,
        remains=remains(scope, settings),
        erasure_id=ours[-1].erasure_id,
        certificate=keep(ours[-1], settings),
    )


def carry_out(
    scope: Scope, settings: Settings, *, now: datetime, wait_s: float, told: Progress | None
) -> dict[str, Any]:
    """Erase, read back, and return what was found when it began; the caller holds the lock."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        seen = {
            "found": found(scope, settings),
            "begun_at": instant(now),
            "revocation": scope.revocation_id,
        }
        noted = erasures.begin(session, scope.key, seen, source_id=scope.source_id, now=now)
    steps: tuple[Callable[[], None], ...] = (
        lambda: _erase_from_lake(scope, settings, wait_s=wait_s),
        lambda: erase_from_sets(scope, settings, wait_s=wait_s),
        lambda: erase_from_home(scope, settings, wait_s=wait_s),
        lambda: _forget(scope, settings),
        lambda: erasures.scrub(open_catalog(settings.catalog_url), wait_s=wait_s),
        lambda: _read_back(scope, settings),
    )
    for number, step in enumerate(steps):
        if told is not None:
            told(f"erase {scope.source_id}: {STEPS[number]}", number, len(steps))
        step()
    return noted


def record(scope: Scope, done: Erasure, settings: Settings, *, now: datetime) -> None:
    """Record the certificate and end the working state, in one transaction."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        erasures.record_erasure(session, done, subject=scope.key, now=now)


def _erase_from_lake(scope: Scope, settings: Settings, *, wait_s: float) -> None:
    """The whole prefix of a source; of a file its rows, media first: the rest tells its tracks."""
    prefix = join(settings.lake, scope.source_id)
    if not scope.sha256:
        erase_prefix(prefix, wait_s=wait_s)
        return
    wait_for_readers(prefix, wait_s=wait_s)
    for name, where in scope.rows_of_lake(settings.lake).items():
        erase_rows(dataset_uri(settings.lake, scope.source_id, name), where)


def _forget(scope: Scope, settings: Settings) -> None:
    """Delete names and messages, and the working state that holds them, too."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        personal.forget(session, scope.source_id, scope.texts)
        if scope.sha256:
            erasures.rewrite_batches(session, scope.source_id, scope.contents)
        else:
            erasures.drop_batches(session, scope.source_id)


def _read_back(scope: Scope, settings: Settings) -> None:
    """Look for it all again.

    Raises:
        ErasureError: ERASURE_RESIDUE when anything is there.
    """
    rest = left(found(scope, settings))
    if rest:
        raise ErasureError(
            f"{scope.key}: read back, and still there: {', '.join(rest)}",
            code="ERASURE_RESIDUE",
            subject=scope.key,
            way_out="end whatever writes there, then run the same command again",
        )
