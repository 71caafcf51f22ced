"""Compare catalog, log, lake and training sets, and name what one of them has and another lacks.

In: a home, and a signed head that was kept elsewhere if there is one. Out: findings, none when all
agree. A catalog that was restored from an old backup is found by what it does not know any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from catalog import files, rights, sources, training_sets, tree, versions
from catalog.engine import open_catalog, reading
from catalog.errors import LogBroken
from licensing.note import open_head
from pipelines.heads import verify
from pipelines.keys import trusted_publics
from pipelines.lake.datasets import NAMES, dataset_name, dataset_uri, has_dataset, version_of
from pipelines.lake.reading import scan_columns
from pipelines.revocations import published_list
from pipelines.storage import exists, join, list_folders

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.audit import Progress
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Where two records of the same thing part: in `part`, about `subject`."""

    part: str
    subject: str
    what: str

    def line(self) -> dict[str, Any]:
        """The finding as `check --json` prints it."""
        return {"part": self.part, "subject": self.subject, "what": self.what}


def check(
    settings: Settings, *, head: str = "", progress: Progress | None = None
) -> tuple[Finding, ...]:
    """Compare everything; `head` is a signed head that the log must contain, "" for none.

    Raises:
        PaperError: HEAD_MALFORMED, KEY_UNKNOWN or SIGNATURE_BAD for the head.
        LogBroken: LOG_BROKEN if a table cannot be read at all.
    """
    found = [
        Finding(part="log", subject="log", what=one)
        for one in verify(settings, progress=progress).broken
    ]
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        found += _against_head(session, head, settings) if head else ()
        found += _revocations(session, settings)
        found += _sets(session, settings)
        known = {one.source_id for one in sources.sources(session)}
        held = set(list_folders(settings.lake))
        for number, source_id in enumerate(sorted(known | held)):
            if progress:
                progress("sources", number + 1, len(known | held))
            found += _source(session, settings, source_id, known=source_id in known)
    return tuple(found)


def _against_head(session: Session, note: str, settings: Settings) -> Iterator[Finding]:
    head, size = open_head(note, trusted_publics(settings)), tree.size(session)
    if head.size > size:
        said = f"entries {size} to {head.size - 1} are missing: the head is over {head.size}"
        yield Finding(part="log", subject="head", what=said)
        return
    try:
        same = tree.head(session, head.size)[1] == head.root
    except LogBroken:  # a node is missing, which `verify` says
        return
    if not same:
        said = f"the first {head.size} entries are not those that the head is over"
        yield Finding(part="log", subject="head", what=said)


def _revocations(session: Session, settings: Settings) -> Iterator[Finding]:
    """What was published as revoked and is not on record: publishing anew would take it back."""
    published = published_list(settings)
    known = {(one.subject_kind, one.subject_id) for one in rights.revocations(session)}
    for entry in published.entries if published else ():
        if (entry["kind"], entry["id"]) not in known and entry["kind"] != "set":
            said = f"{entry['kind']} was revoked and published, the catalog does not know it"
            yield Finding(part="revocations", subject=entry["id"], what=said)


def _sets(session: Session, settings: Settings) -> Iterator[Finding]:
    known = {one.set_id for one in training_sets.training_sets(session)}
    for name in list_folders(settings.training_sets):
        for version in list_folders(join(settings.training_sets, name)):
            done = exists(join(settings.training_sets, name, version, "clearance.dsse.json"))
            if done and f"{name}@{version}" not in known:
                said = "a training set that the catalog does not know"
                yield Finding(part="training sets", subject=f"{name}@{version}", what=said)


def _source(
    session: Session, settings: Settings, source_id: str, *, known: bool
) -> Iterator[Finding]:
    uris = {name: dataset_uri(settings.lake, source_id, name) for name in NAMES}
    there = {name: uri for name, uri in uris.items() if has_dataset(uri)}
    if there and not known:
        said = f"{', '.join(there)} of a source that the catalog does not know"
        yield Finding(part="lake", subject=source_id, what=said)
        return
    committed = versions.known_batches(session, source_id)
    for name, uri in there.items():
        yield from _batches(f"{source_id}/{name}", uri, committed)
    if {"media", "streams"} <= there.keys():
        told = files.ever_found(session, source_id) | _read_from(there["streams"], committed)
        yield from _media(source_id, there["media"], told)
    if not versions.was_erased(session, source_id):
        yield from _behind(source_id, uris, committed)


def _batches(subject: str, uri: str, committed: Mapping[tuple[str, str], int]) -> Iterator[Finding]:
    name = dataset_name(uri)
    rows = Counter(scan_columns(uri, ["batch_id"])["batch_id"].to_pylist())
    for batch in sorted(rows):
        if (name, batch) not in committed:
            said = f"batch {batch[:16]} of {rows[batch]} rows, which the catalog does not know"
            yield Finding(part="lake", subject=subject, what=said)


def _read_from(uri: str, committed: Mapping[tuple[str, str], int]) -> set[str]:
    """The bytes that streams on record lie in: files, and tracks that were muxed out of them."""
    table = scan_columns(uri, ["file_id", "batch_id"])
    rows = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
    return {file_id for file_id, batch in rows if ("streams", batch) in committed}


def _media(source_id: str, uri: str, known: Set[str]) -> Iterator[Finding]:
    held = set(scan_columns(uri, ["file_id"])["file_id"].to_pylist())
    for file_id in sorted(held - known):
        said = f"the bytes of file {file_id[:16]}, which has no line in the catalog"
        yield Finding(part="lake", subject=f"{source_id}/media", what=said)


def _behind(
    source_id: str, uris: Mapping[str, str], committed: Mapping[tuple[str, str], int]
) -> Iterator[Finding]:
    """A lake older than the catalog: versions that were committed and are not there."""
    newest: dict[str, int] = {}
    for (dataset, _batch), version in committed.items():
        newest[dataset] = max(version, newest.get(dataset, 0))
    for name, uri in uris.items():
        at, due = version_of(uri), newest.get(name, 0)
        if at < due:
            said = f"at version {at} (0 = absent), version {due} was committed: the lake is older"
            yield Finding(part="lake", subject=f"{source_id}/{name}", what=said)
