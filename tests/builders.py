"""Small real things that several packages' tests need: here, a whole training set.

`tiny_training_set` writes what an export would: Lance rows with H.264 packets, a manifest, a signed
clearance and, beside the folder of sets, a signed revocation list. Nothing is a stand-in, so that a
test of the gate, the feed or the trainer begins where a real run does.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from licensing.manifest import (
    CLEARANCE_TYPE,
    MANIFEST_SCHEMA,
    REVOCATIONS_TYPE,
    canonical,
    clearance_statement,
    combine,
    moment,
    revocation_list,
    sha256_hex,
    sign_statement,
)
from licensing.request import Request, read_request, request_digest, request_doc
from tests.rows import ACTION_WIDTH, FPS, GOP, SIZE, STATE_WIDTH, tiny_row, write_rows

SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(1, 33))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOURCES = ("acorn", "birch")

ALL_SETTLED = {  # an answer to every question of every checklist
    "image, music, persons, premises, marks": "none",
    "publisher, mods, voice, terms": "none",
    "site owner, bystanders, operators, vendor terms, maps": "none",
    "generator, asset packs, tool": "none",
}


def training_request(**changes: Any) -> Request:
    """The use that the tiny training set is cleared for."""
    asked = {
        "action": "train",
        "commercial": True,
        "release": "weights",
        "out_licence": "proprietary",
        "model_kind": "world_model",
        "territory": ["EU", "US"],
        "at": "2026-11-24",
    }
    return read_request(asked | changes)


def tiny_training_set(
    folder: Path,
    secret: bytes = SECRET,
    *,
    now: datetime = NOW,
    lasts: timedelta = timedelta(hours=24),
    num_clips: int = 3,
    without_video: bool = False,
    sources: Sequence[str] = SOURCES,
) -> Path:
    """Write `folder/training_sets/tiny/1` and the revocation list beside it; the set's folder.

    Sources, each its own shard, of `num_clips` clips with 20 frames of 64x64 at 10 fps; the last
    clip of the last source has no video if `without_video`.
    """
    home = folder / "training_sets" / "tiny" / "1"
    (home / "documents").mkdir(parents=True)
    (home / "documents" / "NOTICE").write_text("Acorn and Birch, with thanks.\n")
    notices = [{"duty": "attribute", "source": source} for source in sources]
    (home / "documents" / "notices.json").write_bytes(canonical(notices))
    rows = {source: [tiny_row(source, at) for at in range(num_clips)] for source in sources}
    if without_video:
        rows[sources[-1]][-1] = tiny_row(sources[-1], num_clips - 1, with_video=False)
    version = write_rows(home / "data.lance", rows)
    write_manifest(home, tiny_manifest(home, rows, version))
    sign_clearance(home, secret, not_before=now - timedelta(minutes=5), not_after=now + lasts)
    publish_revocations(home, secret, now=now)
    return home


def tiny_manifest(
    home: Path, rows: Mapping[str, Iterable[Mapping[str, Any]]], version: int
) -> dict[str, Any]:
    """The manifest of rows that have been written to `home`, one source a shard."""
    everything = [row for source in rows.values() for row in source]
    request = training_request()
    return {
        "schema": MANIFEST_SCHEMA,
        "name": "tiny",
        "version": 1,
        "request": request_doc(request),
        "request_digest": request_digest(request),
        "predecessor": None,
        "not_after": "9999-12-31",
        "content_digest": combine(row["sha256"] for row in sorted(everything, key=_content_order)),
        "data": {"path": "data.lance", "version": version},
        "files": listed_files(home),
        "shards": [_shard(at, list(of)) for at, of in enumerate(rows.values())],
        "channels": [_channel("action", at) for at in range(ACTION_WIDTH)]
        + [_channel("state", at) for at in range(STATE_WIDTH)],
        "layouts": {
            source: {"action": list(range(ACTION_WIDTH)), "state": list(range(STATE_WIDTH))}
            for source in rows
        },
        "splits": {
            split: sum(row["split"] == split for row in everything)
            for split in ("train", "val", "test")
        },
        "render": {
            "width": SIZE,
            "height": SIZE,
            "fps": FPS,
            "gop": GOP,
            "codec": "h264",
            "crf": 23,
            "preset": "veryfast",
            "encoder": "libx264",
        },
        "tombstones": [],
    }


def listed_files(home: Path) -> list[dict[str, Any]]:
    """The manifest's list of every file below a set but the two papers."""
    paths = sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file())
    return [
        {
            "path": path,
            "bytes": (home / path).stat().st_size,
            "sha256": sha256_hex((home / path).read_bytes()),
        }
        for path in paths
        if path not in {"manifest.json", "clearance.dsse.json"}
    ]


def read_manifest(home: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((home / "manifest.json").read_bytes())
    return manifest


def write_manifest(home: Path, manifest: Mapping[str, Any]) -> str:
    """Write `manifest.json`; its digest. The clearance must be signed anew after it."""
    raw = canonical(dict(manifest))
    (home / "manifest.json").write_bytes(raw)
    return sha256_hex(raw)


def sign_clearance(
    home: Path,
    secret: bytes = SECRET,
    *,
    not_before: datetime = NOW - timedelta(minutes=5),
    not_after: datetime = NOW + timedelta(hours=24),
) -> None:
    """Sign a clearance over the manifest that lies there now."""
    manifest = read_manifest(home)
    statement = clearance_statement(
        sha256_hex((home / "manifest.json").read_bytes()),
        request=manifest["request"],
        profile="conservative",
        rulebook_digest=sha256_hex(b"rulebook"),
        valid="2026-11-24",
        known="2026-11-24",
        decisions=[sha256_hex(source["source_id"].encode()) for source in manifest["shards"]],
        obligations=["attribute"],
        not_before=not_before,
        not_after=not_after,
        log=None,
    )
    raw = sign_statement(statement, payload_type=CLEARANCE_TYPE, secret=secret)
    (home / "clearance.dsse.json").write_bytes(raw)


def publish_revocations(
    home: Path,
    secret: bytes = SECRET,
    *,
    now: datetime = NOW,
    sequence: int = 0,
    entries: Iterable[Mapping[str, Any]] = (),
    fresh_for: timedelta = timedelta(hours=24),
) -> Path:
    """Put a signed revocation list where the gate of the set at `home` looks for it."""
    doc = revocation_list(sequence, issued_at=now, fresh_until=now + fresh_for, entries=entries)
    path = home.parent.parent / "revocations.dsse.json"
    path.write_bytes(sign_statement(doc, payload_type=REVOCATIONS_TYPE, secret=secret))
    return path


def revoked(kind: str, subject: str, successor: str | None = None) -> dict[str, Any]:
    """An entry of a revocation list."""
    at = moment("2026-11-24T11:00:00Z")
    return {
        "kind": kind,
        "id": subject,
        "reason": "EXPIRED",
        "at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "successor": successor,
    }


def _shard(number: int, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    ordered = sorted(rows, key=lambda row: (row["clip_id"], row["camera"]))
    return {
        "shard": number,
        "source_id": rows[0]["source_id"],
        "num_rows": len(rows),
        "num_clips": len({row["clip_id"] for row in rows}),
        "num_frames": sum(row["num_frames"] for row in rows),
        "digest": combine(row["sha256"] for row in ordered),
    }


def _channel(kind: str, at: int) -> dict[str, Any]:
    return {"kind": kind, "name": f"{kind}.{at}", "unit": "", "index": at, "mean": 0.0, "std": 1.0}


def _content_order(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["source_id"], row["clip_id"], row["camera"]
