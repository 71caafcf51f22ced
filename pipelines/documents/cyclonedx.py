"""CycloneDX 1.7: a bill of materials of the training set, with one component a source.

In: the facts. Out: `cyclonedx.json`. The set depends on its sources. A licence stands twice: as the
paper names it (declared) and as the decision rests on it (concluded). A set under several licences
lists them all and has no expression: none of them covers the whole. An agreement is a name with its
number, its parties as far as the facts name them, and its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import quote

from pipelines.documents.facts import DocumentFacts, LicenceFact, SourceFacts, hours_text
from pipelines.documents.forms import json_bytes
from pipelines.documents.required import missing, require

SCHEMA: Final = "http://cyclonedx.org/schema/bom-1.7.schema.json"
_LEGAL: Final = r"(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*"
ADDRESS: Final = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9.-]+(?::[0-9]+)?(?:[/?]{_LEGAL})?(?:#{_LEGAL})?"
)
ONE_ID: Final = re.compile(r"[A-Za-z0-9.+-]+")


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write `cyclonedx.json`.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    _check(facts)
    tool, _, version = facts.producer.partition(" ")
    refs = [_ref(facts, source) for source in facts.sources]
    doc = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": facts.urn_of("cyclonedx"),
        "version": 1,
        "metadata": {
            "timestamp": _midnight(facts.valid),
            "tools": {"components": [_filled(type="application", name=tool, version=version)]},
            "supplier": {"name": facts.organisation.name},
            "component": _set(facts),
        },
        "components": [_source(facts, source) for source in facts.sources],
        "dependencies": [
            {"ref": _ref(facts), "dependsOn": refs},
            *({"ref": ref, "dependsOn": []} for ref in refs),
        ],
    }
    return {"cyclonedx.json": json_bytes(doc)}


def _check(facts: DocumentFacts) -> None:
    mandatory: dict[str, object] = {}
    for source in facts.sources:
        mandatory[f"{source.source_id}.title"] = source.title
        mandatory[f"{source.source_id}.layers"] = source.layers
    require(facts, mandatory, document="cyclonedx.json")
    for source in facts.sources:
        if any(not each.declared or not each.concluded for each in source.licences):
            field = f"{source.source_id}.licences"
            raise missing(
                facts,
                field,
                document="cyclonedx.json",
                way_out="name the licence of the instrument, then export the training set again",
            )


def _set(facts: DocumentFacts) -> dict[str, Any]:
    data = {
        "type": "dataset",
        "name": facts.set_id,
        "sensitiveData": sorted({name for one in facts.sources for name in one.personal}),
        "description": _amounts(facts.num_clips, facts.num_rows, facts.num_bytes)
        + _spent(facts.hours()),
        "governance": _governance(facts, facts.organisation.name),
        "contents": {
            "properties": _properties(
                clips=facts.num_clips,
                rows=facts.num_rows,
                frames=facts.num_frames,
                bytes=facts.num_bytes,
                request=facts.request_name,
                profile=facts.profile,
                rulebook=facts.rulebook_digest,
                ends=facts.not_after,
                synthetic=_yes(any(one.is_synthetic for one in facts.sources)),
            )
        },
    }
    return _filled(
        type="data",
        name=facts.name,
        version=str(facts.version),
        hashes=[{"alg": "SHA-256", "content": facts.content_digest}],
        licenses=list(_licences(facts, facts.licences, declared=_declared(facts), texts=True)),
        data=[_filled(**data)],
    ) | {"bom-ref": _ref(facts)}


def _source(facts: DocumentFacts, source: SourceFacts) -> dict[str, Any]:
    first, last = source.acquired
    data = {
        "type": "dataset",
        "name": source.source_id,
        "sensitiveData": list(source.personal),
        "description": _amounts(source.num_clips, source.num_rows, source.num_bytes)
        + _spent(source.hours),
        "governance": _governance(facts, source.creator),
        "contents": {
            "properties": _properties(
                acquisition=source.acquisition,
                acquired=f"{first}/{last}",
                clips=source.num_clips,
                rows=source.num_rows,
                frames=source.num_frames,
                bytes=source.num_bytes,
                shard=source.shard,
                ends=source.ends,
                duties=", ".join(source.duties),
                decisions=", ".join(source.decisions),
                fictional=_yes(source.fictional),
                synthetic=_yes(source.is_synthetic),
            )
        },
    }
    names = sorted({(one.declared, _address(one.url)) for one in source.licences})
    url = _address(source.link)
    return _filled(
        type="data",
        name=source.title,
        description=source.obtained,
        supplier=_filled(name=source.creator),
        copyright=source.credit,
        licenses=list(_licences(facts, source.licences, declared=names, texts=False)),
        externalReferences=[{"type": "website", "url": url}] if url else [],
        properties=_properties(link="" if url else source.link),
        data=[_filled(**data)],
    ) | {"bom-ref": _ref(facts, source)}


def _licences(
    facts: DocumentFacts,
    licences: Iterable[LicenceFact],
    *,
    declared: Iterable[tuple[str, str]],
    texts: bool,
) -> Iterator[dict[str, Any]]:
    """All licences as the papers name them, then as the decisions rest on them."""
    for name, url in declared:
        yield {"license": _filled(name=name, acknowledgement="declared", url=url)}
    for one in licences:
        listed = one.is_listed and ONE_ID.fullmatch(one.concluded)
        url = _address(one.url)
        said: dict[str, Any] = {"id" if listed else "name": one.concluded, "url": url}
        said["properties"] = _properties(link="" if url else one.url)
        if one.kind == "agreement":
            said["licensing"] = _licensing(facts, one)
        if texts and one.text:
            said["text"] = {"contentType": "text/plain", "content": one.text}
        yield {"license": _filled(**said, acknowledgement="concluded")}


def _licensing(facts: DocumentFacts, agreement: LicenceFact) -> dict[str, Any]:
    licensor = {"organization": {"name": agreement.licensor}} if agreement.licensor else {}
    return _filled(
        altIds=[agreement.instrument] if agreement.instrument else [],
        licensor=licensor,
        licensee={"organization": {"name": facts.organisation.name}},
        expiration=_midnight(agreement.ends) if agreement.ends else "",
    )


def _declared(facts: DocumentFacts) -> list[tuple[str, str]]:
    return sorted(
        {(one.declared, _address(one.url)) for each in facts.sources for one in each.licences}
    )


def _governance(facts: DocumentFacts, owner: str) -> dict[str, Any]:
    ours = [{"organization": {"name": facts.organisation.name}}]
    owners = [{"organization": {"name": owner}}] if owner else []
    return _filled(custodians=ours, stewards=ours, owners=owners)


def _properties(**said: object) -> list[dict[str, str]]:
    return [
        {"name": f"clearway:{name}", "value": str(value)}
        for name, value in sorted(said.items())
        if value not in {None, ""}
    ]


def _filled(**said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The keys that have a value: an empty one would say that there is none."""
    return {name: value for name, value in said.items() if value not in ("", [], {}, None)}


def _address(link: str) -> str:
    """A link as the format takes it, or nothing: then it stands as a property, as it was given."""
    quoted = quote(link, safe="%:/?#@!$&'()*+,;=~", errors="replace")
    return quoted if ADDRESS.fullmatch(quoted) else ""


def _ref(facts: DocumentFacts, source: SourceFacts | None = None) -> str:
    return facts.urn_of("cyclonedx", "set" if source is None else f"source/{source.source_id}")


def _amounts(clips: int, rows: int, size: int) -> str:
    return f"{clips} clips, {rows} rows, {size} bytes"


def _spent(hours: Mapping[str, float]) -> str:
    return "".join(f", {hours_text(each)} h {name}" for name, each in sorted(hours.items()))


def _yes(value: object) -> str:
    return "yes" if value else "no"


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"
