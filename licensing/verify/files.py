"""Compare the files that a signed paper lists with those that lie there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from licensing.manifest import UNLISTED
from licensing.verify.report import Finding, failed, passed

Seen = Mapping[str, tuple[int, str]]  # path -> size and sha256


def compare_files(listed: Iterable[Mapping[str, Any]], found: Seen) -> list[Finding]:
    """A finding for each file that is missing, not listed or not as listed; else one that passed.

    The signed papers themselves are in no list.
    """
    said = {file["path"]: (file["bytes"], file["sha256"]) for file in listed}
    there = {path: seen for path, seen in found.items() if path not in UNLISTED}
    wrong = [_file(path, said.get(path), there.get(path)) for path in sorted({*said, *there})]
    odd = [one for one in wrong if one is not None]
    return odd or [passed("files", f"{len(said)} files with the listed sizes and sha256")]


def _file(
    path: str, listed: tuple[int, str] | None, seen: tuple[int, str] | None
) -> Finding | None:
    if listed == seen:
        return None
    if seen is None:
        code, why = "FILE_MISSING", "is listed and not there"
    elif listed is None:
        code, why = "FILE_EXTRA", "is there and not listed"
    elif listed[0] != seen[0]:
        code, why = "FILE_SIZE", f"has {seen[0]} bytes, expected {listed[0]}"
    else:
        code, why = "FILE_CHANGED", f"has sha256 {seen[1][:16]}, expected {listed[1][:16]}"
    return failed("files", code=code, subject=path, message=f"{path} {why}")
