"""The station: check what is said about the rights in a source, then record it as dated facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import rights, sources
from catalog.acts import record_act
from catalog.engine import open_catalog, transaction
from catalog.records import Change
from licensing.errors import BadCase
from pipelines.attach.checks import check_facts, unreadable
from pipelines.attach.papers import Paper, bound, kept
from pipelines.attach.terms import Terms, basis_of
from pipelines.errors import RegistrationError
from pipelines.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """How many facts were added or were on record already."""

    facts: Mapping[str, int]

    def summary(self) -> str:
        """Say it in one line."""
        said = ", ".join(f"{count} {change}" for change, count in sorted(self.facts.items()))
        return f"rights facts: {said or 'none'}"


def attach_terms(
    settings: Settings,
    source_id: str,
    terms: Terms,
    *,
    evidence: Paper | None,
    now: datetime,
    actor: str = "",
) -> Attached:
    """Attach what the flags say: one basis of one layer, and what was settled beside it.

    Who `actor` names stands in the log beside it.

    Raises:
        NotFound: UNKNOWN_ID.
        RegistrationError: LICENCE_UNKNOWN, VALID_RANGE, TERMS_MISSING, TERMS_UNUSED,
            OPTION_INVALID.
    """
    doc: dict[str, Any] = {"settled": terms.settled_words()} if terms.settled else {}
    if terms.states_a_basis or not terms.settled:
        doc |= _basis_doc(terms, evidence)
    keep = settings.home / "evidence"
    with transaction(open_catalog(settings.catalog_url)) as session:
        named = sources.source(session, source_id).source_id
        facts = attach_facts(session, named, doc, folder=Path.cwd(), keep=keep, now=now)
        if evidence is not None:
            said = {"file": evidence.found, "grade": terms.grade or None,
                    "evidence_sha256": evidence.digest}  # fmt: skip
            evidence.kept(keep)
            facts[str(rights.attach(session, named, "evidence", said, now=now))] += 1
        if actor and set(facts) - {Change.UNCHANGED}:
            about = {"evidence": evidence.digest if evidence else None, "layer": terms.layer}
            record_act(session, "attach", actor=actor, subject=named, now=now, about=about)
    return Attached(facts=dict(facts))


def attach_doc(
    settings: Settings, source_id: str, doc: Mapping[str, Any], *, folder: Path, now: datetime
) -> Attached:
    """Attach the tables of a rights file to a source; paths are relative to `folder`."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        source = sources.source(session, source_id)
        facts = attach_facts(
            session, source.source_id, doc,
            folder=folder, keep=settings.home / "evidence", now=now,
        )  # fmt: skip
    return Attached(facts=dict(facts))


def attach_facts(
    session: Session,
    source_id: str,
    doc: Mapping[str, Any],
    *,
    folder: Path,
    keep: Path,
    now: datetime,
) -> Counter[str]:
    """Check the tables of `doc` and record them in the caller's transaction."""
    papers = _papers(session, source_id, doc)
    try:
        layers = bound(doc.get("layer", []), papers)
    except BadCase as error:
        raise unreadable(source_id, error) from error
    releases = [_consent_layer(dict(consent)) for consent in doc.get("consent", [])]
    check_facts(source_id, doc, [*layers, *releases], papers=papers)
    facts = [
        *(
            ("instrument", one | kept(one.get("evidence") or {}, folder, keep))
            for one in doc.get("instrument", [])
        ),
        *(("evidence", one | kept(one, folder, keep)) for one in doc.get("evidence", [])),
        *(("obligation", dict(one)) for one in doc.get("obligation", [])),
        *(("settled", dict(one)) for one in [doc.get("settled")] if one),
        *(("signal", {"layer_id": "*", **signal}) for signal in doc.get("signal", [])),
    ]
    changes = [rights.attach(session, source_id, kind, fact, now=now) for kind, fact in facts]
    changes += [rights.attach_layer(session, source_id, layer, now=now) for layer in layers]
    changes += [_attach_release(session, source_id, release, now=now) for release in releases]
    return Counter(map(str, changes))


def _basis_doc(terms: Terms, evidence: Paper | None) -> dict[str, Any]:
    """The rights file that the flags amount to."""
    basis = basis_of(terms)
    if evidence is not None:
        basis["evidence"] = [{"digest": evidence.digest, "found": evidence.name}]
    part = {"layer": terms.layer} | ({"stream": terms.stream} if terms.stream else {})
    if terms.consent:
        return {"consent": [part | {k: v for k, v in basis.items() if k != "type"}]}
    return {"layer": [part | {"basis": [basis]}]}


def _papers(session: Session, source_id: str, doc: Mapping[str, Any]) -> dict[str, Any]:
    """The instruments that bases may rest on, by id: those on record and those of the file."""
    on_record = [one.doc for one in rights.facts_of(session, source_id) if one.kind == "instrument"]
    return {
        str(one["id"]): one for one in (*on_record, *doc.get("instrument", ())) if one.get("id")
    }


def _attach_release(
    session: Session, source_id: str, release: Mapping[str, Any], *, now: datetime
) -> Change:
    """Put a consent onto the person's layer that is on record; it makes no layer beside it."""
    names = ("layer", "stream", "part", "item")
    same = [
        fact.fact_id
        for fact in rights.facts_of(session, source_id)
        if fact.kind == "layer" and all(fact.doc.get(name) == release.get(name) for name in names)
    ]
    if not same:
        return rights.attach_layer(session, source_id, release, now=now)
    if len(same) > 1:
        raise RegistrationError(
            f"source {source_id}: {len(same)} {release['layer']} layers on record, expected one",
            code="LAYER_AMBIGUOUS",
            subject=source_id,
            way_out="name the `item` or `part` that the consent is about",
        )
    basis = {"layer_id": same[0], **release["basis"][0]}
    start, end = (*(basis.get("valid") or ()), None, None)[:2]
    return rights.attach(session, source_id, "basis", basis, valid=(start, end), now=now)


def _consent_layer(consent: dict[str, Any]) -> dict[str, Any]:
    layer = {"layer": consent.pop("layer", "likeness")}
    for name in ("stream", "part", "item"):
        if name in consent:
            layer[name] = consent.pop(name)
    return {**layer, "basis": [{"type": "consent", **consent}]}
