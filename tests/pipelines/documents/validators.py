"""Foreign validators of documents, without a network, and facts that try them and the builders.

rdflib warns of a class of its own that its JSON-LD parser makes: `RDFLIB` filters that one warning.
"""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from jsonschema import Draft7Validator
from jsonschema_rs import Draft7Validator as Formats

from pipelines.documents.facts import DocumentFacts, FileFact
from tests.pipelines.documents.sets import ARM, FILM, a_set

SCHEMAS = Path(__file__).parents[3] / "../shared/schemas"
MODEL = SCHEMAS / "spdx-3.0.1-model.ttl"
CONTEXT = SCHEMAS / "spdx-3.0.1-context.jsonld"
RDFLIB = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")

ODD = 'He said "x"\n\t\\ {braces} 机器人 مرحبا \u202eabc\u2028 é'


def planned() -> DocumentFacts:
    """The facts of a set that is planned and not rendered yet: no files, no hours, no splits."""
    sources = tuple(replace(one, hours={}, num_bytes=0, streams=()) for one in (ARM, FILM))
    return a_set(files=(), sources=sources, splits={}, channels=(), left_out={})


def many_files() -> tuple[FileFact, ...]:
    """1,500 files, each of another size."""
    return tuple(
        FileFact(path=f"data.lance/data/{n}.lance", num_bytes=n, sha256=f"{n:064x}")
        for n in range(1, 1_501)
    )


@contextmanager
def offline() -> Iterator[None]:
    """Whoever opens a connection fails."""

    def refuse(*args: object) -> None:
        raise AssertionError(f"a validator went to the network: {args[1:]}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def bill_validator(version: SchemaVersion = SchemaVersion.V1_7) -> JsonStrictValidator:
    """The validator of CycloneDX, and it asks that addresses are IRIs.

    jsonschema knows that format by rfc3987-syntax alone, which builds a grammar, 0.9 s, in every
    process that imports jsonschema; a Ray is a dozen of them.
    """
    Draft7Validator.FORMAT_CHECKER.checks("iri-reference")(_is_iri_reference)
    return JsonStrictValidator(version)


def croissant_faults(doc: dict[str, Any]) -> list[str]:
    """What mlcroissant has against a document: its errors or its warnings."""
    import mlcroissant  # type: ignore[import-untyped]  # it has no types

    with offline():
        try:
            found = mlcroissant.Dataset(jsonld=json.loads(json.dumps(doc)))
        except mlcroissant.ValidationError as error:
            return [str(error)]
        return sorted(found.metadata.ctx.issues.errors | found.metadata.ctx.issues.warnings)


def library_context() -> dict[str, Any]:
    """The context that mlcroissant itself writes for 1.1; no public function makes it."""
    from mlcroissant._src.core import context, rdf  # type: ignore[import-untyped]  # noqa: PLC2701

    version = "http://mlcommons.org/croissant/1.1"
    found: dict[str, Any] = rdf.make_context(context.Context(conforms_to=version))
    return found


def spdx_faults(doc: dict[str, Any]) -> str:
    """What the shapes of SPDX have against a document; empty if nothing.

    Skips aloud where they are not at hand: no package ships them.
    """
    if not MODEL.is_file() or not CONTEXT.is_file():
        pytest.skip(f"no SPDX model in {SCHEMAS}: documents are not validated against its shapes")
    import pyshacl
    import rdflib

    with offline():
        local = doc | {"@context": json.loads(CONTEXT.read_text())["@context"]}
        graph = rdflib.Graph().parse(data=json.dumps(local), format="json-ld")
        holds, _, text = pyshacl.validate(
            graph, shacl_graph=_shapes(), ont_graph=_shapes(), inference="none"
        )
    return "" if holds else str(text)


def spdx_objects(raw: bytes) -> Any:
    """A document as the Python model of SPDX reads it, every reference followed."""
    from spdx_python_model import v3_0_1 as spdx

    with offline():
        found = spdx.SHACLObjectSet()
        spdx.JSONLDDeserializer().read(io.BytesIO(raw), found)
        found.link()
    return found


def _is_iri_reference(text: object) -> bool:
    return _iri_references().is_valid(text)


@cache
def _iri_references() -> Formats:
    return Formats({"format": "iri-reference"}, validate_formats=True)


@cache
def _shapes() -> Any:
    import rdflib

    return rdflib.Graph().parse(MODEL)
