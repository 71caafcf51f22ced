"""Rows of a training set as an export writes them: H.264 packets, values, digests.

The pictures show a square that moves with the action, so that a model has something to learn.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import lance
import numpy as np
import pyarrow as pa

from licensing.manifest import (
    sha256_hex,
)
from training.loader import digest_row

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
    row |= video_columns(_moving_square(state)) if with_video else dict.fromkeys(_VIDEO_COLUMNS)
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


def write_rows(path: Path, rows: Mapping[str, list[dict[str, Any]]]) -> int:
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


def video_columns(frames: np.ndarray) -> dict[str, Any]:
    """What a row says of its pictures: packets, their index, digests."""
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
