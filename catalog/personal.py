"""Personal: names of files and messages that may identify a person, the only rows erasure deletes.

A record holds a commitment in the place of the text: the digest of a salt that nobody can guess
and of the text. Its row here holds salt and text. Once the row is gone the record stays what it
was, the log fits it as before, and nobody can find out what the text was by trying.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, func, insert, literal, select, text
from sqlalchemy.orm import Session

from catalog import records, schema
from catalog.records import Stored
from licensing.manifest import sha256_hex

MARK: Final = "personal:"
NAMED: Final = (schema.files, schema.quarantine)  # their column `path` is a commitment
_TOKEN: Final = re.compile(rf"{MARK}[0-9a-f]{{64}}")


def commitments(session: Session, source_id: str, texts: Iterable[str]) -> dict[str, str]:
    """Return the commitment to each text, the same one each time for a source; make those missing.

    Equal texts of two sources have two commitments: each source is erased alone.
    """
    wanted = dict.fromkeys(texts)
    known = {said: token for token, said in spoken(session, source_id).items() if said in wanted}
    rows = []
    for said in wanted:
        if said not in known:
            salt = secrets.token_hex(32)
            known[said] = commitment(salt, said)
            rows.append(
                {"personal_id": known[said], "source_id": source_id, "salt": salt, "text": said}
            )
    if rows:
        session.execute(insert(schema.personal), rows)
    return known


def commitment(salt: str, said: str) -> str:
    """The commitment to a text under a salt (hex)."""
    return MARK + sha256_hex(bytes.fromhex(salt) + said.encode())


def spoken(session: Session, source_id: str) -> dict[str, str]:
    """Return the texts of a source by their commitments."""
    table = schema.personal
    query = select(table.c.personal_id, table.c.text).where(table.c.source_id == source_id)
    return {row.personal_id: row.text for row in session.execute(query)}


def heard(session: Session, rows: Sequence[Stored], *names: str) -> list[Stored]:
    """Return records with the texts in the place of the commitments in `names`.

    A commitment whose row was erased stays, and so does a text from before there were commitments.
    """
    tokens = {
        row.doc[name] for row in rows for name in names if str(row.doc[name]).startswith(MARK)
    }
    said = texts(session, tokens)
    return [
        replace(
            row,
            doc=row.doc | {name: said.get(_key(row.doc[name]), row.doc[name]) for name in names},
        )
        for row in rows
    ]


def texts(session: Session, tokens: Iterable[str]) -> dict[str, str]:
    """Return the texts of these commitments; one that was erased is left out."""
    table, found = schema.personal, dict[str, str]()
    for some in _pages(tokens):
        query = select(table.c.personal_id, table.c.text).where(table.c.personal_id.in_(some))
        found.update((row.personal_id, row.text) for row in session.execute(query))
    return found


def tokens_in(doc: str) -> set[str]:
    """Return the commitments in the text of a record."""
    return set(_TOKEN.findall(doc))


def texts_about(session: Session, source_id: str, sha256: str) -> tuple[str, ...]:
    """Return the commitments in records about these bytes, but those about others of the source."""
    own, others = set[str](), set[str]()
    for table in NAMED:
        for row in records.stored(session, table, source_id=source_id):
            found = tokens_in(str(row.doc))
            (own if row.doc["sha256"] == sha256 else others).update(found)
    return tuple(sorted(own - others))


def count(session: Session, source_id: str, tokens: Iterable[str] | None = None) -> int:
    """Return how many texts of a source are there, of all or of some commitments."""
    if tokens is not None:
        return len(texts(session, tokens))
    table = schema.personal
    query = select(func.count()).where(table.c.source_id == source_id)
    return int(session.execute(query).scalar_one())


def plain_names(session: Session, source_id: str) -> int:
    """Return how many records of a source hold a name itself: they are older than revision 0007."""
    total = 0
    for table in NAMED:
        query = select(func.count()).select_from(table).where(table.c.source_id == source_id)
        total += session.execute(query.where(table.c.path.notlike(f"{MARK}%"))).scalar_one()
    return int(total)


def forget(session: Session, source_id: str, tokens: Iterable[str] | None = None) -> None:
    """Delete the texts of a source, all or those of some commitments.

    `catalog.erasures.scrub` takes what the database itself keeps of them after the commit.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("PRAGMA secure_delete=ON"))
    table = schema.personal
    if tokens is None:
        session.execute(delete(table).where(table.c.source_id == source_id))
        return
    for some in _pages(tokens):
        session.execute(delete(table).where(table.c.personal_id.in_(some)))


def faults(session: Session) -> Iterator[str]:
    """Name the texts that are not what was committed to, and those that no erasure has taken."""
    table = schema.personal
    rows = select(table).order_by(table.c.personal_id).execution_options(yield_per=2_000)
    for row in session.execute(rows):
        if _committed(row.salt, row.text) != row.personal_id:
            yield f"personal {row.personal_id}: the row differs from its commitment"
    for named in NAMED:
        query = (
            select(named.c.seq, named.c.path)
            .where(named.c.path.like(f"{MARK}%"))
            .where(~select(literal(1)).where(table.c.personal_id == named.c.path).exists())
            .where(~_erased(named.c.source_id))
            .order_by(named.c.seq)
        )
        for seq, token in session.execute(query):
            yield f"personal {token}: the row is missing, {named.name} seq {seq} commits to it"


def _erased(source_id: Any) -> Any:  # noqa: ANN401 - a column, a condition
    erasures = schema.erasures
    return select(literal(1)).where(erasures.c.source_id == source_id).exists()


def _committed(salt: object, said: object) -> str:
    try:
        return commitment(str(salt), str(said))
    except ValueError:  # no hex digits
        return ""


def _pages(tokens: Iterable[str]) -> Iterator[list[str]]:
    ids = sorted(set(tokens))
    for start in range(0, len(ids), records.LOOKED_UP):
        yield ids[start : start + records.LOOKED_UP]


def _key(value: object) -> str:
    return value if isinstance(value, str) else ""
