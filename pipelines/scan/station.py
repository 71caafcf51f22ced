"""The station: list the files of a source, capture what they say about rights, hash them.

Signals are captured before anything else touches the bytes, since a mere remux can remove them.
Each becomes a fact on every layer that it can speak of, and the bytes it was read from are kept.
Nothing here judges them. Files are known by their sha256 only; a file is read again for it unless
the file system shows that nothing has written to it (`hashing.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from catalog.engine import open_catalog, reading, transaction
from catalog.facts import record_facts
from catalog.rights import end_fact, ends_of, facts_of
from catalog.sources import source
from pipelines import storage
from pipelines.errors import RegistrationError
from pipelines.records import Found
from pipelines.scan import arrivals
from pipelines.scan.capture import capture
from pipelines.scan.facts import CAPTURED, Doc, evidence_docs, signal_docs
from pipelines.scan.hashing import Progress, digests_of, hashed, remember, remembered
from pipelines.settings import Settings
from pipelines.storage import Listed

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What lies in a source: files with their sha256, paths that cannot be read, facts captured."""

    source_id: str
    uri: str
    found: tuple[Found, ...]
    problems: tuple[Listed, ...]
    companions: int = 0  # files that speak about the recordings, by place
    num_signals: int = 0
    num_evidence: int = 0

    @property
    def paths(self) -> frozenset[str]:
        """Every path below the source."""
        return frozenset((*(one.path for one in self.found), *(one.path for one in self.problems)))

    @property
    def num_found(self) -> int:
        """Every path below the source, readable or not."""
        return len(self.found) + len(self.problems)

    @property
    def conserved(self) -> bool:
        """Whether no path is counted twice: each is hashed, or says why not."""
        return len(self.paths) == self.num_found

    @property
    def num_bytes(self) -> int:
        """The bytes of all files, as far as they could be told."""
        readable = sum(one.size_bytes for one in self.found)
        return readable + sum(one.size_bytes for one in self.problems)

    def counts(self) -> dict[str, int]:
        """The figures of the report."""
        return {
            "num_found": self.num_found,
            "num_bytes": self.num_bytes,
            "num_unreadable": len(self.problems),
            "companions": self.companions,
            "num_signals": self.num_signals,
            "num_evidence": self.num_evidence,
        }


def scan(
    source_id: str,
    settings: Settings,
    *,
    now: datetime,
    run_id: str,  # noqa: ARG001 - every station takes it
    progress: Progress | None = None,
) -> Scanned:
    """List and hash the files of a registered source and record what they say about rights.

    Raises:
        NotFound: no such source.
        RegistrationError: SOURCE_PATH_MISSING when its folder does not exist.
    """
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        uri = source(session, source_id).uri
    listed = _listed(source_id, uri)
    captured = capture(uri, listed, settings.home / "evidence")
    signals = signal_docs(captured.statements)
    evidence = evidence_docs(captured.statements)
    facts = [*(("evidence", doc) for doc in evidence), *(("signal", doc) for doc in signals)]
    if listed:
        facts.append(("captured", CAPTURED))
    _record(engine, source_id, facts, outdated=signal_docs(captured.outdated), now=now)
    kept = digests_of(settings, source_id)
    found = list(hashed(uri, listed, remembered(kept), progress=progress))
    remember(kept, listed, found, now=now)
    arrivals.note(source_id, listed, settings)
    return Scanned(
        source_id=source_id,
        uri=uri,
        found=tuple(one for one in found if isinstance(one, Found)),
        problems=tuple(one for one in found if isinstance(one, Listed)),
        companions=captured.companions,
        num_signals=len(signals),
        num_evidence=len(evidence),
    )


def _record(
    engine: Engine,
    source_id: str,
    facts: Sequence[tuple[str, Doc]],
    *,
    outdated: Sequence[Doc],
    now: datetime,
) -> None:
    """Record the facts that are new, and void what stood for a manifest that is read by now."""
    with reading(engine) as session:
        known = {(one.kind, _text(one.doc)): one.fact_id for one in facts_of(session, source_id)}
        unread = {known[said] for doc in outdated if (said := ("signal", _text(doc))) in known}
        ended = {one.fact_id for one in ends_of(session, unread)}
    new = [(kind, doc) for kind, doc in facts if (kind, _text(doc)) not in known]
    if not new and not unread - ended:
        return
    with transaction(engine) as session:
        record_facts(session, source_id, new, now=now)
        for fact_id in sorted(unread - ended):
            end_fact(session, fact_id, at=now.date(), kind="void", reason="read since", now=now)


def _text(doc: Doc) -> str:
    return json.dumps(doc, sort_keys=True)


def _listed(source_id: str, uri: str) -> tuple[Listed, ...]:
    if not storage.exists(uri):
        raise RegistrationError(
            f"source {source_id}: its folder {uri} does not exist",
            code="SOURCE_PATH_MISSING",
            subject=uri,
            way_out="create or mount the folder, or register the source again with another --uri",
        )
    return tuple(storage.list_files(uri))
