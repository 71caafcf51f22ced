"""Subjects of revocations: a file that was named by its path is on record under a commitment.

In: a subject as somebody named it, SOURCE/PATH. Out: SOURCE and the commitment to the path, the
one that the records of the file hold: where an erasure takes the name, it goes from here, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import personal, schema
from catalog.records import Stored


def on_record(session: Session, kind: str, subject_id: str) -> str:
    """Return a subject as it is to be recorded; make the commitment if there is none yet."""
    source_id, path = _named(kind, subject_id)
    if not path:
        return subject_id
    return f"{source_id}/{personal.commitments(session, source_id, [path])[path]}"


def known_as(session: Session, kind: str, subject_id: str) -> tuple[str, ...]:
    """Return what a subject may be called on record: older records name the path itself."""
    source_id, path = _named(kind, subject_id)
    found = personal.committed(session, source_id, [path]) if path else {}
    return (subject_id, *(f"{source_id}/{one}" for one in found.values()))


def heard(session: Session, rows: Sequence[Stored]) -> list[Stored]:
    """Return records of revocations with the name of each file that was not erased."""
    told = [replace(row, doc={**row.doc, "subject_id": _parts(row)}) for row in rows]
    spoken = personal.heard(session, told, "subject_id")
    return [
        replace(row, doc={**row.doc, "subject_id": "/".join(row.doc["subject_id"])})
        for row in spoken
    ]


def plain(session: Session, source_id: str) -> int:
    """Return how many revocations of files of a source name a path itself."""
    rows = (subject for _, subject in _of_files(session, f"{source_id}/"))
    return sum(not one.partition("/")[2].startswith(personal.MARK) for one in rows)


def faults(session: Session) -> Iterator[str]:
    """Name the revocations whose commitment has no row, though no erasure took it."""
    table = schema.erasures
    erased = set(session.execute(select(table.c.source_id)).scalars())
    for seq, subject in _of_files(session, ""):
        source_id, _, token = subject.partition("/")
        is_lost = token.startswith(personal.MARK) and source_id not in erased
        if is_lost and not personal.texts(session, [token]):
            yield f"personal {token}: the row is missing, revocations seq {seq} commits to it"


def _named(kind: str, subject_id: str) -> tuple[str, str]:
    source_id, _, path = subject_id.partition("/")
    is_path = kind == "file" and path and not path.startswith(personal.MARK)
    return source_id, path if is_path else ""


def _parts(row: Stored) -> list[str]:
    """Source and commitment apart, where there is one."""
    subject = str(row.doc["subject_id"])
    source_id, _, path = subject.partition("/")
    return [source_id, path] if path.startswith(personal.MARK) else [subject]


def _of_files(session: Session, begin: str) -> list[tuple[int, str]]:
    table = schema.revocations
    query = select(table.c.seq, table.c.subject_id).where(
        table.c.subject_kind == "file", table.c.subject_id.contains("/", autoescape=True)
    )
    found = session.execute(query.order_by(table.c.seq))
    return [(seq, subject) for seq, subject in found if subject.startswith(begin)]
