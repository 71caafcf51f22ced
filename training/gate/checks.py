"""The checks of the gate on papers and rows, in its order; each passes or raises `Refused`.

In: what the opening has read. Out: nothing, or what the next check needs. No check reads a file or
a clock, so that each can be shown to refuse by handing it one wrong value.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from licensing.errors import PaperError
from licensing.manifest import (
    Clearance,
    Revocations,
    combine,
    instant,
    open_clearance,
    open_revocations,
)
from licensing.request import Request, not_covered, read_request
from training.errors import Refused

RENEW = "run `clearway set renew`, or ask the set's issuer for a renewed clearance"
FETCH = "fetch the training set again from its issuer, or export it anew"
REPUBLISH = "fetch the newest revocation list from the set's issuer"
_SPEAK_FOR_THEMSELVES = ("MANIFEST_MALFORMED", "SIGNATURE_BAD")  # rows whose papers have own codes


@contextmanager
def row_of_the_gate(code: str, subject: str) -> Iterator[None]:
    """Turn whatever goes wrong inside a check into a refusal: with its own code, or with `code`.

    BaseException, for Lance answers some broken files with a panic that is no Exception.
    """
    try:
        yield
    except (Refused, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        own = isinstance(error, PaperError) and code in _SPEAK_FOR_THEMSELVES
        raise Refused(
            f"{subject}: {error}",
            code=getattr(error, "code", code) if own else code,
            subject=subject,
            way_out=getattr(error, "way_out", FETCH),
        ) from error


def check_signed(
    raw: bytes, *, keys: Sequence[bytes], manifest_digest: str, subject: str
) -> Clearance:
    """Row 2: signed by a trusted key, over the digest of exactly these manifest bytes."""
    clearance = open_clearance(raw, keys)
    if clearance.manifest_digest != manifest_digest:
        raise Refused(
            f"manifest.json has digest {manifest_digest[:16]}, the clearance covers "
            f"{clearance.manifest_digest[:16]}: it was changed after signing",
            code="MANIFEST_CHANGED",
            subject=subject,
            way_out=FETCH,
        )
    return clearance


def check_time(clearance: Clearance, manifest: Mapping[str, Any], now: datetime) -> None:
    """Row 3: begun, and neither the clearance nor the manifest's outer bound has ended."""
    outer = datetime.combine(date.fromisoformat(manifest["not_after"]), datetime.min.time(), UTC)
    end = min(clearance.not_after, outer)
    if now < clearance.not_before:
        raise Refused(
            f"the clearance begins at {instant(clearance.not_before)}, now is {instant(now)}",
            code="NOT_YET_VALID",
            subject=manifest["name"],
            way_out="wait until it begins, or set this machine's clock",
        )
    if now >= end:
        raise Refused(
            f"the clearance ended at {instant(end)}, now is {instant(now)}",
            code="EXPIRED",
            subject=manifest["name"],
            way_out=RENEW
            if end != outer
            else "export the training set anew: its rights have ended",
        )


def check_use(use: Request, clearance: Clearance, manifest: Mapping[str, Any]) -> None:
    """Row 4: the use lies inside the manifest's request and the clearance's, in every dimension."""
    for request in (manifest["request"], clearance.predicate["request"]):
        outside = not_covered(read_request(request), use)
        if outside:
            raise Refused(
                f"the set {manifest['name']} is not cleared for this use: {', '.join(outside)}",
                code="USE_NOT_COVERED",
                subject=", ".join(outside),
                way_out="narrow the run's use, or export a set for a request that covers it",
            )


def check_list(
    raw: bytes, *, keys: Sequence[bytes], now: datetime, seen_sequence: int, subject: str
) -> Revocations:
    """Row 5: the revocation list is signed, fresh and not older than one already seen."""
    revocations = open_revocations(raw, keys)
    if now >= revocations.fresh_until:
        raise Refused(
            f"the revocation list was fresh until {instant(revocations.fresh_until)}, now is "
            f"{instant(now)}",
            code="REVOCATIONS_STALE",
            subject=subject,
            way_out=REPUBLISH,
        )
    if revocations.sequence < seen_sequence:
        raise Refused(
            f"the revocation list has sequence {revocations.sequence}, {seen_sequence} was seen "
            "before",
            code="REVOCATIONS_ROLLED_BACK",
            subject=subject,
            way_out=REPUBLISH,
        )
    return revocations


def check_set(revocations: Revocations, manifest_digest: str) -> None:
    """Row 6: this manifest is not revoked as a whole."""
    entry = revocations.of("set").get(manifest_digest)
    if entry is not None:
        raise Refused(
            f"the training set of manifest {manifest_digest[:16]} was revoked on {entry['at']}: "
            f"{entry['reason']}",
            code="SET_REVOKED",
            subject=manifest_digest,
            way_out=_successor([entry]),
        )


def check_listing(found: Mapping[str, int], manifest: Mapping[str, Any]) -> None:
    """Row 7: the files below data.lance are exactly the listed ones, with their sizes."""
    below = manifest["data"]["path"] + "/"
    listed = {
        file["path"][len(below) :]: file["bytes"]
        for file in manifest["files"]
        if file["path"].startswith(below)
    }
    tests: tuple[tuple[str, Callable[[str], bool], str], ...] = (
        ("FILE_MISSING", lambda path: path not in found, "is listed and not there"),
        ("FILE_EXTRA", lambda path: path not in listed, "is there and not listed"),
        ("FILE_SIZE", lambda path: found[path] != listed[path], "has not the listed size"),
    )
    for code, odd, what in tests:
        for path in sorted({*found, *listed}):
            if odd(path):
                raise Refused(f"{below}{path} {what}", code=code, subject=path, way_out=FETCH)


def check_rows(
    index: pa.Table, manifest: Mapping[str, Any], digest_row: Callable[[Mapping[str, Any]], str]
) -> None:
    """Row 8: every row has its digest, every shard and the whole set theirs."""
    shards: dict[int, list[tuple[str, str, str, int, str]]] = defaultdict(list)
    for batch in index.to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            name = f"{row['clip_id']}/{row['camera']}"
            if digest_row(row) != row["sha256"]:
                raise _changed("ROW_CHANGED", name, "its columns do not have the row's digest")
            shards[row["shard"]].append(
                (row["source_id"], row["clip_id"], row["camera"], row["num_frames"], row["sha256"])
            )
    if set(shards) != {shard["shard"] for shard in manifest["shards"]}:
        raise _changed("SHARD_CHANGED", manifest["name"], "its shards are not the listed ones")
    for shard in manifest["shards"]:
        _check_shard(shard, sorted(shards[shard["shard"]]))
    ordered = sorted(row for rows in shards.values() for row in rows)
    if combine(digest for *_, digest in ordered) != manifest["content_digest"]:
        raise _changed("SHARD_CHANGED", manifest["name"], "content_digest does not hold")


def check_live(index: pa.Table, revocations: Revocations) -> None:
    """Row 9: no row of the set is revoked."""
    sources, clips = revocations.of("source"), revocations.of("clip")
    dead = [sources[one] for one in _unique(index, "source_id") if one in sources]
    dead += [clips[one] for one in _unique(index, "clip_id") if one in clips]
    if dead:
        names = ", ".join(f"{entry['kind']} {entry['id']}" for entry in dead)
        raise Refused(
            f"the set holds revoked rows: {names} ({dead[0]['reason']}, {dead[0]['at']})",
            code="SHARD_REVOKED",
            subject=dead[0]["id"],
            way_out=_successor(dead),
        )


def dead_clips(index: pa.Table, revocations: Revocations) -> frozenset[str]:
    """The clips of the set that the list revokes, alone or with their source."""
    sources, clips = revocations.of("source"), revocations.of("clip")
    pairs = zip(index["source_id"].to_pylist(), index["clip_id"].to_pylist(), strict=True)
    return frozenset(clip for source, clip in pairs if source in sources or clip in clips)


def _check_shard(shard: Mapping[str, Any], rows: Sequence[tuple[str, str, str, int, str]]) -> None:
    found = {
        "source_id": ", ".join(sorted({row[0] for row in rows})),
        "num_rows": len(rows),
        "num_clips": len({row[1] for row in rows}),
        "num_frames": sum(row[3] for row in rows),
        "digest": combine(row[4] for row in rows),
    }
    for name, value in found.items():
        if value != shard[name]:
            subject = f"shard {shard['shard']} of {shard['source_id']}"
            raise _changed("SHARD_CHANGED", subject, f"{name} is {value}, expected {shard[name]}")


def _changed(code: str, subject: str, why: str) -> Refused:
    return Refused(
        f"{subject} was changed after export: {why}", code=code, subject=subject, way_out=FETCH
    )


def _successor(entries: Iterable[Mapping[str, Any]]) -> str:
    named = [entry["successor"] for entry in entries if entry["successor"]]
    if not named:
        return "export the training set anew: the new version leaves the revoked rows out"
    return f"train on the successor, the set of manifest {named[0]}"


def _unique(index: pa.Table, column: str) -> list[str]:
    values: list[str] = index[column].unique().to_pylist()
    return values
