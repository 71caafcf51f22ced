"""Arrivals: whether the folder of a source is other than the last scan found it, and is quiet.

In: a folder, and what the look before saw of it. Out: a digest of the file system's own record of
every path, and what is to be done. A scan notes the digest of what it listed, so that whatever came
afterwards shows, however long nobody looked. No file is opened, and what is noted holds no name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines import storage
from pipelines.settings import Settings
from pipelines.storage import Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a folder told: how it is listed now, and whether it is to be taken up."""

    listing: str  # "" when the folder is not there
    is_new: bool  # other than the last scan found it
    is_quiet: bool  # as the look before saw it: nobody is writing

    @property
    def is_ready(self) -> bool:
        """Whether something arrived and all of it is there."""
        return self.is_new and self.is_quiet


def look_at(source_id: str, uri: str, settings: Settings, *, before: str) -> Look:
    """Look at the folder of a source; `before` is the listing that the last look saw, or ""."""
    listing = listing_of(storage.list_files(uri)) if storage.exists(uri) else ""
    is_new = bool(listing) and listing != noted(source_id, settings)
    return Look(listing=listing, is_new=is_new, is_quiet=listing == before)


def listing_of(listed: Iterable[Listed]) -> str:
    """Digest paths with size, place and times of change: a write to any file changes it."""
    rows = [(one.path, one.mark, one.problem) for one in listed]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def note(source_id: str, listed: Iterable[Listed], settings: Settings) -> None:
    """Note what a scan has listed."""
    storage.write_bytes(str(noted_at(source_id, settings)), listing_of(listed).encode())


def noted(source_id: str, settings: Settings) -> str:
    """Return the listing of the last scan, "" when there was none."""
    try:
        return noted_at(source_id, settings).read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def noted_at(source_id: str, settings: Settings) -> Path:
    """Where a scan notes its listing; without it the next look finds everything new."""
    return settings.home / "listed" / source_id
