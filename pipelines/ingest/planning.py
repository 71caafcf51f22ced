"""What there is to do: work keys, and bundles of groups that one worker takes at a time.

A work key digests what a group's outcome depends on: the bytes of its files, the reader with its
version, the source's reader settings. Done work is found by its key, so that one edited file is one
file of work, whatever its path or time of change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.bundles import bundled
from pipelines.readers import READERS
from pipelines.readers.guard import LIMITS
from pipelines.readers.reading import Group
from pipelines.records import content_id

BUNDLE_GROUPS = 32
BUNDLE_BYTES = 32 << 20
BATCH_BUNDLES = 64
BATCH_BYTES = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a batch reads and writes: small values that travel to a worker."""

    root: Path
    media: str
    streams: str
    frames: str
    scratch: Path
    config: Mapping[str, Any]
    batch_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Groups that one worker reads into fragments of its own; what is stored already is left."""

    groups: tuple[Group, ...]
    stored_files: frozenset[str] = frozenset()
    stored_episodes: frozenset[str] = frozenset()

    @property
    def size_bytes(self) -> int:
        """The bytes to be read."""
        return sum(one.size_bytes for group in self.groups for one in group.files)

    def split(self) -> tuple[Bundle, ...]:
        """The same groups, each on its own."""
        return tuple(replace(self, groups=(group,)) for group in self.groups)


def work_key(group: Group, config: Mapping[str, Any]) -> str:
    """The digest of all that the outcome of a group depends on."""
    content = [one.sha256 for one in (*group.files, *group.companions)]
    layout = [group.layout] if group.layout else []
    return content_id(
        group.source_id,
        READERS[group.reader],
        content,
        bool(group.picture),
        _plain(config),
        *layout,
    )


def batch_key(source_id: str, keys: Iterable[str], *, after: int) -> str:
    """The idempotency key of a batch: what is written, after how many finished batches."""
    return content_id(source_id, sorted(keys), after)


def bundles(groups: Sequence[Group], stored_files: frozenset[str]) -> Iterator[Bundle]:
    """Small groups together, large ones alone; bytes in several groups are stored by the first."""
    seen = set(stored_files)
    together = bundled(groups, lambda one: _size([one]), most=BUNDLE_GROUPS, heaviest=BUNDLE_BYTES)
    for some in together:
        yield _bundle(some, seen)


def batches(all_bundles: Iterable[Bundle]) -> Iterator[tuple[Bundle, ...]]:
    """Bundles that are committed together: a kill costs no more than one such batch."""
    batch: list[Bundle] = []
    for one in all_bundles:
        batch.append(one)
        full = sum(each.size_bytes for each in batch) >= BATCH_BYTES
        if full or len(batch) >= BATCH_BUNDLES:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def _bundle(groups: tuple[Group, ...], seen: set[str]) -> Bundle:
    own = {one.sha256 for group in groups for one in group.files}
    bundle = Bundle(groups=groups, stored_files=frozenset(own & seen))
    seen |= own
    return bundle


def _size(groups: Iterable[Group]) -> int:
    return sum(one.size_bytes for group in groups for one in group.files)


def _plain(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the settings that what is read depends on."""
    return sorted((key, value) for key, value in config.items() if key not in {"decode", *LIMITS})
