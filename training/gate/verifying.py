"""Read a training set for the independent checker, and refuse in its words.

In: the URI of a set and public keys. Out: the moment until which it is cleared. The judging is
`licensing.verify`'s; here files are read and hashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from licensing.verify import PackPapers, SetFiles, verify_set
from training.errors import Refused
from training.gate import files
from training.gate.checks import FETCH, RENEW, REPUBLISH, row_of_the_gate
from training.loader import read_index

_WAYS_OUT = {
    "EXPIRED": RENEW,
    "UNSIGNED": RENEW,
    "KEY_UNKNOWN": "pass the issuer's public key with --key; `clearway keys export` writes it",
    "NOT_YET_VALID": "wait until the clearance begins, or set this machine's clock",
    "REVOCATIONS_BAD": REPUBLISH,
    "REVOCATIONS_STALE": REPUBLISH,
    "SET_REVOKED": "take the successor, or export the training set anew",
    "SHARD_REVOKED": "take the successor, or export the training set anew",
}


def verify_training_set(
    uri: str | Path, keys: Sequence[bytes], *, now: datetime, revocations: str | None = None
) -> str:
    """Check every paper and every byte of the set at `uri`; until when it is cleared.

    A revocation list that is named must be there; without a name the one beside the sets is taken,
    or the one that was packed with the set; if there is none, the answer says so.

    Raises:
        Refused: with the code of the first check that failed; the message names all of them.
    """
    with row_of_the_gate("MANIFEST_MALFORMED", str(uri)):
        report = verify_set(read_set(uri, revocations), publics=keys, now=now)
        if not report.passed:
            raise Refused(
                "; ".join(f"{one.check}: {one.message}" for one in report.failed),
                code=report.failed[0].code,
                subject=report.failed[0].subject,
                way_out=_WAYS_OUT.get(report.failed[0].code, FETCH),
            )
    open_ends = [
        one.message
        for one in report.findings
        if one.state == "skipped" and one.check != "log"  # a log proof is extra
    ]
    return "; ".join([report.cleared_until, *open_ends])


def read_set(uri: str | Path, revocations: str | None = None) -> SetFiles:
    """What lies at `uri`, read and hashed, as the checker takes it.

    Raises:
        Refused: REVOCATIONS_MISSING if the named list is not there.
    """
    uri = files.whole(uri)
    listed = files.read(revocations or files.list_of(uri))
    if revocations is not None and listed is None:
        raise Refused(
            f"{revocations} is not there",
            code="REVOCATIONS_MISSING",
            subject=revocations,
            way_out="name the revocation list that the set's issuer publishes",
        )
    sizes = files.sizes_below(uri)
    return SetFiles(
        manifest=files.read(f"{uri}/manifest.json"),
        clearance=files.read(f"{uri}/clearance.dsse.json"),
        revocations=listed,
        files={path: (size, files.sha256_of(f"{uri}/{path}")) for path, size in sizes.items()},
        notices=files.read(f"{uri}/documents/notices.json"),
        clips=partial(_clip_ids, f"{uri}/data.lance"),
        pack=_pack_of(uri, frozenset(sizes)),
    )


def _pack_of(uri: str, there: frozenset[str]) -> PackPapers | None:
    names = ("pack.json", "pack.dsse.json")
    if there.isdisjoint(names):
        return None
    listed, statement = (files.read(f"{uri}/{name}") for name in names)
    return PackPapers(listed=listed, statement=statement)


def _clip_ids(uri: str) -> frozenset[str]:
    return frozenset(read_index(uri)["clip_id"].to_pylist())
