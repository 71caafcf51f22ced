"""A pack in our own format: a copy of the set's folder, each file proven while it is copied.

It needs no list of its own: the set's manifest names every file, and every check of a set holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import PackError
from pipelines.storage import CHUNK_BYTES, join, opened

if TYPE_CHECKING:
    from training.gate import Cleared


def copy_listed(
    cleared: Cleared, folder: Path, *, below: str = "", told: Callable[[int], None]
) -> None:
    """Copy the files of the set that lie below `below`, byte for byte.

    Raises:
        PackError: FILE_CHANGED for one that is not as the manifest lists it.
    """
    for listed in cleared.manifest["files"]:
        if listed["path"].startswith(below):
            _copy(join(cleared.uri, listed["path"]), folder / listed["path"], listed)
            told(1)


def _copy(uri: str, target: Path, listed: dict[str, Any]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    hashed = hashlib.sha256()
    with opened(uri) as source, target.open("wb") as sink:
        while chunk := source.read(CHUNK_BYTES):
            hashed.update(chunk)
            sink.write(chunk)
    if hashed.hexdigest() != listed["sha256"]:
        raise PackError(
            f"{listed['path']} was changed while it was copied",
            code="FILE_CHANGED",
            subject=listed["path"],
            way_out="fetch the training set again from its issuer, or export it anew",
        )
