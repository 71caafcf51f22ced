"""The tree of errors of `pipelines`.

ClearwayError
└── PipelineError
    ├── SettingsError      SETTING_UNKNOWN SETTING_INVALID
    ├── RegistrationError  SOURCE_PATH_MISSING SOURCE_INVALID …
    ├── LakeError          LAKE_NOT_SHARED LAKE_CONFLICT LAKE_FILE_MISSING DISK_FULL …
    ├── WorkersError       RAY_UNREACHABLE RAY_MISMATCH
    ├── Unreadable         one file that no reader can take; `code` is its quarantine reason
    ├── ExportError        NOTHING_CLEARED …
    ├── PackError          TARGET_EXISTS TARGET_NOT_LOCAL SPLIT_EMPTY DISK_FULL …
    ├── RevocationError    ALREADY_REVOKED ALREADY_EXPIRED CLOCK_BACKWARDS REASON_UNKNOWN …
    ├── ErasureError       NOT_REVOKED PART_OF_FILE READER_IN_THE_WAY …
    ├── ReplayError        RULEBOOK_OTHER
    ├── ConsoleError       QUERY_INVALID NOT_LOOPBACK PAPER_CHANGED PAPER_UNKNOWN …
    ├── AccountError       SIGN_IN_REFUSED NOT_ALLOWED FORM_STALE LAST_ADMIN SCOPE_BEYOND …
    └── KeysError          KEY_MISSING KEY_EXISTS
"""

from __future__ import annotations

from licensing.errors import ClearwayError


class PipelineError(ClearwayError):
    """Any error of the stations."""


class SettingsError(PipelineError):
    """A setting that is unknown or has no valid value."""


class RegistrationError(PipelineError):
    """A source, party or right that cannot be registered as given."""


class LakeError(PipelineError):
    """The lake refuses, or would be left half-written."""


class WorkersError(PipelineError):
    """The Ray cluster does not answer or does not fit."""


class Unreadable(PipelineError):
    """One file that no reader can take; `code` is the quarantine reason."""


class ExportError(PipelineError):
    """A training set that cannot be made."""


class PackError(PipelineError):
    """A training set that cannot be written in another format."""


class RevocationError(PipelineError):
    """A revocation that cannot be made."""


class ReplayError(PipelineError):
    """A past decision that this version of Clearway cannot compute again."""


class ErasureError(PipelineError):
    """An erasure that may not be made, or is not complete."""


class KeysError(PipelineError):
    """A signing key that is missing or in the way."""


class ConsoleError(PipelineError):
    """An address that the console cannot answer, or a place where it may not listen."""


class AccountError(PipelineError):
    """A sign-in, an account or a token that is refused, or an act that one may not do."""
