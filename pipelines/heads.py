"""Sign the head of the log after every act that others rely on, and show what it proves.

In: the catalog and the key of the home. Out: a checkpoint of C2SP, kept in the catalog and in the
home: whoever rewrites one of them is found by the other, or by a copy that somebody else holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import heads, log, personal, subjects, tree
from catalog.audit import LogReport, Progress, verify_log
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import LogBroken
from catalog.heads import Head
from licensing.errors import PaperError
from licensing.note import log_proof, open_head, sign_head
from pipelines.keys import rotate_keys, signing_secret, trusted_publics
from pipelines.storage import write_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings


def checkpoint(settings: Settings, *, now: datetime) -> str:
    """Sign the head of the log, unless nothing was appended since the last one; its note.

    Raises:
        LogBroken: LOG_EMPTY if nothing is on record.
        KeysError: KEY_MISSING, KEY_INVALID.
    """
    secret = signing_secret(settings)
    with transaction(open_catalog(settings.catalog_url)) as session:
        head = heads.current_head(session)
        if head is None:
            head = _sign(session, secret)
            heads.record_head(session, head, now=now)
        # While the lock is held, so that no older head takes its place. It is over leaves that are
        # committed: it stays true whatever becomes of this transaction.
        write_bytes(str(kept_in(settings)), head.note.encode())
    return head.note


def rotate(settings: Settings, *, now: datetime) -> str:
    """Sign with a new key from now on, and have the log say so; return its id.

    Raises:
        KeysError: KEY_MISSING if there is no key to replace.
    """
    key = rotate_keys(settings)
    doc = {"public": trusted_publics(settings)[0].hex()}
    with transaction(open_catalog(settings.catalog_url)) as session:
        log.append(session, "signing_key", subject=key, doc=doc, now=now)
    checkpoint(settings, now=now)
    return key


def verify(settings: Settings, *, progress: Progress | None = None) -> LogReport:
    """Read everything again: the log, every row it vouches for, every head that was signed.

    Raises:
        LogBroken: LOG_BROKEN if a table cannot be read at all.
    """
    publics = trusted_publics(settings)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        report = verify_log(session, progress=progress)
        broken = [*report.broken, *personal.faults(session), *subjects.faults(session),
                  *_lost(session, report, settings)]  # fmt: skip
        if not any(one.startswith("log_heads") for one in broken):
            broken += _unsigned(session, publics)
    return replace(report, broken=tuple(broken))


def prove(what: str, settings: Settings, *, older: str, now: datetime) -> bytes:
    """The file that proves the entries of `what`, and that the log continues the note `older`.

    Either may be empty.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        PaperError: HEAD_MALFORMED, KEY_UNKNOWN or SIGNATURE_BAD for the note.
        LogBroken: LOG_BROKEN if the log does not begin with what the note is over.
    """
    publics = trusted_publics(settings)
    old = _opened(older, publics) if older else None
    note = checkpoint(settings, now=now)
    size = _opened(note, publics).size
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        found = heads.entries(session, heads.leaves_of(session, what), size=size) if what else []
        since = None if old is None else heads.growth(session, old, size=size)
    return log_proof(note, found, since)


def proof_on_record(session: Session, leaf: int) -> bytes:
    """The file that proves one entry under the newest signed head; nothing is signed for it.

    Raises:
        LogBroken: NOT_SIGNED if no head is over that entry yet.
    """
    head = heads.newest_head(session)
    if head is None or leaf >= head.size:
        raise LogBroken(
            f"no signed head is over entry {leaf} yet: "
            f"{'none was signed' if head is None else f'the newest is over {head.size} entries'}",
            code="NOT_SIGNED",
            subject=str(leaf),
            way_out="sign one: `clearway audit log checkpoint`",
        )
    return log_proof(head.note, heads.entries(session, [leaf], size=head.size), None)


def kept_in(settings: Settings) -> Path:
    """The file of the home that holds the newest head."""
    return settings.home / "log.checkpoint"


def _sign(session: Session, secret: bytes) -> Head:
    size, root = tree.head(session)
    if not size:
        raise LogBroken(
            "the log has no entry yet, expected at least one",
            code="LOG_EMPTY",
            subject="log_leaves",
            way_out="register a source first: `clearway source add`",
        )
    note = sign_head(heads.origin(session), size=size, root=root, secret=secret)
    return Head(size=size, root=root, note=note)


def _unsigned(session: Session, publics: Sequence[bytes]) -> Iterator[str]:
    """The heads on record that no trusted key has signed; what they say is compared elsewhere."""
    for head in heads.heads(session):
        try:
            said = _opened(head.note, publics)
        except PaperError as error:
            yield f"log_heads {head.size}: {error}"
            continue
        if said != head:
            yield f"log_heads {head.size}: its note is over {said.size} entries, root {said.root}"


def _lost(session: Session, report: LogReport, settings: Settings) -> Iterator[str]:
    """What the head in the home says against the log."""
    path = kept_in(settings)
    if not path.is_file():
        if any(True for _ in heads.heads(session)):
            yield f"{path.name}: missing, heads were signed"
        return
    try:
        head = _opened(path.read_text(encoding="utf-8"), trusted_publics(settings))
    except (PaperError, UnicodeDecodeError) as error:
        yield f"{path.name}: {error}"
        return
    if head.size > report.size:
        yield f"log_leaves {report.size}: missing, {path.name} is over {head.size} entries"
        return
    try:
        root = tree.head(session, head.size)[1]
    except LogBroken:  # a node or a leaf is missing, which the report says
        return
    if root != head.root:
        yield f"log_leaves: the first {head.size} are not those that {path.name} is over"


def _opened(note: str, publics: Sequence[bytes]) -> Head:
    found = open_head(note, publics)
    return Head(size=found.size, root=found.root, note=note)
