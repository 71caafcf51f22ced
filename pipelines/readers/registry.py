"""The registry: from the name of a reader to what it declares.

Modules are found by the names in `READERS`, so that a reader is one file and one line there. Only
this package is reached that way, and the contracts check each of its modules by itself.
"""

from __future__ import annotations

import pkgutil
from dataclasses import replace
from functools import cache

from pipelines.readers import READERS
from pipelines.readers.formats import Reader


@cache
def readers() -> dict[str, Reader]:
    """Return every reader by its name, in the order in which they are asked."""
    return {
        name: replace(pkgutil.resolve_name(f"{__package__}.{name}:READER"), told=told)
        for name, told in READERS.items()
    }


def asked(first: str = "") -> tuple[str, ...]:
    """Return the names of all readers in the order in which they are asked, `first` before all."""
    return tuple(sorted(readers(), key=lambda name: name != first))


def taking(kind: str, first: str = "") -> str:
    """Return the name of the reader that takes files of `kind`, or "" when none does."""
    return next((name for name in asked(first) if kind in readers()[name].kinds), "")
