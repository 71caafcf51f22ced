"""What of a scope is still there: looked for before an erasure, and again after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from catalog import files, personal, subjects, versions
from catalog.engine import open_catalog, reading
from licensing.manifest import sha256_hex
from pipelines.erase.places import checkpoints_that_saw, found_in_home
from pipelines.erase.prefixes import held_by
from pipelines.erase.sets import rows_in_sets
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.erasing import matching_rows
from pipelines.storage import join

if TYPE_CHECKING:
    from pipelines.erase.scope import Scope
    from pipelines.settings import Settings


def found(scope: Scope, settings: Settings) -> dict[str, Any]:
    """Count what is there, by kind; the certificate holds it as it was before the first byte went.

    `content` is the digest over the sorted sha256 of the files, which the records keep.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        texts = personal.count(session, scope.source_id, scope.texts)
        batches = 0 if scope.sha256 else len(versions.batches_of(session, scope.source_id))
    return {
        "contents": len(scope.contents),
        "content": sha256_hex("\n".join(scope.contents).encode()),
        "lake": _in_lake(scope, settings),
        "training_sets": rows_in_sets(scope, settings),
        "home": found_in_home(scope, settings),
        "texts": texts,
        "batches": batches,
    }


def left(seen: dict[str, Any]) -> list[str]:
    """Name the kinds of which something is there."""
    sums = {
        "lake": sum(seen["lake"].values()),
        "training_sets": sum(seen["training_sets"].values()),
        **seen["home"],
        "texts": seen["texts"],
        "batches": seen["batches"],
    }
    return [name for name, number in sums.items() if number]


def remains(scope: Scope, settings: Settings) -> dict[str, Any]:
    """What an erasure leaves, and why: others' rights, weights, the law of the log."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        copies = {
            (sha256, source)
            for sha256, source, _path in files.copies_elsewhere(session, scope.source_id)
            if sha256 in scope.contents
        }
        plain = personal.plain_names(session, scope.source_id)
        plain += subjects.plain(session, scope.source_id)
    return {
        "copies_of_other_sources": [list(one) for one in sorted(copies)],
        "checkpoints": list(checkpoints_that_saw(scope, settings)),
        "names_in_older_records": plain,
    }


def _in_lake(scope: Scope, settings: Settings) -> dict[str, int]:
    if not scope.sha256:
        number, size = held_by(join(settings.lake, scope.source_id))
        return {"files": number, "bytes": size}
    return {
        name: matching_rows(dataset_uri(settings.lake, scope.source_id, name), where)
        for name, where in scope.rows_of_lake(settings.lake).items()
    }
