"""What the catalog knows about the terms of a source, as the documents of a training set say it.

In: a source and the decisions that clear it. Out: one `NoticeSource` a decision. Papers of public
licences are quoted in full where their bytes were kept; agreements only by number and by their own
duties.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from catalog import rights, sources
from pipelines.documents.notice import Licence, NoticeSource, notice_id
from pipelines.export.grounds import granting, party_name

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow
    from catalog.sources import Source
    from pipelines.clear import SourceRow
    from pipelines.settings import Settings

LONGEST_PAPER = 64 * 1024  # bytes; a licence text, not a book
_PUBLIC = {"public licence", "public_licence"}
_NAMED = {"public_licence", "expression", "custom"}  # what notices call a licence


def notices_of(
    session: Session,
    source: Source,
    row: SourceRow,
    *,
    cleared: Mapping[tuple[str, ...], Sequence[ClipRow]],
    settings: Settings,
) -> dict[tuple[str, ...], tuple[NoticeSource, ...]]:
    """Collect what the notices say about `source`, one a decision, for each set of rights keys.

    Clips over several parts owe the duties of all the decisions that clear them, together. Other
    sources whose layers a decision weighed hold the same bytes: they are credited beside it.
    """
    found, known = {}, dict[tuple[str, ...], _Holders]()
    for keys, clips in cleared.items():
        over = [row.permitted[key] for key in keys]
        layers = [layer for part in over for layer in part.doc["proof"]["layers"]]
        ids = _holders(session, source, layers)
        if ids not in known:
            known[ids] = _read(session, ids)
        said = _said(known[ids], layers, settings=settings)
        duties = tuple(dict.fromkeys(duty for part in over for duty in part.obligations))
        found[keys] = tuple(
            replace(
                said,
                decision_id=part.decision_id,
                duties=duties,
                num_clips=0 if number else len(clips),
            )
            for number, part in enumerate(over)
        )
    return found


def merged(notices: Iterable[NoticeSource]) -> tuple[NoticeSource, ...]:
    """Notices of one decision that say the same are one."""
    found: dict[tuple[str, str], NoticeSource] = {}
    for one in notices:
        key = (one.decision_id, notice_id(one))
        before = found[key].num_clips if key in found else 0
        found[key] = replace(one, num_clips=before + one.num_clips)
    return tuple(found.values())


def said_of(
    session: Session, source: Source, layers: Sequence[Mapping[str, Any]], *, settings: Settings
) -> NoticeSource:
    """What is said about a source on decided layers, with the credits of all their holders."""
    return _said(_read(session, _holders(session, source, layers)), layers, settings=settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holders:
    """A source and others that hold the same bytes: whom to credit, and the papers of them all."""

    source: Source
    creator: str
    credit: str
    instruments: tuple[Mapping[str, Any], ...]


def _holders(
    session: Session, source: Source, layers: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    ids = [str(layer["facts"].get("layer_id")) for layer in layers]
    others = sorted(rights.sources_of(session, ids) - {source.source_id})
    return (source.source_id, *others)


def _read(session: Session, ids: Sequence[str]) -> _Holders:
    source, *others = (sources.source(session, one) for one in ids)
    facts = [fact for one in ids for fact in rights.facts_of(session, one)]
    creator = party_name(session, source.owner)
    credited = [source.attribution or creator] if others else [source.attribution]
    credited += [one.attribution or party_name(session, one.owner) for one in others]
    return _Holders(
        source=source,
        creator=creator,
        credit="; ".join(dict.fromkeys(one for one in credited if one)),
        instruments=tuple(fact.doc for fact in facts if fact.kind == "instrument"),
    )


def _said(
    known: _Holders, layers: Sequence[Mapping[str, Any]], *, settings: Settings
) -> NoticeSource:
    source, instruments = known.source, known.instruments
    return NoticeSource(
        source_id=source.source_id,
        decision_id="",
        duties=(),
        num_clips=0,
        title=source.title,
        creator=known.creator,
        credit=known.credit,
        link="" if source.uri.startswith("/") else source.uri,
        licences=_licences(layers, instruments, settings.home / "evidence"),
        under=duties_under(layers),
        terms=terms_of(layers, instruments),
    )


def duties_under(layers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The licences that ask for each duty of decided layers, by duty."""
    found: dict[str, set[str]] = {}
    for layer in layers:
        names = {_name(basis) for basis in granting([layer]) if basis["type"] in _NAMED}
        for duty in layer["duties"]:
            found.setdefault(duty, set()).update(names)
    return {duty: ", ".join(sorted(names)) for duty, names in found.items()}


def terms_of(
    layers: Sequence[Mapping[str, Any]], instruments: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[str, ...]]:
    """The obligations of the agreements on which decided layers rest, in words, by agreement.

    The paper's own words go before those of the clauses that were mapped from it.
    """
    found: dict[str, dict[str, None]] = {}
    for basis in granting(layers):
        if basis["type"] == "contract":
            named = str(basis.get("instrument_id") or basis.get("id") or "")
            told = [one for doc in instruments if doc.get("id") == named for one in _owed(doc)]
            mapped = {str(one.get("duty")) for one in told}
            told += [one for one in _owed(basis) if str(one["duty"]) not in mapped]
            found.setdefault(named, {}).update(dict.fromkeys(map(_words, told)))
    return {named: tuple(words) for named, words in found.items()}


def _owed(doc: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in doc.get("obligations", ()) if one.get("state") != "met"]


def _words(duty: Mapping[str, Any]) -> str:
    return str(duty.get("says") or duty.get("text") or f"Duty: {duty.get('duty') or 'not named'}.")


def _licences(
    layers: Sequence[Mapping[str, Any]], instruments: Sequence[Mapping[str, Any]], papers: Path
) -> tuple[Licence, ...]:
    """The licences on which decided layers rest, each once, with its paper if that is at home."""
    found: dict[str, Licence] = {}
    for basis in granting(layers):
        if basis["type"] in _NAMED:
            paper = _instrument(basis, instruments)
            found[_name(basis)] = Licence(
                name=_name(basis),
                url=str(paper.get("url") or basis.get("url") or ""),
                text=_paper(paper, papers),
            )
    return tuple(found[name] for name in sorted(found))


def _name(basis: Mapping[str, Any]) -> str:
    return str(basis.get("id") or basis.get("class") or basis["type"])


def _instrument(
    basis: Mapping[str, Any], instruments: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any]:
    """The paper of a licence: the one that a basis names, else one of the same licence."""
    for key, wanted in (("id", basis.get("instrument_id")), ("licence", basis.get("id"))):
        for one in instruments:
            if wanted and one.get(key) == wanted:
                return one
    return {}


def _paper(instrument: Mapping[str, Any], papers: Path) -> str:
    """The text of a public licence; an agreement is its parties' own and stays at home."""
    kept = papers / str(instrument.get("evidence_sha256") or "-")
    if instrument.get("kind") not in _PUBLIC or not kept.is_file():
        return ""
    raw = kept.read_bytes()
    if len(raw) > LONGEST_PAPER:
        return ""
    return raw.decode("utf-8", "replace")
