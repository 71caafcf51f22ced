"""What the catalog knows about the terms of a source, as the documents of a training set say it.

In: a source and the decision that cleared it. Out: one `NoticeSource`. Papers of public licences
are quoted in full where their bytes were kept; agreements only by number and by their own duties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog import parties, rights
from catalog.errors import NotFound
from pipelines.documents.notice import Licence, NoticeSource

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from catalog.sources import Source
    from pipelines.clear import Part
    from pipelines.settings import Settings

LONGEST_PAPER = 64 * 1024  # bytes; a licence text, not a book
_PUBLIC = {"public licence", "public_licence"}


def notice_source(
    session: Session, source: Source, part: Part, *, settings: Settings, num_clips: int
) -> NoticeSource:
    """Collect what the notices say about `source` under the decision of `part`."""
    facts = rights.facts_of(session, source.source_id)
    instruments = [fact.doc for fact in facts if fact.kind == "instrument"]
    layers = rights.layers_of(session, source.source_id, known=None)
    return NoticeSource(
        source_id=source.source_id,
        decision_id=part.decision_id,
        duties=part.obligations,
        num_clips=num_clips,
        title=source.title,
        creator=_party_name(session, source.owner),
        credit=source.attribution,
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
