"""Arrivals: whether the place of a source is other than the last scan found it, and is quiet.

In: a folder or a prefix of a bucket, and what the look before saw of it. Out: a digest of the file
system's own record of every path, or of the sizes and times that the bucket lists, and what is to
be done. A scan notes the digest of what it listed, so that whatever came afterwards shows, however
long nobody looked. No file is opened, and what is noted holds no name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipelines import storage
from pipelines.errors import RegistrationError
from pipelines.settings import Settings
from pipelines.storage import Listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one look at a place told: how it is listed now, and whether it is to be taken up."""

    listing: str  # "" when the folder is not there, or the bucket holds nothing under the prefix
    is_new: bool  # other than the last scan found it
    is_quiet: bool  # as the look before saw it: nobody is writing

    @property
    def is_ready(self) -> bool:
        """Whether something arrived and all of it is there."""
        return self.is_new and self.is_quiet


def look_at(source_id: str, uri: str, settings: Settings, *, before: str) -> Look:
    """Look at the place of a source; `before` is the listing that the last look saw, or "".

    Raises:
        RegistrationError: SOURCE_REFUSED when a bucket does not list its objects,
            SOURCE_UNREACHABLE when its store does not answer.
    """
    listing = _listing_here(uri) if storage.is_local(uri) else _listing_there(source_id, uri)
    is_new = bool(listing) and listing != noted(source_id, settings)
    return Look(listing=listing, is_new=is_new, is_quiet=listing == before)


def listing_of(listed: Iterable[Listed]) -> str:
    """Digest paths with size, place and times of change: a write to any file changes it."""
    rows = [(one.path, one.mark or _of_object(one), one.problem) for one in listed]
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


def _listing_here(uri: str) -> str:
    return listing_of(storage.list_files(uri)) if storage.exists(uri) else ""


def _listing_there(source_id: str, uri: str) -> str:
    """One listing of the bucket, a request for each 1,000 objects; none of them is asked for."""
    try:
        listed = tuple(storage.list_files(uri))
    except OSError as error:
        unheard = "NETWORK_CONNECTION" in str(error)  # pyarrow has no type for it
        raise RegistrationError(
            f"source {source_id}: {uri} is not listed: {error}",
            code="SOURCE_UNREACHABLE" if unheard else "SOURCE_REFUSED",
            subject=source_id, way_out="check the bucket, its rights and the network",
        ) from error  # fmt: skip
    return listing_of(listed) if listed else ""


def _of_object(one: Listed) -> tuple[int, int] | None:
    return (one.size_bytes, one.written_ns) if one.written_ns else None
