"""Croissant 1.1 with RAI 1.0: what a training set is, for hubs and loaders that read JSON-LD.

In: the facts. Out: `croissant.json`, and from 1,000 data files on the list of them beside it. The
JSON-LD is written here: the reference library loses types of ours on a round trip. It describes and
does not load: no loader of Croissant reads rows of Lance. Addresses of files start from the folder
in which the document lies.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final
from urllib.parse import quote

from pipelines.documents import wording
from pipelines.documents.croissant_context import CONTEXT
from pipelines.documents.croissant_governance import (
    counts,
    hours,
    licence_links,
    provenance,
    usage_info,
)
from pipelines.documents.croissant_rai import rai_properties
from pipelines.documents.facts import ColumnFact, DocumentFacts, FileFact
from pipelines.documents.required import address_of, missing, require

CONFORMS: Final = (
    "http://mlcommons.org/croissant/1.1",
    "http://mlcommons.org/croissant/RAI/1.0",
)
MANY: Final = 1_000  # files from which on they are listed beside the document
LIST: Final = "croissant-files.jsonl"
LANCE: Final = "application/x-lance"  # no type is registered
ROWS: Final = "data.lance"  # the set of files that hold the rows
KEYS: Final = ("clip_id", "camera")
TYPES: Final = {
    "bool": "sc:Boolean", "string": "sc:Text", "large_string": "sc:Text", "date32[day]": "sc:Date",
    "half_float": "cr:Float16", "float": "cr:Float32", "double": "cr:Float64",
    **{f"{sign}int{bits}": f"cr:{sign.upper()}Int{bits}" for sign in ("", "u")
       for bits in (8, 16, 32, 64)},
}  # fmt: skip
_ITEMS: Final = re.compile(r"(?:large_)?list<(?:\w+: )?(.+?)(?: not null)?>")
_BYTES: Final = re.compile(r"(large_)?binary|extension<lance\.blob\.v2.*>")
Json = dict[str, Any]


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write `croissant.json`, and the list of files where there are many.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    require(facts, document="croissant.json")
    listed = {LIST: _file_list(facts)} if len(facts.files) >= MANY else {}
    text = json.dumps(_document(facts, listed), indent=1, sort_keys=True, ensure_ascii=False)
    return {"croissant.json": f"{text}\n".encode(), **listed}


def _document(facts: DocumentFacts, listed: dict[str, bytes]) -> Json:
    maker = "Person" if facts.organisation.kind == "person" else "Organization"
    url = address_of(facts)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "additionalProperty": counts(
            {
                "clips": facts.num_clips,
                "frames": facts.num_frames,
                "rows": facts.num_rows,
                **{f"clips {split}": count for split, count in sorted(facts.splits.items())},
                **hours(facts.hours()),
            }
        ),
        "citeAs": facts.answers.get("citeAs") or _citation(facts, url),
        "conformsTo": list(CONFORMS),
        "contentSize": f"{facts.num_bytes} B",
        "creator": {
            "@id": facts.urn_of("organisation"),
            "@type": f"sc:{maker}",
            "name": facts.organisation.name,
        },
        "datePublished": facts.valid.isoformat(),
        "description": wording.description(facts),
        "distribution": _distribution(facts, listed),
        "identifier": facts.urn,
        "keywords": sorted({one.modality for one in facts.sources}),
        "license": licence_links(facts),
        "name": facts.set_id,
        "recordSet": [_records(facts)],
        "url": url,
        "usageInfo": usage_info(facts),
        "version": f"{facts.version}.0.0",
        **provenance(facts),
        **rai_properties(facts),
    }


def _distribution(facts: DocumentFacts, listed: dict[str, bytes]) -> list[Json]:
    """The files with their digests, and what the rows lie in, which as a folder has none."""
    rows: Json = {
        "@id": ROWS,
        "@type": "cr:FileSet",
        "description": "All files of the data, one Lance dataset",
        "encodingFormat": LANCE,
        "includes": f"../{ROWS}/**",
        "name": ROWS,
    }
    if not listed:
        files = sorted(facts.files, key=lambda one: one.path)
        return [*(_file(facts, one) for one in files), rows]
    return [
        {
            "@id": name,
            "@type": "cr:FileObject",
            "contentSize": f"{len(content)} B",
            "contentUrl": name,
            "description": "Every data file with its size in bytes and its sha256",
            "encodingFormat": "application/jsonlines",
            "name": name,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in listed.items()
    ] + [rows | {"containedIn": [{"@id": name} for name in listed]}]


def _file(facts: DocumentFacts, one: FileFact) -> Json:
    found: Json = {
        "@id": quote(one.path),
        "@type": "cr:FileObject",
        "contentSize": f"{one.num_bytes} B",
        "contentUrl": f"../{quote(one.path)}",
        "encodingFormat": LANCE,
        "name": one.path,
        "sha256": one.sha256,
    }
    if one.source_id:
        found["prov:wasDerivedFrom"] = {"@id": facts.urn_of("source", one.source_id)}
    return found


def _file_list(facts: DocumentFacts) -> bytes:
    lines = (
        {"path": one.path, "bytes": one.num_bytes, "sha256": one.sha256, "source": one.source_id}
        for one in sorted(facts.files, key=lambda one: one.path)
    )
    return "".join(f"{json.dumps(one, sort_keys=True)}\n" for one in lines).encode()


def _records(facts: DocumentFacts) -> Json:
    if not facts.columns:
        raise missing(
            facts,
            "columns",
            document="croissant.json",
            way_out="export the training set again",
        )
    keys = [one.name for one in facts.columns if one.name in KEYS]
    found: Json = {
        "@id": "clips",
        "@type": "cr:RecordSet",
        "description": "One record a clip and camera",
        "field": [_field(facts, one) for one in facts.columns],
        "name": "clips",
    }
    return found | ({"key": [{"@id": f"clips/{name}"} for name in keys]} if keys else {})


def _field(facts: DocumentFacts, column: ColumnFact) -> Json:
    items = _ITEMS.fullmatch(column.type)
    plain = items.group(1) if items else column.type
    kind = "sc:VideoObject" if _BYTES.fullmatch(plain) else TYPES.get(plain)
    if kind is None:
        raise missing(
            facts,
            f"columns.{column.name}",
            document="croissant.json",
            got=column.type,
            expected=f"a list of, or one of: bytes, {', '.join(sorted(TYPES))}",
            way_out="name the type of Croissant that the column has in documents/croissant.py",
        )
    found: Json = {
        "@id": f"clips/{quote(column.name)}",
        "@type": "cr:Field",
        "dataType": kind,
        "description": column.says,
        "name": column.name,
        "source": {"extract": {"column": column.name}, "fileSet": {"@id": ROWS}},
    }
    return found | ({"isArray": True, "arrayShape": "-1"} if items else {})


def _citation(facts: DocumentFacts, url: str) -> str:
    """A BibTeX entry; braces and backslashes would end its fields early."""
    said = {
        "author": f"{{{_in_braces(facts.organisation.name)}}}",
        "title": _in_braces(facts.name),
        "url": url,
        "version": str(facts.version),
        "year": str(facts.valid.year),
    }
    key = re.sub(r"[^A-Za-z0-9]+", "-", f"set-{facts.set_id}").strip("-")
    return f"@misc{{{key}, {', '.join(f'{name} = {{{text}}}' for name, text in said.items())}}}"


def _in_braces(text: str) -> str:
    return " ".join(re.sub(r"[{}\\]", " ", text).split())
