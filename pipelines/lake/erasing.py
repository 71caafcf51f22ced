"""Erase rows of a dataset physically: deletions materialised, old versions gone, files read back.

The caller holds the source's lock and knows of no batch that is written and not committed: its
files are in no version and would go too. Every step may be repeated after a kill.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from pipelines.errors import LakeError
from pipelines.lake.datasets import has_dataset, open_dataset, refusals
from pipelines.storage import list_files

_ONE_EACH = ("_versions/", "_transactions/")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsErased:
    """What was erased from a dataset: rows, files that are gone, and bytes that had to move."""

    rows: int = 0
    files: int = 0
    size_bytes: int = 0
    rewritten_bytes: int = 0


def matching_rows(uri: str, where: str) -> int:
    """The number of rows of a predicate; 0 when there is no dataset."""
    return int(open_dataset(uri).count_rows(filter=where)) if has_dataset(uri) else 0


def is_clean(uri: str, where: str) -> bool:
    """Whether no row of the predicate is left, in no version, and no file beyond the last one."""
    if not has_dataset(uri):
        return True
    return not matching_rows(uri, where) and not leftovers(uri)


def erase_rows(uri: str, where: str) -> RowsErased:
    """Erase the rows of a predicate on columns that are never null; other rows stay bit by bit.

    Raises:
        LakeError: LAKE_REFERENCED when a tag or a branch keeps older versions, LAKE_RESIDUE when
            a file is left that the last version does not use.
    """
    if not has_dataset(uri):
        return RowsErased()
    drop_references(uri)
    before = {one.path: one.size_bytes for one in list_files(uri)}
    rows = matching_rows(uri, where)
    if rows:
        with refusals(uri):
            open_dataset(uri).delete(where)
    _materialise(uri)
    _drop_indexes(uri)
    _clean_up(uri)
    if left := leftovers(uri):
        raise LakeError(
            f"{uri}: {len(left)} files are left that its last version does not use: {left[0]}",
            code="LAKE_RESIDUE",
            subject=uri,
            way_out="end whatever else writes to this dataset, then run the same command again",
        )
    after = {one.path: one.size_bytes for one in list_files(uri)}
    gone = {path: size for path, size in before.items() if path not in after}
    new = (size for path, size in after.items() if path not in before)
    return RowsErased(
        rows=rows, files=len(gone), size_bytes=sum(gone.values()), rewritten_bytes=sum(new)
    )


def drop_references(uri: str) -> None:
    """Delete the tags of a dataset and refuse branches: each keeps older versions alive.

    Raises:
        LakeError: LAKE_REFERENCED for a branch, which may hold rows of its own.
    """
    dataset = open_dataset(uri)
    with refusals(uri):
        branches = sorted(dataset.branches.list())
        if branches:
            raise LakeError(
                f"{uri}: branch {branches[0]} keeps older versions; none is made by Clearway",
                code="LAKE_REFERENCED",
                subject=branches[0],
                way_out="delete the branch with Lance, then run the same command again",
            )
        for tag in sorted(dataset.tags.list()):
            dataset.tags.delete(tag)


def leftovers(uri: str) -> tuple[str, ...]:
    """The files below a dataset that its last version does not use, relative to it."""
    used, folders = _used(uri)
    rest = [
        one.path
        for one in list_files(uri)
        if one.path not in used and not one.path.startswith(folders)
    ]
    left: list[str] = []
    for folder in _ONE_EACH:  # the last manifest, and the transaction that made it
        own = [one for one in rest if one.startswith(folder)]
        left += own if len(own) > 1 else []
    return (*(one for one in rest if not one.startswith(_ONE_EACH)), *left)


def _used(uri: str) -> tuple[set[str], tuple[str, ...]]:
    """The files of the last version, and the folders of their blobs."""
    used, folders = {"_versions/latest_version_hint.json"}, []
    for fragment in open_dataset(uri).get_fragments():
        for file in fragment.metadata.files:
            used.add(f"data/{file.path}")
            folders.append(f"data/{file.path.removesuffix('.lance')}/")
        deletions = fragment.metadata.deletion_file
        if deletions is not None:
            used.add(str(deletions.path(fragment.fragment_id)))
    return used, tuple(folders)


def _materialise(uri: str) -> None:
    """Rewrite each fragment that lost some of its rows, alone: any other call mixes sources."""
    with refusals(uri):
        dirty = [one.fragment_id for one in open_dataset(uri).get_fragments() if one.num_deletions]
        for number in dirty:
            dataset = open_dataset(uri)
            others = [one.fragment_id for one in dataset.get_fragments()]
            others.remove(number)
            dataset.optimize.compact_files(
                materialize_deletions_threshold=0.0, excluded_fragment_ids=others
            )


def _drop_indexes(uri: str) -> None:
    """Drop every index: it keeps the values of rows that are gone. None is made by Clearway."""
    dataset = open_dataset(uri)
    with refusals(uri):
        for name in sorted({str(one.name) for one in dataset.describe_indices()}):
            dataset.drop_index(name)


def _clean_up(uri: str) -> None:
    with refusals(uri):
        open_dataset(uri).cleanup_old_versions(
            older_than=timedelta(microseconds=1), delete_unverified=True
        )
