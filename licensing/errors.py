"""The root of every error that Clearway raises, and the tree of `licensing`.

ClearwayError
└── LicensingError
    ├── BadCase         a case, layer or request that cannot be read
    ├── RulebookError   the rulebook itself is wrong
    └── PaperError      a manifest, statement or list that does not hold what it promises
"""

from __future__ import annotations


class ClearwayError(Exception):
    """What went wrong, where, what was expected and what to do.

    The keyword fields have defaults so that an error survives the way back from a worker process.
    """

    def __init__(
        self, message: str, *, code: str = "", subject: str = "", way_out: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subject = subject
        self.way_out = way_out

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), self.args, self.__dict__)


class LicensingError(ClearwayError):
    """Any error of the rules and papers."""


class BadCase(LicensingError):
    """A case, layer or request that cannot be read; `subject` names the field."""


class RulebookError(LicensingError):
    """The rulebook contradicts itself or names a fact that nobody records."""


class PaperError(LicensingError):
    """A manifest, clearance statement or revocation list that fails a check; `code` says which."""
