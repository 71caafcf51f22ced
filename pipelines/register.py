"""Register: parties, sources, requests and rights facts, from flags or from one file.

The first station. In: what a person says or a TOML or JSON file holds. Out: dated facts in the
catalog; the same said twice changes nothing. Whatever cannot be read is refused as a whole: a term
that nobody understood must not be left out of a licence.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from catalog import parties, requests, sources
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import NotFound
from catalog.parties import Party
from catalog.sources import Source
from licensing.errors import BadCase
from licensing.request import read_request
from pipelines.attach.station import attach_facts
from pipelines.clip_rules import KEYS as RULES
from pipelines.clip_rules import read_rules
from pipelines.errors import RegistrationError
from pipelines.readers import READERS
from pipelines.settings import Settings

MODALITIES = ("video", "game", "robot", "sensor", "synthetic")
RIGHTS_STREAMS = ("video", "audio", "action", "state", "event")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
RESERVED = ("training_sets",)
ACQUISITIONS = ("public", "licensed", "third_party", "crawled", "user", "synthetic", "own")
SOURCE_KEYS = (
    *("id", "title", "path", "uri", "modality", "reader", "owner", "attribution"),
    *("streams", "config", "instruments", "layers", "settled", "real", "obtained", "expected"),
    "acquisition",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """How many things of each kind were added, changed, or on record already."""

    changes: Mapping[str, Mapping[str, int]]

    @property
    def num_changed(self) -> int:
        """Number of things that are new or different."""
        return sum(
            n for each in self.changes.values() for how, n in each.items() if how != "unchanged"
        )

    def summary(self) -> str:
        """Say it in one line."""
        parts = [
            f"{kind}: " + ", ".join(f"{n} {how}" for how, n in sorted(each.items()))
            for kind, each in self.changes.items()
        ]
        return "; ".join(parts) or "nothing to register"


def describe_source(
    name: str,
    *,
    uri: str,
    modality: str,
    facts: Mapping[str, Any],
    streams: Mapping[str, str],
    config: Mapping[str, Any],
) -> Source:
    """Check what was said about a source and return it as a value.

    `facts` may hold owner, title, attribution, reader and fictional.
    """
    if not NAME.fullmatch(name) or name in RESERVED:
        raise _invalid(
            name,
            f"the name {name!r} is not usable",
            "use a-z, 0-9, dot, dash and underscore, at most 63 of them",
        )
    if modality not in MODALITIES:
        raise _invalid(name, f"modality is {modality!r}", f"use one of {', '.join(MODALITIES)}")
    for stream, right in streams.items():
        if right not in RIGHTS_STREAMS:
            raise _invalid(
                name,
                f"stream {stream!r} is mapped to {right!r}",
                f"map it to one of {', '.join(RIGHTS_STREAMS)}",
            )
    reader = str(facts.get("reader") or "auto")
    if reader not in {"auto", *READERS}:
        raise _invalid(name, f"reader is {reader!r}", f"use auto or one of {', '.join(READERS)}")
    where = _place(name, uri.removeprefix("file://"))
    rules = {key: config[key] for key in RULES if key in config}
    read_rules(rules)
    return Source(
        source_id=name,
        uri=where,
        modality=modality,
        streams=dict(streams),
        config={key: value for key, value in config.items() if key not in rules},
        clips=rules,
        **_known(facts),
    )


def register_source(settings: Settings, source: Source, *, now: datetime) -> str:
    """Record a source; an owner nobody registered is recorded as a party of that name."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        if source.owner:
            try:
                parties.party(session, source.owner)
            except NotFound:
                parties.register_party(
                    session, Party(party_id=source.owner, name=source.owner), now=now
                )
        return str(sources.register_source(session, source, now=now))


def register_corpus(settings: Settings, file: Path, *, now: datetime) -> Registered:
    """Register everything that one TOML or JSON file describes, in one transaction.

    Keys: `parties`, `instruments`, `sources` (each with `path` relative to the file, its layers and
    what was settled) and `requests`.
    """
    corpus = read_file(file)
    changes: dict[str, Counter[str]] = {
        kind: Counter() for kind in ("parties", "sources", "facts", "requests")
    }
    instruments = {one["id"]: one for one in corpus.get("instruments", [])}
    with transaction(open_catalog(settings.catalog_url)) as session:
        for doc in corpus.get("parties", []):
            changes["parties"][str(parties.register_party(session, _party(doc), now=now))] += 1
        for doc in corpus.get("sources", []):
            source = _described(doc, file.parent)
            changes["sources"][str(sources.register_source(session, source, now=now))] += 1
            changes["facts"] += attach_facts(
                session, source.source_id, rights_of(doc, instruments),
                folder=file.parent, keep=settings.home / "evidence", now=now,
            )  # fmt: skip
        for doc in corpus.get("requests", []):
            change = requests.save_request(session, doc["id"], request_now(doc["request"]), now=now)
            changes["requests"][str(change)] += 1
    return Registered(changes={kind: dict(each) for kind, each in changes.items() if each})


def rights_of(source: Mapping[str, Any], instruments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rights part of a source's description, as `rights attach --file` reads it."""
    named = source.get("instruments", [])
    for name in named:
        if name not in instruments:
            raise _invalid(
                source["id"],
                f"instrument {name!r} is not described",
                "add it to `instruments` of the same file",
            )
    return {
        "instrument": [instruments[name] for name in named],
        "layer": list(source.get("layers", [])),
        "settled": dict(source.get("settled", {})),
    }


def request_of(settings: Settings, name: str, *, at: str = "") -> dict[str, Any]:
    """Return a request by file or by recorded name; `at` asks what would hold on another day."""
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        doc = read_request_file(path)
    else:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            stored = requests.request(session, name)
            doc = {**stored.doc, "name": stored.name}
    return {**doc, "at": date.fromisoformat(at)} if at else doc


def read_request_file(file: Path) -> dict[str, Any]:
    """Read REQUEST.toml; an unknown key or value is refused by name."""
    doc = read_file(file)
    try:
        read_request(doc)
    except BadCase as error:
        raise RegistrationError(
            f"{file}: {error}",
            code=error.code or "BAD_REQUEST",
            subject=str(file),
            way_out=error.way_out or "see the request's dimensions in docs/licensing.md",
        ) from error
    return doc


def request_now(doc: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without its date: what is recorded is asked again each day."""
    return {key: value for key, value in doc.items() if key != "at"}


def read_file(file: Path) -> dict[str, Any]:
    """Read a TOML or JSON object.

    Raises:
        RegistrationError: FILE_UNREADABLE when it is missing or not of that form.
    """
    try:
        text = file.read_text(encoding="utf-8")
        content = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise RegistrationError(
            f"{file}: cannot be read: {error}, expected a TOML or JSON file",
            code="FILE_UNREADABLE",
            subject=str(file),
            way_out="check the path and the syntax",
        ) from error
    if not isinstance(content, dict):
        raise RegistrationError(
            f"{file}: holds a {type(content).__name__}, expected an object",
            code="FILE_UNREADABLE", subject=str(file), way_out="wrap it in named keys",
        )  # fmt: skip
    return content


def _described(doc: Mapping[str, Any], folder: Path) -> Source:
    name = str(doc.get("id", ""))
    unknown = sorted(set(doc) - set(SOURCE_KEYS))
    if unknown:
        raise _invalid(
            name, f"unknown key {unknown[0]!r}", f"known are {', '.join(sorted(SOURCE_KEYS))}"
        )
    uri = doc.get("uri") or str(folder / doc.get("path", ""))
    if "://" not in uri and folder in Path(uri).parents:
        Path(uri).mkdir(parents=True, exist_ok=True)  # a source without files is a state
    return describe_source(
        name,
        uri=uri,
        modality=str(doc.get("modality", "")),
        facts={**doc, "fictional": not doc.get("real", True)},
        streams=doc.get("streams", {}),
        config=doc.get("config", {}),
    )


def _place(name: str, uri: str) -> str:
    if "://" in uri and not uri.startswith("s3://"):
        raise _invalid(name, f"uri is {uri!r}", "give a folder, or s3://bucket/prefix")
    where = uri if "://" in uri else str(Path(uri).expanduser().absolute())
    if "://" not in where and not Path(where).is_dir():
        raise RegistrationError(
            f"source {name}: {where} is not a folder, expected recordings",
            code="SOURCE_PATH_MISSING",
            subject=name,
            way_out="check the path, or make the folder first",
        )
    return where


def _known(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "owner": str(facts.get("owner") or ""),
        "title": str(facts.get("title") or ""),
        "attribution": str(facts.get("attribution") or ""),
        "reader": str(facts.get("reader") or "auto"),
        "fictional": bool(facts.get("fictional", False)),
        "acquisition": _acquisition(str(facts.get("acquisition") or "")),
        "obtained": str(facts.get("obtained") or ""),
    }


def _acquisition(said: str) -> str:
    if said and said not in ACQUISITIONS:
        raise _invalid(said, f"acquisition is {said!r}", f"use one of {', '.join(ACQUISITIONS)}")
    return said


def _party(doc: Mapping[str, Any]) -> Party:
    return Party(
        party_id=str(doc["id"]),
        name=str(doc.get("name") or doc["id"]),
        kind=str(doc.get("kind") or "organisation"),
        jurisdiction=str(doc.get("jurisdiction") or ""),
        fictional=not doc.get("real", True),
    )


def _invalid(name: str, what: str, way_out: str) -> RegistrationError:
    return RegistrationError(
        f"source {name}: {what}", code="SOURCE_INVALID", subject=name, way_out=way_out
    )
