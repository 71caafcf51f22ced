"""What the catalog knows about the terms of a source, as the documents of a training set say it.

In: a source and the decisions that clear it. Out: one `NoticeSource` a decision. Papers of public
licences are quoted in full where their bytes were kept; agreements only by number and by their own
duties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from catalog import parties, rights, sources
from catalog.errors import NotFound
from pipelines.documents.notice import Licence, NoticeSource

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow
    from catalog.sources import Source
    from pipelines.clear import SourceRow
    from pipelines.settings import Settings

LONGEST_PAPER = 64 * 1024  # bytes; a licence text, not a book
_PUBLIC = {"public licence", "public_licence"}


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
    said: dict[tuple[str, ...], NoticeSource] = {}
    found = {}
    for keys, clips in cleared.items():
        over = [row.permitted[key] for key in keys]
        judged = [layer["facts"] for part in over for layer in part.doc["proof"]["layers"]]
        others = rights.sources_of(session, [str(one.get("layer_id")) for one in judged])
        holders = (source.source_id, *sorted(others - {source.source_id}))
        if holders not in said:
            said[holders] = _said(session, holders, settings)
        duties = tuple(dict.fromkeys(duty for part in over for duty in part.obligations))
        found[keys] = tuple(
            replace(
                said[holders],
                decision_id=part.decision_id,
                duties=duties,
                num_clips=0 if number else len(clips),
            )
            for number, part in enumerate(over)
        )
    return found


def _said(session: Session, holders: Sequence[str], settings: Settings) -> NoticeSource:
    """What is said about the first of the holders, with the papers and credits of them all."""
    source, *others = (sources.source(session, one) for one in holders)
    facts = [fact for one in holders for fact in rights.facts_of(session, one)]
    instruments = [fact.doc for fact in facts if fact.kind == "instrument"]
    layers = [one for each in holders for one in rights.layers_of(session, each, known=None)]
    creator = _party_name(session, source.owner)
    credited = [source.attribution or creator] if others else [source.attribution]
    credited += [one.attribution or _party_name(session, one.owner) for one in others]
    return NoticeSource(
        source_id=source.source_id,
        decision_id="",
        duties=(),
        num_clips=0,
        title=source.title,
        creator=creator,
        credit="; ".join(dict.fromkeys(one for one in credited if one)),
        link="" if source.uri.startswith("/") else source.uri,
        licences=_licences(instruments, layers, settings.home / "evidence"),
        terms=_terms(instruments),
    )


def _party_name(session: Session, party_id: str) -> str:
    if not party_id:
        return ""
    try:
        return str(parties.party(session, party_id).name)
    except NotFound:
        return party_id


def _licences(
    instruments: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]], papers: Path
) -> tuple[Licence, ...]:
    found = {
        str(one["licence"]): Licence(
            name=str(one["licence"]), url=str(one.get("url") or ""), text=_paper(one, papers)
        )
        for one in instruments
        if one.get("licence")
    }
    for layer in layers:
        for basis in layer.get("basis", ()):
            if basis.get("type") == "public_licence" and basis.get("id"):
                found.setdefault(str(basis["id"]), Licence(name=str(basis["id"])))
    return tuple(found[name] for name in sorted(found))


def _paper(instrument: Mapping[str, Any], papers: Path) -> str:
    """The text of a public licence; an agreement is its parties' own and stays at home."""
    kept = papers / str(instrument.get("evidence_sha256") or "-")
    if instrument.get("kind") not in _PUBLIC or not kept.is_file():
        return ""
    raw = kept.read_bytes()
    if len(raw) > LONGEST_PAPER:
        return ""
    return raw.decode("utf-8", "replace")


def _terms(instruments: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    said = [
        str(duty.get("says") or duty.get("text") or "")
        for one in instruments
        if one.get("kind") not in _PUBLIC
        for duty in one.get("obligations", ())
    ]
    return tuple(dict.fromkeys(one for one in said if one))
