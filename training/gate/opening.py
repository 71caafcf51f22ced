"""Open a training set: nine checks in order, then the only `Cleared` there is.

In: the URI of a set, the use, trusted keys, the moment. Out: a frozen value that names exactly what
was checked, or `Refused` with code, subject and a way out. There is no flag that skips a check. An
exception inside one is a refusal.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from licensing.manifest import Clearance, Revocations, open_manifest, sha256_hex
from licensing.request import Request
from training.errors import Refused
from training.gate import checks, files
from training.gate.checks import row_of_the_gate
from training.loader import Numbering, digest_row, read_index, renumbered

HASH_AT_START: Final = 1 << 30  # bytes; about half a second of a processor with SHA instructions


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """A training set that passed the gate at one moment: what sampler and loader take."""

    uri: str
    manifest: Mapping[str, Any]
    manifest_digest: str
    clearance: Mapping[str, Any]
    clearance_digest: str
    index: pa.Table
    revocation_sequence: int
    revocation_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an opened set stands later in the run: the papers in force, and the clips that ended."""

    clearance_digest: str
    sequence: int
    digest: str
    dead: frozenset[str]


def open_training_set(  # noqa: PLR0913 - what the gate goes by; the last three have a default
    uri: str | Path,
    use: Request,
    *,
    keys: Sequence[bytes],
    now: datetime,
    revocations: str | None = None,
    seen_sequence: int = 0,
    hash_at_start: int = HASH_AT_START,
) -> Cleared:
    """Pass the set at `uri` through the gate, for this use, at this moment.

    `revocations` is the URI of the revocation list; it stands beside the sets if none is named.
    Up to `hash_at_start` bytes of files are hashed now: all of them where they are no more, else
    as many as fit, drawn anew by chance at each opening. Rows are always proven whole, and groups
    of pictures when they are first read.

    Raises:
        Refused: with the code of the check that failed.
    """
    uri = files.whole(uri)
    manifest, manifest_digest = _read_manifest(uri)
    clearance = _read_clearance(uri, keys, manifest_digest)
    with row_of_the_gate("EXPIRED", uri):
        checks.check_time(clearance, manifest, now)
    with row_of_the_gate("USE_NOT_COVERED", uri):
        checks.check_use(use, clearance, manifest)
    listed = _read_list(revocations or files.list_of(uri), keys, now=now, seen=seen_sequence)
    with row_of_the_gate("SET_REVOKED", uri):
        checks.check_set(listed, manifest_digest)
    index = _read_rows(uri, manifest)
    with row_of_the_gate("MEDIA_CHANGED", uri):
        _check_bytes(uri, manifest, room=hash_at_start)
    with row_of_the_gate("SHARD_REVOKED", uri):
        checks.check_live(index, listed)
    return Cleared(
        uri=uri,
        manifest=manifest,
        manifest_digest=manifest_digest,
        clearance=clearance.predicate,
        clearance_digest=clearance.digest,
        index=index,
        revocation_sequence=listed.sequence,
        revocation_digest=listed.digest,
    )


def numbered(cleared: Cleared, numbering: Numbering) -> Cleared:
    """The same set, its sources and channels by the numbers of a model that knows them.

    Raises:
        CheckpointError: CHANNEL_UNKNOWN.
    """
    return replace(cleared, manifest=renumbered(cleared.manifest, numbering))


def check_again(
    cleared: Cleared,
    *,
    keys: Sequence[bytes],
    now: datetime,
    revocations: str | None = None,
    seen_sequence: int = 0,
) -> Standing:
    """Checks 3, 5 and 6 in the middle of a run, on the papers as they lie there now.

    A renewed clearance over the same manifest counts; revoked rows do not refuse here but are
    named, so that all ranks can drop them at one step.

    Raises:
        Refused: with the code of the check that failed.
    """
    clearance = _read_clearance(cleared.uri, keys, cleared.manifest_digest)
    with row_of_the_gate("EXPIRED", cleared.uri):
        checks.check_time(clearance, cleared.manifest, now)
    seen = max(seen_sequence, cleared.revocation_sequence)
    listed = _read_list(revocations or files.list_of(cleared.uri), keys, now=now, seen=seen)
    with row_of_the_gate("SET_REVOKED", cleared.uri):
        checks.check_set(listed, cleared.manifest_digest)
        dead = checks.dead_clips(cleared.index, listed)
    return Standing(
        clearance_digest=clearance.digest,
        sequence=listed.sequence,
        digest=listed.digest,
        dead=dead,
    )


def _read_manifest(uri: str) -> tuple[dict[str, Any], str]:
    """Row 1: both papers are there; the manifest is canonical and of a known schema."""
    with row_of_the_gate("MANIFEST_MISSING", uri):
        raw = _present(f"{uri}/manifest.json", "MANIFEST_MISSING")
        _present(f"{uri}/clearance.dsse.json", "MANIFEST_MISSING")
    with row_of_the_gate("MANIFEST_MALFORMED", uri):
        return open_manifest(raw), sha256_hex(raw)


def _read_clearance(uri: str, keys: Sequence[bytes], manifest_digest: str) -> Clearance:
    """Row 2."""
    path = f"{uri}/clearance.dsse.json"
    with row_of_the_gate("MANIFEST_MISSING", path):
        raw = _present(path, "MANIFEST_MISSING")
    with row_of_the_gate("SIGNATURE_BAD", path):
        return checks.check_signed(raw, keys=keys, manifest_digest=manifest_digest, subject=path)


def _read_list(uri: str, keys: Sequence[bytes], *, now: datetime, seen: int) -> Revocations:
    """Row 5."""
    with row_of_the_gate("REVOCATIONS_MISSING", uri):
        raw = _present(uri, "REVOCATIONS_MISSING")
    with row_of_the_gate("REVOCATIONS_BAD", uri):
        return checks.check_list(raw, keys=keys, now=now, seen_sequence=seen, subject=uri)


def _read_rows(uri: str, manifest: Mapping[str, Any]) -> pa.Table:
    """Rows 7 and 8."""
    data = f"{uri}/{manifest['data']['path']}"
    with row_of_the_gate("FILE_MISSING", data):
        checks.check_listing(files.sizes_below(data), manifest)
    with row_of_the_gate("ROW_CHANGED", data):
        index = read_index(data, manifest["data"]["version"])
        checks.check_rows(index, manifest, digest_row)
    return index


def _check_bytes(uri: str, manifest: Mapping[str, Any], *, room: int) -> None:
    """The files of the data, in an order of chance, as far as there is room."""
    below = manifest["data"]["path"] + "/"
    listed = [file for file in manifest["files"] if file["path"].startswith(below)]
    secrets.SystemRandom().shuffle(listed)  # nobody can know which file will not be looked at
    for file in listed:
        if file["bytes"] > room:
            continue
        room -= file["bytes"]
        if files.sha256_of(f"{uri}/{file['path']}") != file["sha256"]:
            raise Refused(
                f"{file['path']} was changed after export: its sha256 is not the listed one",
                code="MEDIA_CHANGED",
                subject=file["path"],
                way_out=checks.FETCH,
            )


def _present(uri: str, code: str) -> bytes:
    raw = files.read(uri)
    if raw is None:
        signed = uri.endswith(".dsse.json")
        raise Refused(
            f"{uri} is not there" + (": nothing is signed" if signed else ""),
            code=code,
            subject=uri,
            way_out="fetch it from the set's issuer, or export or renew the training set",
        )
    return raw
