"""The tree of errors of `catalog`.

ClearwayError
└── CatalogError
    ├── CatalogUnreachable   CATALOG_MISSING CATALOG_UNREACHABLE CATALOG_LOST CATALOG_READ_ONLY
    │                        CATALOG_FORBIDDEN
    ├── SchemaMismatch       CATALOG_NEWER CATALOG_OLDER
    ├── NotFound             UNKNOWN_ID AMBIGUOUS_ID
    ├── Contradiction        a fact that contradicts itself or one on record
    ├── LogBroken            LOG_BROKEN LOG_EMPTY NOT_SIGNED
    ├── BadCursor            CURSOR_INVALID
    └── BackupError          BACKUP_EXISTS BACKUP_FAILED BACKUP_INCOMPLETE BACKUP_CHANGED
                             CATALOG_NOT_EMPTY
"""

from __future__ import annotations

from licensing.errors import ClearwayError


class CatalogError(ClearwayError):
    """Any error of the catalog."""


class CatalogUnreachable(CatalogError):
    """The database is missing, does not answer, or cannot be written."""


class SchemaMismatch(CatalogError):
    """The database was written by another version of Clearway."""


class NotFound(CatalogError):
    """No row has this id, or several begin with it."""


class Contradiction(CatalogError):
    """A fact that contradicts itself or one already on record."""


class LogBroken(CatalogError):
    """The log does not match the rows it vouches for, or has nothing to show."""


class BadCursor(CatalogError):
    """A cursor that no page gave."""


class BackupError(CatalogError):
    """A backup that cannot be written where it should, or cannot be trusted."""
