"""The paper of a backup: what it holds, under a digest, so that any other word is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from catalog import log
from catalog.errors import BackupError

PAPER: Final = "backup.json"
FORMAT: Final = "clearway-backup/1"
OTHER: Final = "use another backup; `clearway catalog backup` makes a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What the paper of a backup says; `note` is the newest signed head in it, "" without one."""

    format: str
    made_at: str
    revision: str
    sha256: str
    size_bytes: int
    size: int
    root: str
    note: str
    tables: Mapping[str, int]


def paper(made: Backup) -> bytes:
    """The bytes of the paper."""
    doc = asdict(made)
    return log.document({**doc, "digest": hashlib.sha256(log.document(doc)).hexdigest()})


def read_paper(folder: Path) -> Backup:
    """Read the paper of the backup in `folder`.

    Raises:
        BackupError: BACKUP_INCOMPLETE without one, BACKUP_CHANGED.
    """
    path = folder / PAPER
    if not path.is_file():
        raise BackupError(
            f"{folder}: no {PAPER}, which is written last: the backup was cut short, or is none",
            code="BACKUP_INCOMPLETE", subject=str(folder), way_out=OTHER,
        )  # fmt: skip
    raw = path.read_bytes()
    try:
        doc = json.loads(raw)
        doc.pop("digest")
        found = Backup(**doc)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise changed(path, "not the paper of a backup") from error
    if paper(found) != raw or found.format != FORMAT:
        raise changed(path, "other words than were written")
    return found


def changed(path: Path, found: str) -> BackupError:
    """The error for a file of a backup that is not as it was written."""
    return BackupError(f"{path}: {found}", code="BACKUP_CHANGED", subject=str(path), way_out=OTHER)


def file_sha256(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
