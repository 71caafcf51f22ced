"""Answer what documents ask, and see which documents a training set has and what they still lack.

In: fields and texts from a person. Out: dated records; the next export writes them down. Nothing is
answered by itself: a draft says which of its fields are open, and `missing` asks for them.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from catalog import answers, training_sets
from catalog.engine import open_catalog, reading, transaction
from licensing.manifest import open_manifest
from pipelines.documents.questions import QUESTIONS
from pipelines.errors import ExportError
from pipelines.storage import exists, join, read_bytes

if TYPE_CHECKING:
    from pipelines.settings import Settings

BELOW = "documents/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a training set; `missing` are the fields that it leaves open."""

    name: str
    num_bytes: int
    sha256: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A field that a document asks for, and the answer on record, if any."""

    field: str
    asks: str
    answer: str


def answer(
    settings: Settings, said: Mapping[str, str], *, set_name: str = "", now: datetime
) -> dict[str, str]:
    """Record answers, for one training set or for all; return what changed, by field.

    Raises:
        ExportError: ANSWER_UNKNOWN for a field that no document asks for; nothing is recorded.
    """
    for field in said:
        if field not in QUESTIONS:
            near = difflib.get_close_matches(field, QUESTIONS, n=1, cutoff=0.0)
            raise ExportError(
                f"no document asks for {field!r}; the nearest field is {near[0]}",
                code="ANSWER_UNKNOWN",
                subject=field,
                way_out="`clearway documents questions` lists every field",
            )
    scope = f"{set_name}/" if set_name else ""
    with transaction(open_catalog(settings.catalog_url)) as session:
        return {
            field: str(answers.record_answer(session, f"{scope}{field}", text, now=now))
            for field, text in said.items()
        }


def questions(settings: Settings, *, set_name: str = "") -> tuple[Question, ...]:
    """Every field that documents ask people for, with the answer that holds for `set_name`."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        given = answers.answers(session, set_name)
    return tuple(
        Question(field=field, asks=asks, answer=given.get(field, ""))
        for field, asks in QUESTIONS.items()
    )


def documents_of(settings: Settings, set_id: str) -> tuple[Document, ...]:
    """The documents of a training set, as its manifest lists them."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        row = training_sets.training_set(session, set_id)
    uri = settings.set_uri(row.name, row.version)
    manifest = open_manifest(read_bytes(join(uri, "manifest.json")))
    return tuple(
        Document(
            name=one["path"].removeprefix(BELOW),
            num_bytes=one["bytes"],
            sha256=one["sha256"],
            missing=_missing(uri, one["path"]),
        )
        for one in manifest["files"]
        if one["path"].startswith(BELOW)
    )


def missing_of(settings: Settings, set_id: str) -> tuple[Question, ...]:
    """The fields that documents of a set leave open and that nobody has answered since."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name = training_sets.training_set(session, set_id).name
    open_ones = {field for one in documents_of(settings, set_id) for field in one.missing}
    return tuple(
        one
        for one in questions(settings, set_name=name)
        if one.field in open_ones and not one.answer
    )


def _missing(uri: str, path: str) -> tuple[str, ...]:
    if not path.endswith(".json") or not exists(join(uri, path)):
        return ()  # erased with a source that they named
    said = json.loads(read_bytes(join(uri, path)))
    return tuple(said.get("missing", ())) if isinstance(said, dict) else ()
