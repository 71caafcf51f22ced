"""Personal: names of files and messages that may identify a person, the only rows erasure deletes.

A record holds a commitment in the place of the text: the digest of a salt that nobody can guess
and of the text. Its row here holds salt and text. Once the row is gone the record stays what it
was, the log fits it as before, and nobody can find out what the text was by trying.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Table, delete, func, insert, literal, select, text
from sqlalchemy.orm import Session

from catalog import records, schema
from catalog.records import Stored
from licensing.manifest import sha256_hex

MARK: Final = "personal:"
NAMED: Final = (schema.files, schema.quarantine)  # their column `path` is a commitment
# Where other records may name files: in facts of these kinds, and in what a reader noted.
IN_FACTS: Final = {
    "signal": ("about", "where.path"), "evidence": ("file",), "layer": ("item",),
    "instrument": ("evidence.file", "evidence.found"), "basis": ("evidence.found",),
}  # fmt: skip
IN_EPISODES: Final = ("notes.notes",)
_TOKEN: Final = re.compile(rf"{MARK}[0-9a-f]{{64}}")


def commitments(session: Session, source_id: str, texts: Iterable[str]) -> dict[str, str]:
    """Return the commitment to each text, the same one each time for a source; make those missing.

    Equal texts of two sources have two commitments: each source is erased alone.
    """
    wanted = dict.fromkeys(texts)
    known = committed(session, source_id, wanted) if wanted else {}
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


def committed(session: Session, source_id: str, wanted: Collection[str]) -> dict[str, str]:
    """Return the commitments to those of these texts that have one already."""
    if len(wanted) > records.LOOKED_UP:
        every = spoken(session, source_id)
        return {said: token for token, said in every.items() if said in wanted}
    table = schema.personal
    query = select(table.c.text, table.c.personal_id).where(table.c.source_id == source_id)
    found = session.execute(query.where(table.c.text.in_(list(wanted))))
    return {row.text: row.personal_id for row in found}


def commitment(salt: str, said: str) -> str:
    """The commitment to a text under a salt (hex)."""
    return MARK + sha256_hex(bytes.fromhex(salt) + said.encode())


def spoken(session: Session, source_id: str) -> dict[str, str]:
    """Return the texts of a source by their commitments."""
    table = schema.personal
    query = select(table.c.personal_id, table.c.text).where(table.c.source_id == source_id)
    return {row.personal_id: row.text for row in session.execute(query)}


def kept_names(session: Session, source_id: str) -> frozenset[str]:
    """Return the texts that an erasure of this source has left: said before the first, and still.

    A name that was found again later may be one that was erased: it is not among them.
    """
    table, first = schema.personal, select(func.min(schema.erasures.c.seq))
    before = first.where(schema.erasures.c.source_id == source_id).scalar_subquery()
    found = set[str]()
    for named in NAMED:
        query = (
            select(table.c.text).join(named, named.c.path == table.c.personal_id)
            .where(named.c.source_id == source_id, named.c.seq < before)
        )  # fmt: skip
        found.update(session.execute(query).scalars())
    return frozenset(found)


def meant(name: str, items: Iterable[str | None], kept: Container[str]) -> set[str]:
    """The items that a name of a file stands for: its own, or of an erased one, each not `kept`.

    What was said of an erased file holds for its bytes wherever else they lie. An item that is a
    commitment itself stands for no other.
    """
    if not name.startswith(MARK):
        return {name}
    said = (one for one in items if one is not None and not one.startswith(MARK))
    return {name, *(one for one in said if one not in kept)}


def concealed(
    session: Session, source_id: str, docs: Sequence[Mapping[str, Any]], *places: str
) -> list[dict[str, Any]]:
    """Return documents with commitments in the place of the texts at these places, if any.

    A place is the dotted path of a text, or of a list of texts; it leads through lists, too.
    """
    said = (one for doc in docs for place in places for one in _texts_at(doc, place))
    plain = [one for one in said if not _TOKEN.fullmatch(one)]
    told = commitments(session, source_id, plain)
    return [_put(doc, places, told) for doc in docs]


def heard(session: Session, rows: Sequence[Stored], *places: str) -> list[Stored]:
    """Return records with the texts in the place of the commitments at these places.

    A commitment whose row was erased stays, and so does a text from before there were commitments.
    """
    tokens = {
        one
        for row in rows
        for place in places
        for one in _texts_at(row.doc, place)
        if one.startswith(MARK)
    }
    if not tokens:
        return list(rows)
    said = texts(session, tokens)
    return [replace(row, doc=_put(row.doc, places, said)) for row in rows]


def aloud(session: Session, said: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value with texts in the place of the commitments in it, as people are shown it."""
    found = texts(session, _TOKEN.findall(str(said)))
    return _aloud(said, found) if found else said


def texts(session: Session, tokens: Iterable[str]) -> dict[str, str]:
    """Return the texts of these commitments; one that was erased is left out."""
    table, found = schema.personal, dict[str, str]()
    for some in records.chunks(tokens):
        query = select(table.c.personal_id, table.c.text).where(table.c.personal_id.in_(some))
        found.update((row.personal_id, row.text) for row in session.execute(query))
    return found


def texts_about(session: Session, source_id: str, sha256: str) -> tuple[str, ...]:
    """Return the commitments in records about these bytes, but those about others of the source."""
    own, others = set[str](), set[str]()
    for table in (*NAMED, schema.episodes):
        for row in records.stored(session, table, source_id=source_id):
            about = {row.doc.get("sha256"), *row.doc.get("files", ())}
            (own if sha256 in about else others).update(_TOKEN.findall(str(row.doc)))
    return tuple(sorted(own - others))


def count(session: Session, source_id: str, tokens: Iterable[str] | None = None) -> int:
    """Return how many texts of a source are there, of all or of some commitments."""
    if tokens is not None:
        return len(texts(session, tokens))
    table = schema.personal
    query = select(func.count()).where(table.c.source_id == source_id)
    return int(session.execute(query).scalar_one())


def plain_names(session: Session, source_id: str) -> int:
    """Return how many records of a source hold a name itself: there were no commitments then."""
    total = 0
    for table in NAMED:
        query = select(func.count()).select_from(table).where(table.c.source_id == source_id)
        total += session.execute(query.where(table.c.path.notlike(f"{MARK}%"))).scalar_one()
    noted = records.stored(session, schema.episodes, source_id=source_id)
    total += sum(_is_plain(row.doc, IN_EPISODES) for row in noted)
    for kind, places in IN_FACTS.items():
        facts = records.stored(session, schema.facts, source_id=source_id, kind=kind)
        total += sum(_is_plain(row.doc["said"], places) for row in facts)
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
    for some in records.chunks(tokens):
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
            yield _missing(token, named, seq)
    for table in (schema.facts, schema.episodes):
        yield from _unspoken(session, table)


def _unspoken(session: Session, table: Table) -> Iterator[str]:
    """Name the commitments inside the documents of a table that have no row, and none erased."""
    query = select(table.c.seq, table.c.doc).where(table.c.doc.like(f"%{MARK}%"))
    rows = session.execute(query.where(~_erased(table.c.source_id)).order_by(table.c.seq))
    for some in rows.partitions(records.LOOKED_UP):
        said = [(seq, token) for seq, doc in some for token in sorted({*_TOKEN.findall(doc)})]
        there = texts(session, (token for _, token in said))
        yield from (_missing(token, table, seq) for seq, token in said if token not in there)


def _missing(token: str, table: Table, seq: int) -> str:
    return f"personal {token}: the row is missing, {table.name} seq {seq} commits to it"


def _erased(source_id: Any) -> Any:  # noqa: ANN401 - a column, a condition
    erasures = schema.erasures
    return select(literal(1)).where(erasures.c.source_id == source_id).exists()


def _committed(salt: object, said: object) -> str:
    try:
        return commitment(str(salt), str(said))
    except ValueError:  # no hex digits
        return ""


def _is_plain(doc: Mapping[str, Any], places: Iterable[str]) -> bool:
    return any(not one.startswith(MARK) for place in places for one in _texts_at(doc, place))


def _texts_at(doc: Any, place: str) -> list[str]:  # noqa: ANN401 - any JSON value
    """The texts at a place of a document; none where nothing is said there."""
    if isinstance(doc, list | tuple):
        return [one for each in doc for one in _texts_at(each, place)]
    if not place:
        return [doc] if isinstance(doc, str) and doc else []
    first, _, rest = place.partition(".")
    return _texts_at(doc.get(first), rest) if isinstance(doc, Mapping) else []


def _put(doc: Any, places: Iterable[str], said: Mapping[str, str]) -> Any:  # noqa: ANN401
    """The document with other texts at these places, where `said` has one."""
    for place in places:
        doc = _put_at(doc, place, said)
    return doc


def _put_at(value: Any, place: str, said: Mapping[str, str]) -> Any:  # noqa: ANN401
    if isinstance(value, list | tuple):
        return [_put_at(one, place, said) for one in value]
    if not place:
        return said.get(value, value) if isinstance(value, str) else value
    first, _, rest = place.partition(".")
    if not isinstance(value, Mapping) or first not in value:
        return value
    return {**value, first: _put_at(value[first], rest, said)}


def _aloud(value: Any, said: Mapping[str, str]) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {name: _aloud(one, said) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_aloud(one, said) for one in value]
    if isinstance(value, str):
        return _TOKEN.sub(lambda found: said.get(found[0], found[0]), value)
    return value
