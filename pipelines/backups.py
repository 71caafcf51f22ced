"""Back up the catalog of a home with the signed head of its log, and restore it to a new home.

In: a home. Out: a folder that `catalog.backup` describes. Keys, lake and training sets are no part
of it: they are files, copied as such.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import tree
from catalog.audit import Progress
from catalog.backup import make_backup, restore_backup
from catalog.backup_paper import Backup
from catalog.engine import open_catalog, reading
from pipelines.heads import checkpoint, kept_in
from pipelines.storage import write_bytes

if TYPE_CHECKING:
    from pipelines.settings import Settings

Replay = Callable[["Settings"], object]


def back_up(
    settings: Settings, folder: Path, *, now: datetime, progress: Progress | None = None
) -> Backup:
    """Sign the head of the log and copy the catalog into `folder`, while others work.

    Raises:
        BackupError: BACKUP_EXISTS.
        KeysError: KEY_MISSING, KEY_INVALID.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        filled = tree.size(session) > 0
    if filled:
        checkpoint(settings, now=now)
    return make_backup(settings.catalog_url, folder, now=now, progress=progress)


def restore(
    settings: Settings,
    folder: Path,
    *,
    replay: Replay | None = None,
    progress: Progress | None = None,
) -> Backup:
    """Load a backup into the home's catalog, which is missing or empty; safe to run again.

    `replay` erases again what was erased after the backup was made. It is called before anything
    else sees the catalog as restored: while it has not ended, the head of the log is not in place
    and `catalog check` says so. Running the same restore again calls it again.

    Raises:
        BackupError: BACKUP_INCOMPLETE, BACKUP_CHANGED, CATALOG_NOT_EMPTY.
        SchemaMismatch: CATALOG_NEWER.
        LogBroken: LOG_BROKEN when the log in the backup does not fit its rows.
    """
    found = restore_backup(
        folder, settings.catalog_url, scratch=settings.scratch, progress=progress
    )
    if replay is not None:
        replay(settings)
    if found.note and not kept_in(settings).is_file():  # a newer head tells what is missing
        write_bytes(str(kept_in(settings)), found.note.encode())
    return found
