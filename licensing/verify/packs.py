"""Verify what a pack adds to the papers of its training set: its list of files, and who signed it.

The list must be the signed one and name the manifest beside it; the documents of the set must be
in it as the manifest lists them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from licensing.errors import PaperError
from licensing.manifest import digest, open_pack, open_pack_statement, sha256_hex
from licensing.verify.files import Seen, compare_files
from licensing.verify.report import Finding, failed, passed

_BELOW = "documents/"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPapers:
    """The bytes of `pack.json` and `pack.dsse.json`; None where one is not there."""

    listed: bytes | None
    statement: bytes | None


def check_pack(
    papers: PackPapers,
    manifest: Mapping[str, Any] | None,
    *,
    files: Seen,
    publics: Sequence[bytes],
) -> tuple[frozenset[str], list[Finding]]:
    """The clips that a pack says it holds, and what is right and wrong with it."""
    try:
        pack = _opened(papers, None if manifest is None else digest(manifest), publics)
    except PaperError as error:
        wrong = failed("pack", code=error.code, subject=error.subject, message=str(error))
        return frozenset(), [wrong]
    findings = [passed("pack", f"{pack['format']} {pack['version']}, {len(pack['clips'])} clips")]
    findings += compare_files(pack["files"], files)
    if manifest is not None:
        findings += _documents(manifest, pack)
    return frozenset(pack["clips"]), findings


def _opened(
    papers: PackPapers, manifest_digest: str | None, publics: Sequence[bytes]
) -> dict[str, Any]:
    if papers.listed is None or papers.statement is None:
        name = "pack.json" if papers.listed is None else "pack.dsse.json"
        raise PaperError(f"{name} is not there", code="MANIFEST_MISSING", subject=name)
    signed = open_pack_statement(papers.statement, publics)
    if sha256_hex(papers.listed) != signed["pack.json"]:
        raise PaperError(
            f"pack.json has digest {sha256_hex(papers.listed)[:16]}, signed was "
            f"{signed['pack.json'][:16]}",
            code="PACK_CHANGED",
            subject="pack.json",
        )
    pack = open_pack(papers.listed)
    named = {pack["manifest"], signed["manifest.json"], manifest_digest or pack["manifest"]}
    if len(named) > 1:
        raise PaperError(
            f"the pack is of manifest {signed['manifest.json'][:16]}, another one lies here",
            code="MANIFEST_CHANGED",
            subject="manifest.json",
        )
    return pack


def _documents(manifest: Mapping[str, Any], pack: Mapping[str, Any]) -> list[Finding]:
    held = {one["path"]: one for one in pack["files"]}
    return [
        failed(
            "documents",
            code="FILE_MISSING" if one["path"] not in held else "FILE_CHANGED",
            subject=one["path"],
            message=f"{one['path']} is not in the pack as the manifest lists it",
        )
        for one in manifest["files"]
        if one["path"].startswith(_BELOW) and held.get(one["path"]) != one
    ]
