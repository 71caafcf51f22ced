"""Facts as they lie on record: names of files are commitments there, and are heard when read.

A signal may name the file that it is about and the one that states it, evidence the file that it
was read from. An erasure takes those names; the facts stay. A signal about a file that was erased
then speaks of each item that this file may have been, never of fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, mentions, personal, records, schema
from catalog.layers import Fact
from catalog.records import Stored
from licensing.manifest import sha256_hex

Said = tuple[str, Mapping[str, Any]]  # a kind of fact and what it says
PERSONS = ("voice", "likeness", "personal_data", "biometric")
_NAMES = tuple(f"said.{place}" for places in personal.IN_FACTS.values() for place in places)


def record_facts(
    session: Session,
    source_id: str,
    facts: Iterable[Said],
    *,
    valid: tuple[str | None, str | None] = (None, None),
    now: datetime,
) -> int:
    """Record the facts about a source that are not on record yet; return how many."""
    plain = _new(session, source_id, facts)  # a catalog may hold names from before commitments
    told = _new(session, source_id, _concealed(session, source_id, plain.values()))
    same = {"source_id": source_id, "valid_from": valid[0], "valid_to": valid[1]}
    docs: list[tuple[str, dict[str, Any]]] = [
        (fact_id, {**same, "fact_id": fact_id, "kind": kind, "said": doc})
        for fact_id, (kind, doc) in told.items()
    ]
    log.record_many(session, schema.facts, docs, now=now)
    mentions.note(session, (row for _, doc in docs for row in mentions.of_fact(doc)))
    return len(docs)


def heard(session: Session, rows: Sequence[Stored]) -> tuple[Fact, ...]:
    """Return facts with every name that was not erased."""
    return tuple(_fact(row) for row in personal.heard(session, rows, *_NAMES))


def for_rules(session: Session, rows: Sequence[Stored]) -> tuple[Fact, ...]:
    """Return facts as rules read them: names are commitments, which decisions may hold.

    What a signal is about is listed as the items that stand for it, of an erased name each that it
    may have been.
    """
    items = _items(rows)
    about = [row for row in rows if _is_about_one(row) and row.doc["source_id"] in items]
    spoken = {row.seq: row for row in personal.heard(session, about, "said.about")}
    kept: dict[str, frozenset[str]] = {}
    said: dict[str, dict[str, str]] = {}
    for row in about:
        source_id, name = row.doc["source_id"], spoken[row.seq].doc["said"]["about"]
        if source_id not in said:
            said[source_id] = _said(session, items[source_id])
        own, names = said[source_id], {name}
        if name.startswith(personal.MARK):
            if source_id not in kept:
                kept[source_id] = personal.kept_names(session, source_id)
            names = personal.meant(name, own.values(), kept[source_id])
        listed = {one for one, text in own.items() if text in names}
        spoken[row.seq] = _about(row, sorted({name, *listed}))
    return tuple(_fact(spoken.get(row.seq, row)) for row in rows)


def has_erased(session: Session, rows: Sequence[Stored]) -> bool:
    """Did an erasure take what a signal is about, in a source whose layers name files?"""
    items = _items(rows)
    about = [row for row in rows if _is_about_one(row) and row.doc["source_id"] in items]
    erased = [row for row in personal.heard(session, about, "said.about") if _is_erased(row)]
    return any(
        not one.startswith(personal.MARK) for row in erased for one in items[row.doc["source_id"]]
    )


def bare_layers(
    session: Session, source_id: str, doc: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Return a layer without its grounds as it is recorded, and as it was before commitments.

    Two persons with equal terms of form are two layers: they differ in what was said in full.
    """
    bare = {name: value for name, value in doc.items() if name not in {"basis", "signals"}}
    bare["signals_captured"] = "signals" in doc
    if doc.get("layer") not in PERSONS:
        return (bare,)
    (told,) = personal.concealed(session, source_id, [doc], "item", "basis.evidence.found")
    return tuple({**bare, "said": fact_id_of(source_id, "layer", one)} for one in (told, doc))


def layer_id_of(session: Session, source_id: str, bare: Mapping[str, Any]) -> str:
    """Return the id under which a layer is recorded: it is over commitments, not over names."""
    ((_, told),) = _concealed(session, source_id, [("layer", bare)])
    return fact_id_of(source_id, "layer", told)


def fact_id_of(source_id: str, kind: str, doc: Mapping[str, Any]) -> str:
    """Return the id of a fact: a digest of what it says."""
    return sha256_hex(log.document({"source": source_id, "kind": kind, "doc": dict(doc)}))[:32]


def _new(session: Session, source_id: str, facts: Iterable[Said]) -> dict[str, Said]:
    """Those that are not on record in these words, by id."""
    found = {fact_id_of(source_id, *one): one for one in facts}
    for row in records.stored_any(session, schema.facts, "fact_id", wanted=found):
        del found[row.doc["fact_id"]]
    return found


def _concealed(session: Session, source_id: str, facts: Iterable[Said]) -> Iterator[Said]:
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for kind, doc in facts:
        by_kind.setdefault(kind, []).append(doc)
    for kind, docs in by_kind.items():
        places = personal.IN_FACTS.get(kind, ())
        yield from ((kind, one) for one in personal.concealed(session, source_id, docs, *places))


def _items(rows: Iterable[Stored]) -> dict[str, set[str]]:
    """The files that layers are about, by source."""
    found: dict[str, set[str]] = {}
    for row in rows:
        if row.doc["kind"] == "layer" and row.doc["said"].get("item") is not None:
            found.setdefault(row.doc["source_id"], set()).add(str(row.doc["said"]["item"]))
    return found


def _said(session: Session, items: Iterable[str]) -> dict[str, str]:
    """What each item says: the name that was committed to, as long as it was not erased."""
    found = personal.texts(session, (one for one in items if one.startswith(personal.MARK)))
    return {one: found.get(one, one) for one in items}


def _is_about_one(row: Stored) -> bool:
    return row.doc["kind"] == "signal" and bool(row.doc["said"].get("about"))


def _is_erased(row: Stored) -> bool:
    return str(row.doc["said"]["about"]).startswith(personal.MARK)


def _about(row: Stored, names: Sequence[str]) -> Stored:
    return replace(row, doc={**row.doc, "said": {**row.doc["said"], "about": list(names)}})


def _fact(row: Stored) -> Fact:
    return Fact(
        fact_id=row.doc["fact_id"], source_id=row.doc["source_id"], kind=row.doc["kind"],
        doc=row.doc["said"], valid_from=row.doc["valid_from"], valid_to=row.doc["valid_to"],
        recorded_at=row.recorded_at,
    )  # fmt: skip
