"""Small real things that several packages' tests need: here, a whole training set.

`tiny_training_set` writes what an export would: Lance rows with H.264 packets, a manifest, a signed
clearance and, beside the folder of sets, a signed revocation list. Nothing is a stand-in, so that a
test of the gate, the feed or the trainer begins where a real run does.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import lance
import numpy as np
import pyarrow as pa

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
from training.loader import digest_row

SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(1, 33))
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOURCES = ("acorn", "birch")
SPLITS = ("train", "train", "val")
NUM_FRAMES, FPS, SIZE = 20, 10, 64
ACTION_WIDTH, STATE_WIDTH = 2, 3
GOP = 16
START_NS = 1_000_000_000

_INT64S, _INT32S, _BOOLS = pa.list_(pa.int64()), pa.list_(pa.int32()), pa.list_(pa.bool_())
DATA_SCHEMA = pa.schema(
    [
        pa.field("clip_id", pa.string(), nullable=False),
        pa.field("camera", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("episode_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("start_ns", pa.int64(), nullable=False),
        pa.field("num_frames", pa.int32(), nullable=False),
        pa.field("fps", pa.float64(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("frame_ts_ns", _INT64S, nullable=False),
        pa.field("action", pa.list_(pa.float32()), nullable=False),
        pa.field("action_width", pa.int32(), nullable=False),
        pa.field("state", pa.list_(pa.float32()), nullable=False),
        pa.field("state_width", pa.int32(), nullable=False),
        pa.field("valid", _BOOLS, nullable=False),
        pa.field("notice_id", pa.string(), nullable=False),
        lance.blob_field("media", nullable=True),
        pa.field("unit_offset", _INT64S, nullable=True),
        pa.field("unit_size", _INT32S, nullable=True),
        pa.field("unit_key", _BOOLS, nullable=True),
        pa.field("gop_sha256", pa.list_(pa.string()), nullable=True),
        pa.field("media_sha256", pa.string(), nullable=True),
        pa.field("sha256", pa.string(), nullable=False),
    ]
)


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
) -> Path:
    """Write `folder/training_sets/tiny/1` and the revocation list beside it; the set's folder.

    Two sources, each its own shard, of `num_clips` clips with 20 frames of 64x64 at 10 fps; the
    last clip of the last source has no video if `without_video`.
    """
    home = folder / "training_sets" / "tiny" / "1"
    (home / "documents").mkdir(parents=True)
    (home / "documents" / "NOTICE").write_text("Acorn and Birch, with thanks.\n")
    notices = [{"duty": "attribute", "source": source} for source in SOURCES]
    (home / "documents" / "notices.json").write_bytes(canonical(notices))
    rows = {source: [tiny_row(source, at) for at in range(num_clips)] for source in SOURCES}
    if without_video:
        rows[SOURCES[-1]][-1] = tiny_row(SOURCES[-1], num_clips - 1, with_video=False)
    version = _write_rows(home / "data.lance", rows)
    write_manifest(home, tiny_manifest(home, rows, version))
    sign_clearance(home, secret, not_before=now - timedelta(minutes=5), not_after=now + lasts)
    publish_revocations(home, secret, now=now)
    return home


def tiny_row(source_id: str, at: int, *, with_video: bool = True) -> dict[str, Any]:
    """One row of `data.lance`: a square that moves with its action, and the state it leaves."""
    clip_id = sha256_hex(f"{source_id}/{at}".encode())[:32]
    steps = np.arange(NUM_FRAMES)
    action = np.stack([np.cos(steps + at), np.sin(steps + at)], axis=1).astype("<f4")
    state = np.cumsum(np.pad(action, ((0, 0), (0, 1))), axis=0).astype("<f4")
    valid = np.ones((NUM_FRAMES, ACTION_WIDTH + STATE_WIDTH), dtype=bool)
    valid[0, 0] = False  # one stale action, so that masks are seen
    row: dict[str, Any] = {
        "clip_id": clip_id,
        "camera": "camera" if with_video else "",
        "source_id": source_id,
        "episode_id": sha256_hex(source_id.encode())[:32],
        "split": SPLITS[at % len(SPLITS)],
        "start_ns": START_NS * at,
        "num_frames": NUM_FRAMES,
        "fps": float(FPS),
        "width": SIZE if with_video else 0,
        "height": SIZE if with_video else 0,
        "frame_ts_ns": [START_NS * at + int(t) * 1_000_000_000 // FPS for t in steps],
        "action": action.ravel().tolist(),
        "action_width": ACTION_WIDTH,
        "state": state.ravel().tolist(),
        "state_width": STATE_WIDTH,
        "valid": valid.ravel().tolist(),
        "notice_id": f"notice-{source_id}",
    }
    row |= _video(_moving_square(state)) if with_video else dict.fromkeys(_VIDEO_COLUMNS)
    return row | {"sha256": digest_row(row)}


_VIDEO_COLUMNS = ("media", "unit_offset", "unit_size", "unit_key", "gop_sha256", "media_sha256")


def encode_h264(frames: np.ndarray) -> list[tuple[bytes, bool]]:
    """Annex-B packets of RGB frames (T, H, W, 3), each with whether it is a key unit."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = frames.shape[2], frames.shape[1], "yuv420p"
    codec.time_base, codec.framerate = Fraction(1, FPS), Fraction(FPS)
    codec.options = {
        "preset": "veryfast",
        "crf": "23",
        "g": str(GOP),
        "keyint_min": str(GOP),
        "sc_threshold": "0",
        "tune": "fastdecode",
        "bf": "0",
        "threads": "1",
    }
    packets = []
    for at, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts = at
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [(bytes(packet), packet.is_keyframe) for packet in packets]


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


def _write_rows(path: Path, rows: Mapping[str, list[dict[str, Any]]]) -> int:
    """One append a source, so that each source is a fragment of its own; the version at the end."""
    lance.write_dataset(
        pa.Table.from_batches([], schema=DATA_SCHEMA),
        path,
        schema=DATA_SCHEMA,
        mode="create",
        data_storage_version="2.2",
        enable_stable_row_ids=True,
    )
    for of in rows.values():
        columns = [
            lance.blob_array([row["media"] for row in of])
            if field.name == "media"
            else pa.array([row[field.name] for row in of], field.type)
            for field in DATA_SCHEMA
        ]
        table = pa.Table.from_arrays(columns, schema=DATA_SCHEMA)
        lance.write_dataset(table, path, mode="append", data_storage_version="2.2")
    dataset = lance.dataset(path)
    dataset.cleanup_old_versions(older_than=timedelta(microseconds=1), delete_unverified=True)
    version: int = dataset.version
    return version


def _moving_square(state: np.ndarray) -> np.ndarray:
    """RGB frames (T, H, W, 3) with a bright square at the place that the state names."""
    frames = np.full((len(state), SIZE, SIZE, 3), 32, dtype=np.uint8)
    for frame, (x, y) in zip(frames, (24 + 6 * state[:, :2]).astype(int).clip(0, 48), strict=True):
        frame[y : y + 16, x : x + 16] = (220, 180, 60)
    return frames


def _video(frames: np.ndarray) -> dict[str, Any]:
    units = encode_h264(frames)
    sizes = [len(data) for data, _ in units]
    starts = [at for at, (_, key) in enumerate(units) if key]
    gops = [
        b"".join(data for data, _ in units[start:end])
        for start, end in zip(starts, [*starts[1:], len(units)], strict=True)
    ]
    media = b"".join(gops)
    return {
        "media": media,
        "unit_offset": [0, *np.cumsum(sizes)[:-1].tolist()],
        "unit_size": sizes,
        "unit_key": [key for _, key in units],
        "gop_sha256": [hashlib.sha256(gop).hexdigest() for gop in gops],
        "media_sha256": sha256_hex(media),
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
