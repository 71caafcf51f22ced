"""The record of a run as it is kept: under 10 KB, and enough to replay every row.

What is derived or lies elsewhere is left out (paths, digests of seals, the evaluation), a
revocation is written as what it changed, and digests are base64 instead of hex.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from training.checkpoint.records import RunRecord
from training.checkpoint.seals import Sealed
from training.sampler import Cursor, Segment

_CURVE: Final = 16  # points of the loss; the whole of it lies beside the checkpoints
_PLAIN: Final = (
    *("manifest_digest", "clearance_digest", "request_digest", "tokenizer_digest"),
    *("code_version", "config", "seed", "windows", "world", "steps", "losses", "parent"),
)


def lineage_doc(record: RunRecord) -> dict[str, Any]:
    """The record to keep, as JSON."""
    doc = record.doc()
    every = -(-len(doc["curve"]) // _CURVE) or 1
    return {
        **{name: doc[name] for name in _PLAIN},
        "segments": list(_packed(doc["segments"])),
        "checkpoints": _points(doc["checkpoints"]),
        "attempts": [[one["from_step"], one["world"], one["reached"]] for one in doc["attempts"]],
        "quarantined": doc["quarantined"] | {"first": _by_code(doc["quarantined"]["first"])},
        "curve": doc["curve"][::every],
    }


def stopped_doc(
    sealed: Sealed, points: Iterable[Mapping[str, Any]], quarantined: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What to keep of a run that was stopped after `sealed`, as JSON: it replays all `points`.

    `quarantined` are its lost windows as a record tells them, None where nobody can say.
    """
    seal, cursor = sealed.seal, sealed.seal.cursor.doc()
    told = {} if quarantined is None else {"quarantined": dict(quarantined)}
    return {
        "manifest_digest": cursor["manifest"],
        "clearance_digest": seal.clearance_digest,
        "config": dict(seal.config),
        "seed": cursor["seed"],
        "parent": seal.parent,
        "segments": list(_packed(cursor["segments"])),
        "checkpoints": _points(points),
        **{name: one | {"first": _by_code(one["first"])} for name, one in told.items()},
    }


def cursors_of(doc: Mapping[str, Any]) -> tuple[Cursor, ...]:
    """Where the run stood at each of its checkpoints, read back from a record that was kept."""
    segments = tuple(_unpacked(doc["segments"]))
    return tuple(
        Cursor(
            manifest=doc["manifest_digest"],
            seed=doc["seed"],
            step=step,
            position=position,
            chain=_long(chain),
            segments=tuple(one for one in segments if one.step <= step),
        )
        for step, position, chain in doc["checkpoints"]
    )


def lost_in(doc: Mapping[str, Any]) -> list[tuple[int, int, int, str]]:
    """The lost windows that a record lists, the first hundred: step, slot, window, code."""
    return sorted(
        (step, slot, window, code)
        for code, found in doc["quarantined"]["first"].items()
        for step, slot, window in found
    )


def _points(checkpoints: Iterable[Mapping[str, Any]]) -> list[list[Any]]:
    return [[one["step"], one["position"], _short(one["chain"])] for one in checkpoints]


def _packed(segments: Iterable[Sequence[Any]]) -> Iterator[list[Any]]:
    before: set[str] = set()
    for step, position, sequence, digest, subjects in segments:
        now = set(subjects)
        came, went = sorted(now - before), sorted(before - now)
        yield [step, position, sequence, _short(digest), came, *([went] if went else [])]
        before = now


def _unpacked(packed: Iterable[Sequence[Any]]) -> Iterator[Segment]:
    subjects: frozenset[str] = frozenset()
    for step, position, sequence, digest, came, *went in packed:
        subjects = (subjects | set(came)) - {one for gone in went for one in gone}
        ordered = sorted(subjects, key=lambda one: (not one.startswith("source:"), one))
        yield Segment(
            step=step,
            position=position,
            sequence=sequence,
            digest=_long(digest),
            subjects=tuple(ordered),
        )


def _by_code(lost: Iterable[Sequence[Any]]) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}
    for step, slot, window, code in lost:
        found.setdefault(code, []).append([step, slot, window])
    return found


def _short(digest: str) -> str:
    return urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")


def _long(short: str) -> str:
    return urlsafe_b64decode(short + "=" * (-len(short) % 4)).hex()
