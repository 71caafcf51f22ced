"""Training sets: a shard holds one source only, so dropping it rewrites nothing else.

The set's digest breaks on purpose: the gate refuses the old manifest, `set export` makes the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import training_sets
from catalog.engine import open_catalog, reading, source_lock
from pipelines.erase.prefixes import erase_prefix, held_by, wait_for_readers
from pipelines.lake.erasing import erase_rows, is_clean, matching_rows
from pipelines.storage import delete_file, exists, join, list_files

if TYPE_CHECKING:
    from pipelines.erase.scope import Scope
    from pipelines.settings import Settings

KEPT = "selection.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a training set that holds, or may hold, rows of the scope."""

    name: str
    version: str
    uri: str
    on_record: bool

    @property
    def data(self) -> str:
        """Its rows."""
        return join(self.uri, "data.lance")


def rows_in_sets(scope: Scope, settings: Settings) -> dict[str, int]:
    """How many rows of the scope each version still holds; a stray one counts its files."""
    found = {}
    for one in _versions(settings):
        if one.on_record:
            rows = matching_rows(one.data, scope.rows_of_set())
            number = rows or (0 if is_clean(one.data, "false") else 1)
        else:
            number = held_by(one.uri)[0]
        if number:
            found[f"{one.name}@{one.version}"] = number
    return found


def erase_from_sets(scope: Scope, settings: Settings, *, wait_s: float) -> None:
    """Drop the rows of the scope from every version, and versions that an export left half-made.

    Raises:
        CatalogError: SOURCE_LOCKED while a set is exported for longer than `wait_s` seconds.
        ErasureError: READER_IN_THE_WAY, ERASURE_RESIDUE.
        LakeError: LAKE_REFERENCED, LAKE_RESIDUE.
    """
    for name in sorted({one.name for one in _versions(settings)}):
        engine = open_catalog(settings.catalog_url)
        with source_lock(engine, f"set.{name}", settings.locks_dir, timeout_s=wait_s):
            versions = [one for one in _versions(settings) if one.name == name]
            for one in versions:
                _erase_from(one, scope, wait_s=wait_s)


def _erase_from(version: Version, scope: Scope, *, wait_s: float) -> None:
    where = scope.rows_of_set()
    if not version.on_record:
        erase_prefix(version.uri, wait_s=wait_s)
    elif not is_clean(version.data, where):
        if not scope.sha256:  # before the rows: killed in between, the rows bring us here again
            _drop_documents(version, wait_s=wait_s)
        wait_for_readers(version.data, wait_s=wait_s)
        erase_rows(version.data, where)


def _drop_documents(version: Version, *, wait_s: float) -> None:
    """Delete the documents of a version that held the source: they tell its title and creator.

    The version is refused from now on and its successor has documents of its own. What was
    selected stays: it names ids only, and the successor takes shards over by it.
    """
    documents = join(version.uri, "documents")
    wait_for_readers(documents, wait_s=wait_s)
    for one in list_files(documents):
        if one.path != KEPT:
            delete_file(join(documents, one.path))


def _versions(settings: Settings) -> Iterator[Version]:
    """Every version folder, on record or not."""
    if not exists(settings.training_sets):
        return
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        recorded = {(one.name, str(one.version)) for one in training_sets.training_sets(session)}
    folders = {tuple(one.path.split("/")[:2]) for one in list_files(settings.training_sets)}
    for name, version in sorted(one for one in folders if len(one) == 2 and one[1].isdecimal()):
        yield Version(
            name=name,
            version=version,
            uri=join(settings.training_sets, name, version),
            on_record=(name, version) in recorded,
        )
