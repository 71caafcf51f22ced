"""Attach rights facts to a source: instruments, evidence, layers, consents, signals.

In: flags (`Terms`) or a file with the tables below. Out: dated facts. Everything is read and
checked before the first fact is written, and all of it is written in one transaction.

    [[instrument]]   id, kind, licence, from, to, text, url, valid, terms, grants, obligations …
    [[layer]]        a layer of RIGHTS section 11, with its basis and signals
    [[consent]]      layer (default likeness), stream, and the fields of a consent basis
    [[signal]]       a signal of RIGHTS section 11; on every copyright layer unless layer is given
    [[evidence]]     file, grade, found, url: the bytes are kept under their sha256
    [settled]        what was settled about the rest of the checklist
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import rights, sources
from catalog.engine import open_catalog, transaction
from catalog.records import Change
from licensing.errors import BadCase
from licensing.expression import normalise
from licensing.facts import read_layers
from licensing.rulebook import load_rulebook
from pipelines.errors import RegistrationError
from pipelines.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

TABLES = ("instrument", "layer", "consent", "signal", "evidence", "settled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the flags of `rights attach` say; empty text means not said."""

    licence: str = ""
    contract: str = ""
    consent: str = ""
    grade: str = ""
    layer: str = "copyright"
    stream: str = ""
    actions: str = ""
    territory: str = ""
    valid_from: str = ""
    valid_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """How many facts were added or were on record already."""

    facts: Mapping[str, int]

    def summary(self) -> str:
        """Say it in one line."""
        said = ", ".join(f"{count} {change}" for change, count in sorted(self.facts.items()))
        return f"rights facts: {said or 'none'}"


def attach_terms(
    settings: Settings, source_id: str, terms: Terms, *, evidence: Path | None, now: datetime
) -> Attached:
    """Attach what the flags say to one layer of a source.

    Raises:
        RegistrationError: LICENCE_UNKNOWN, VALID_RANGE, TERMS_MISSING, TERMS_UNUSED,
            EVIDENCE_MISSING.
    """
    basis = _basis_of(terms)
    part = {"layer": terms.layer} | ({"stream": terms.stream} if terms.stream else {})
    doc: dict[str, Any] = {"layer": [{**part, "basis": [basis]}]}
    if terms.consent:
        doc = {"consent": [{**part, **{k: v for k, v in basis.items() if k != "type"}}]}
    if evidence is not None:
        doc["evidence"] = [{"file": str(evidence.absolute()), "grade": terms.grade or None}]
    return _attach(settings, source_id, doc, folder=Path.cwd(), now=now)


def attach_doc(
    settings: Settings, source_id: str, doc: Mapping[str, Any], *, folder: Path, now: datetime
) -> Attached:
    """Attach the tables of a rights file to a source; paths are relative to `folder`."""
    return _attach(settings, source_id, doc, folder=folder, now=now)


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
    releases = [_consent_layer(dict(consent)) for consent in doc.get("consent", [])]
    layers = [dict(layer) for layer in doc.get("layer", [])]
    _check(source_id, doc, [*layers, *releases])
    changes: Counter[str] = Counter()
    facts = [
        *(
            ("instrument", one | _kept(one.get("evidence") or {}, folder, keep))
            for one in doc.get("instrument", [])
        ),
        *(("evidence", one | _kept(one, folder, keep)) for one in doc.get("evidence", [])),
    ]
    if doc.get("settled"):
        facts.append(("settled", dict(doc["settled"])))
    facts += [("signal", {"layer_id": "*", **signal}) for signal in doc.get("signal", [])]
    for kind, fact in facts:
        changes[str(rights.attach(session, source_id, kind, fact, now=now))] += 1
    for layer in layers:
        changes[str(rights.attach_layer(session, source_id, layer, now=now))] += 1
    for release in releases:
        changes[str(_attach_release(session, source_id, release, now=now))] += 1
    return changes


def _attach(
    settings: Settings, source_id: str, doc: Mapping[str, Any], *, folder: Path, now: datetime
) -> Attached:
    with transaction(open_catalog(settings.catalog_url)) as session:
        source = sources.source(session, source_id)
        facts = attach_facts(
            session, source.source_id, doc,
            folder=folder, keep=settings.home / "evidence", now=now,
        )  # fmt: skip
    return Attached(facts=dict(facts))


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


def _check(source_id: str, doc: Mapping[str, Any], layers: list[dict[str, Any]]) -> None:
    unknown = sorted(set(doc) - set(TABLES))
    if unknown:
        raise RegistrationError(
            f"source {source_id}: unknown table {unknown[0]!r} in the rights file",
            code="FACT_UNKNOWN",
            subject=unknown[0],
            way_out=f"known are {', '.join(TABLES)}",
        )
    for layer in layers:
        for basis in layer.get("basis", []):
            _check_basis(source_id, basis)
    signals = [
        {"layer": "copyright", "basis": [], "signals": [dict(s)]} for s in doc.get("signal", [])
    ]
    try:
        read_layers([*layers, *signals])
    except BadCase as error:
        raise RegistrationError(
            f"source {source_id}: {error}",
            code=error.code or "FACT_UNKNOWN",
            subject=source_id,
            way_out=error.way_out or "see the fields of a layer in docs/licensing.md",
        ) from error


def _check_basis(source_id: str, basis: Mapping[str, Any]) -> None:
    start, end = (*(basis.get("valid") or ()), None, None)[:2]
    if start is not None and end is not None and _day(end) <= _day(start):
        raise RegistrationError(
            f"source {source_id}: {basis.get('type')} ends {end}, not after its start {start}",
            code="VALID_RANGE",
            subject=source_id,
            way_out="intervals are half-open: give the first day and the first day after the end",
        )
    if basis.get("type") == "public_licence" and load_rulebook().find(str(basis.get("id"))) is None:
        raise _unknown_licence(str(basis.get("id")), "the rulebook does not hold it")


def _basis_of(terms: Terms) -> dict[str, Any]:
    said = [name for name in ("licence", "contract", "consent") if getattr(terms, name)]
    if len(said) != 1:
        raise RegistrationError(
            f"got {' and '.join(said) or 'no term'}, expected one of licence, contract, consent",
            code="TERMS_MISSING",
            way_out="give --licence, --contract or --consent, or --file",
        )
    if terms.licence:
        found = normalise(terms.licence)
        if found.licence is None:
            raise _unknown_licence(terms.licence, found.why)
        _refuse_limits(terms)
        return {"type": "public_licence", "id": found.licence, "grade": terms.grade or "E3"}
    box: dict[str, Any] = {"grade": terms.grade or "E1"}
    if terms.valid_from or terms.valid_to:
        box["valid"] = [terms.valid_from or "0001-01-01", terms.valid_to or "9999-12-31"]
    if terms.consent:
        scope = {"scope": _words(terms.consent), "specific": True, "commercial": True}
        return {"type": "consent", **scope, **box}
    if terms.actions:
        box["actions"] = _words(terms.actions)
    if terms.territory:
        box["territory"] = _words(terms.territory)
    return {"type": "contract", **box}


def _refuse_limits(terms: Terms) -> None:
    """A public licence says itself what it grants; a limit beside it must not be left out."""
    names = ("actions", "territory", "valid_from", "valid_to")
    said = [f"--{name.replace('_', '-')}" for name in names if getattr(terms, name)]
    if said:
        raise RegistrationError(
            f"licence {terms.licence!r}: {', '.join(said)} cannot limit a public licence",
            code="TERMS_UNUSED",
            subject=terms.licence,
            way_out="attach what was agreed with --contract, or the licence without limits",
        )


def _consent_layer(consent: dict[str, Any]) -> dict[str, Any]:
    layer = {"layer": consent.pop("layer", "likeness")}
    for name in ("stream", "part", "item"):
        if name in consent:
            layer[name] = consent.pop(name)
    return {**layer, "basis": [{"type": "consent", **consent}]}


def _kept(evidence: Mapping[str, Any], folder: Path, keep: Path) -> dict[str, str]:
    """Keep the bytes of an evidence file under their sha256, outside the lake."""
    if not evidence.get("file"):
        return {}
    path = folder / str(evidence["file"])
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RegistrationError(
            f"evidence {path}: cannot be read: {error.strerror}",
            code="EVIDENCE_MISSING",
            subject=str(path),
            way_out="give the path of the paper that proves the right",
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    keep.mkdir(parents=True, exist_ok=True)
    (keep / digest).write_bytes(content)
    return {"evidence_sha256": digest}


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise RegistrationError(
            f"{value!r} is not a day, expected 2026-12-31",
            code="VALID_RANGE",
            subject=str(value),
            way_out="write year-month-day",
        ) from error


def _unknown_licence(text: str, why: str) -> RegistrationError:
    return RegistrationError(
        f"licence {text!r}: not known: {why}",
        code="LICENCE_UNKNOWN",
        subject=text,
        way_out="use a name from `clearway licence list`, or attach the text as an agreement",
    )
