"""Verify a training set from its bytes: papers, time, files, duties, revocations, log.

Every check that can be made is made; one that rests on a paper that failed is left out. Whoever
feeds this reads and hashes the files; no row is decoded, for the files' digests cover every byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from licensing.errors import PaperError
from licensing.manifest import (
    Clearance,
    Revocations,
    instant,
    open_clearance,
    open_manifest,
    open_revocations,
    sha256_hex,
)
from licensing.request import not_covered, read_request
from licensing.verify.files import compare_files
from licensing.verify.logged import check_log
from licensing.verify.packs import PackPapers, check_pack
from licensing.verify.report import Finding, Report, failed, passed, skipped

NOTICES = "documents/notices.json"
_Paper = TypeVar("_Paper")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFiles:
    """What lies in a training set's folder, as read by the caller.

    `files` maps every path below the set to its size and sha256; `notices` is the content of
    `documents/notices.json`; `clips` gives the ids of the clips in the data, and is asked only if
    the revocation list names clips. `pack` is there for a set that was packed in another format:
    its own list of files counts then, and its own clips.
    """

    manifest: bytes | None
    clearance: bytes | None
    revocations: bytes | None
    files: Mapping[str, tuple[int, str]]
    notices: bytes | None = None
    clips: Callable[[], frozenset[str]] | None = None
    pack: PackPapers | None = None


def verify_set(found: SetFiles, *, publics: Sequence[bytes], now: datetime) -> Report:
    """Judge a training set by its bytes and the public keys in `publics`, at the moment `now`."""
    findings: list[Finding] = []
    manifest = _opened(findings, "manifest", lambda: _manifest(found.manifest))
    clearance = _opened(findings, "signature", lambda: _clearance(found, publics))
    listed = None
    if found.revocations is not None:
        raw = found.revocations
        listed = _opened(findings, "revocation list", lambda: _revocations(raw, publics))
    if manifest is not None and found.pack is None:
        findings += compare_files(manifest["files"], found.files)
    if found.pack is not None:
        clips, odd = check_pack(found.pack, manifest, files=found.files, publics=publics)
        findings += odd
        found = replace(found, clips=lambda: clips)
    if manifest is not None and clearance is not None:
        findings += [
            _time(manifest, clearance, now),
            _request(manifest, clearance),
            _duties(clearance, found.notices),
            check_log(clearance, publics),
        ]
    if any(one.state == "failed" for one in findings):
        found = replace(found, clips=None)  # no row is read from a set that does not hold
    findings += _revoked(found, manifest, listed, now=now)
    report = Report(findings=tuple(findings))
    if not report.passed or clearance is None or manifest is None:
        return report
    return Report(findings=report.findings, cleared_until=instant(_end(manifest, clearance)))


def _opened(
    findings: list[Finding], check: str, act: Callable[[], tuple[_Paper, str]]
) -> _Paper | None:
    try:
        value, said = act()
    except PaperError as error:
        findings.append(failed(check, code=error.code, subject=error.subject, message=str(error)))
        return None
    findings.append(passed(check, said))
    return value


def _manifest(raw: bytes | None) -> tuple[dict[str, Any], str]:
    if raw is None:
        raise _missing("manifest.json")
    manifest = open_manifest(raw)
    return manifest, f"{manifest['name']} version {manifest['version']}, {sha256_hex(raw)}"


def _clearance(found: SetFiles, publics: Sequence[bytes]) -> tuple[Clearance, str]:
    if found.clearance is None:
        raise _missing("clearance.dsse.json")
    clearance = open_clearance(found.clearance, publics)
    if found.manifest is not None and clearance.manifest_digest != sha256_hex(found.manifest):
        raise PaperError(
            f"the clearance covers manifest {clearance.manifest_digest[:16]}, the one that lies "
            f"here is {sha256_hex(found.manifest)[:16]}",
            code="MANIFEST_CHANGED",
            subject="manifest.json",
        )
    return clearance, f"clears manifest {clearance.manifest_digest[:16]}"


def _revocations(raw: bytes, publics: Sequence[bytes]) -> tuple[Revocations, str]:
    try:
        listed = open_revocations(raw, publics)
    except PaperError as error:
        raise PaperError(str(error), code="REVOCATIONS_BAD", subject=error.subject) from error
    return listed, f"sequence {listed.sequence}, {len(listed.entries)} entries"


def _end(manifest: Mapping[str, Any], clearance: Clearance) -> datetime:
    outer = datetime.combine(date.fromisoformat(manifest["not_after"]), datetime.min.time(), UTC)
    return min(clearance.not_after, outer)


def _missing(name: str) -> PaperError:
    return PaperError(f"{name} is not there", code="MANIFEST_MISSING", subject=name)


def _time(manifest: Mapping[str, Any], clearance: Clearance, now: datetime) -> Finding:
    start, end = clearance.not_before, _end(manifest, clearance)
    span = f"cleared from {instant(start)} until {instant(end)}"
    if start <= now < end:
        return passed("time", span)
    code = "EXPIRED" if now >= end else "NOT_YET_VALID"
    said = f"{span}, now is {instant(now)}"
    return failed("time", code=code, subject=manifest["name"], message=said)


def _request(manifest: Mapping[str, Any], clearance: Clearance) -> Finding:
    outside = not_covered(
        read_request(manifest["request"]), read_request(clearance.predicate["request"])
    )
    if not outside:
        return passed("request", f"profile {clearance.predicate['profile']}")
    said = f"the clearance goes beyond the manifest's request in {', '.join(outside)}"
    return failed("request", code="USE_NOT_COVERED", subject=", ".join(outside), message=said)


def _duties(clearance: Clearance, notices: bytes | None) -> Finding:
    owed = set(clearance.predicate["obligations"])
    if notices is None:
        if not owed:
            return passed("duties", "no duty, no notice")
        missing = owed
    else:
        missing = owed - _noticed(notices)
    if not missing:
        return passed("duties", f"{len(owed)} kinds of duty, all in {NOTICES}")
    said = f"{NOTICES} does not hold {', '.join(sorted(missing))}"
    return failed("duties", code="NOTICE_MISSING", subject=sorted(missing)[0], message=said)


def _noticed(notices: bytes) -> set[str]:
    try:
        return {one["duty"] for one in json.loads(notices)}
    except (ValueError, TypeError, KeyError, RecursionError):
        return set()  # nothing that can be read gives notice of nothing


def _revoked(
    found: SetFiles,
    manifest: Mapping[str, Any] | None,
    listed: Revocations | None,
    *,
    now: datetime,
) -> list[Finding]:
    if found.revocations is None:
        return [skipped("revocations", "no revocation list was given: revocation is not checked")]
    if listed is None or manifest is None or found.manifest is None:
        return []
    findings = []
    if now >= listed.fresh_until:
        said = f"the list was fresh until {instant(listed.fresh_until)}"
        findings.append(
            failed("revocations", code="REVOCATIONS_STALE", subject="revocations", message=said)
        )
    hits = [listed.of("set").get(sha256_hex(found.manifest))]
    sources = listed.of("source")
    hits += [sources.get(shard["source_id"]) for shard in manifest["shards"]]
    clips = listed.of("clip")
    if clips and found.clips is None:
        findings.append(skipped("revoked clips", "the clip ids of the set are not known"))
    elif clips and found.clips is not None:
        hits += [clips[one] for one in sorted(found.clips()) if one in clips]
    findings += [_hit(entry) for entry in hits if entry is not None]
    return findings or [passed("revocations", f"none applies, as of sequence {listed.sequence}")]


def _hit(entry: Mapping[str, Any]) -> Finding:
    instead = f"; its successor is {entry['successor']}" if entry["successor"] else ""
    return failed(
        "revocations",
        code="SET_REVOKED" if entry["kind"] == "set" else "SHARD_REVOKED",
        subject=entry["id"],
        message=f"{entry['kind']} {entry['id']} was revoked on {entry['at']}: {entry['reason']}"
        + instead,
    )
