"""On what a source is used, as documents say it: licences, layers, signals, how it was come by.

In: the layers of the decisions that clear a source, with their proof, and its facts. Out: values of
`pipelines.documents.facts`. A licence as found and one as decided stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from catalog import files, parties, rights
from catalog.errors import NotFound
from licensing.decide import bases_in_order
from licensing.expression import spdx_name
from licensing.facts import read_layers
from licensing.facts.bases import basis_doc
from licensing.facts.layers import SCHEMES
from pipelines.documents.facts import LayerFact, LicenceFact, SignalFact
from pipelines.errors import ExportError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.sources import Source

GRANTS = "T"
AGREED = 2  # what is granted at this rank or above decides alone, whatever a licence lacks
KINDS = {
    "public_licence": "public licence",
    "expression": "public licence",
    "custom": "terms",
    "rsl": "terms",
    "contract": "agreement",
    "consent": "consent",
    "statutory": "statute",
    "anonymised": "statement",
}
PAPERS = frozenset({"public licence", "terms", "agreement", "statute"})
CLASSES = {
    "agreement": "licensed",
    "public licence": "public",
    "terms": "public",
    "statute": "crawled",
}


def grounds_of(
    session: Session, source_id: str, layers: Sequence[Mapping[str, Any]]
) -> tuple[tuple[LicenceFact, ...], tuple[LayerFact, ...]]:
    """What a source is used on: its licences and agreements, and its layers, each once."""
    papers = {
        str(one.doc.get("id")): one.doc
        for one in rights.facts_of(session, source_id)
        if one.kind == "instrument"
    }
    licences: dict[tuple[str, ...], LicenceFact] = {}
    for basis in granting(layers):
        if KINDS.get(str(basis["type"])) in PAPERS:
            fact = _licence(session, basis, papers)
            licences.setdefault(fact.identity, fact)
    held = sorted(set(_layers(layers, papers)), key=_layer_order)
    return tuple(licences[key] for key in sorted(licences)), tuple(held)


def granting(layers: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The bases on which the layers are permitted, as facts, in the order of the proof.

    An agreement or a consent that grants decides alone: a licence beside it bears nothing.
    """
    for one in layers:
        (layer,) = read_layers([one["facts"]])
        true = [
            (judged["rank"], basis)
            for judged, basis in zip(one["bases"], bases_in_order(layer), strict=True)
            if judged["grant"] == GRANTS and not judged["low"]  # too weak to rest on
        ]
        agreed = [each for each in true if each[0] <= AGREED]
        yield from (basis_doc(basis) for _, basis in agreed or true)


def signals_of(session: Session, source_id: str) -> tuple[SignalFact, ...]:
    """The statements about use that were captured at a source, without the names of files."""
    found = set()
    for one in rights.facts_of(session, source_id):
        if one.kind != "signal":
            continue
        scheme = next((name for name in SCHEMES if name in one.doc), "")
        where = one.doc.get("where") or {}
        place = str(where.get("place") or "") if isinstance(where, dict) else ""
        found.add((scheme, place, str(one.doc.get(scheme)), one.recorded_at.date()))
    return tuple(
        SignalFact(scheme=scheme, place=place, value=value, observed=observed)
        for scheme, place, value, observed in sorted(found)
    )


def acquired(session: Session, source_id: str, *, valid: date) -> tuple[date, date]:
    """The first and the last day on which files of a source were recorded."""
    found = files.recorded_between(session, source_id)
    return (valid, valid) if found is None else (found[0].date(), found[1].date())


def acquisition_of(source: Source, layers: Sequence[Mapping[str, Any]], *, is_own: bool) -> str:
    """How a source was come by: as it was said, or as its grounds show.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING where neither tells.
    """
    if source.acquisition:
        return source.acquisition
    if is_own:
        return "synthetic" if source.modality == "synthetic" else "own"
    kinds = {KINDS.get(str(one["type"]), "") for one in granting(layers)}
    for kind, name in CLASSES.items():
        if kind in kinds:
            return name
    raise ExportError(
        f"source {source.source_id}: nothing on record says how it was come by",
        code="DOCUMENT_FIELD_MISSING",
        subject=f"{source.source_id}.acquisition",
        way_out=f"clearway source add {source.source_id} … --acquisition CLASS",
    )


def party_name(session: Session, party_id: str) -> str:
    """How a party is called, its id where it is not on record; nothing for nobody."""
    if not party_id:
        return ""
    try:
        return parties.party(session, party_id).name
    except NotFound:
        return party_id


def _layers(
    layers: Iterable[Mapping[str, Any]], papers: Mapping[str, Mapping[str, Any]]
) -> Iterator[LayerFact]:
    for one in layers:
        bases = list(granting([one]))
        ends = [end for each in bases if (end := _last_day(each))]
        grades = [str(each["grade"]) for each in bases if each.get("grade")]
        yield LayerFact(
            layer=str(one["facts"]["layer"]),
            stream=str(one["facts"].get("stream") or ""),
            bases=tuple(sorted({_concluded(each, papers) for each in bases})),
            verdict="permit",
            grade=min(grades, default=""),
            ends=min(ends, default=None),
        )


def _layer_order(one: LayerFact) -> tuple[str, str, tuple[str, ...], str, date]:
    return one.layer, one.stream, one.bases, one.grade, one.ends or date.max


def _last_day(basis: Mapping[str, Any]) -> date | None:
    """When a basis ends: an agreement also when one ends that it is a sublicence of."""
    links = (basis, *basis.get("chain", ()))
    return min((end for one in links if (end := _span(one)[1])), default=None)


def _licence(
    session: Session, basis: Mapping[str, Any], papers: Mapping[str, Mapping[str, Any]]
) -> LicenceFact:
    paper = _paper(basis, papers)
    return LicenceFact(
        declared=str(paper.get("licence") or basis.get("id") or basis["type"]),
        concluded=_concluded(basis, papers),
        kind=KINDS[str(basis["type"])],
        instrument=str(paper.get("number") or paper.get("id") or basis.get("instrument_id") or ""),
        grade=str(basis.get("grade") or ""),
        url=str(paper.get("url") or basis.get("url") or ""),
        licensor=party_name(session, str(basis.get("licensor") or paper.get("from") or "")),
        starts=_span(basis)[0],
        ends=_last_day(basis),
    )


def _paper(basis: Mapping[str, Any], papers: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return papers.get(str(basis.get("instrument_id") or basis.get("id") or ""), {})


def _concluded(basis: Mapping[str, Any], papers: Mapping[str, Mapping[str, Any]]) -> str:
    """A public licence by its id, an agreement by its paper, anything else by its kind."""
    kind = KINDS.get(str(basis["type"]), "")
    if kind not in PAPERS:
        return kind or str(basis["type"])
    if kind == "agreement":
        paper = _paper(basis, papers)
        named = paper.get("licence") or basis.get("instrument_id") or basis.get("id")
        return spdx_name(f"LicenseRef-{str(named or 'agreement').removeprefix('LicenseRef-')}")
    return spdx_name(str(basis.get("id") or basis.get("class") or kind))


def _span(basis: Mapping[str, Any]) -> tuple[date | None, date | None]:
    first, last = (*(basis.get("valid") or ()), None, None)[:2]
    days = [date.fromisoformat(str(one)) if one else None for one in (first, last)]
    return days[0], None if days[1] is None or days[1].year == 9999 else days[1]
