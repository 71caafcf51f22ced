"""The Arrow schemas that hold bytes: `media.lance` of the lake and `data.lance` of a training set.

The schemas without bytes (streams, clips) are in `pipelines.records`. A blob column is an extension
type of Lance, so whoever needs one takes it from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import lance
import pyarrow as pa

from pipelines.errors import LakeError
from pipelines.measures import KEY

PINNED = "14.0."
STORAGE_VERSION: Literal["2.2"] = "2.2"  # the first with blob v2
PRIMARY_KEY = KEY
_DEDICATED_BYTES = 16 << 20  # above the piece: pieces of a fragment share one pack file

if not lance.__version__.startswith(PINNED):
    raise LakeError(
        f"pylance {lance.__version__} is installed, erasure is proven for {PINNED}* only",
        code="LANCE_VERSION",
        subject=lance.__version__,
        way_out=f"pip install 'pylance=={PINNED}*'",
    )


def blob_field(name: str) -> pa.Field:
    """A nullable top-level column of bytes, packed per fragment."""
    return lance.blob_field(name, dedicated_size_threshold=_DEDICATED_BYTES)


def blob_column(values: Sequence[bytes | None]) -> pa.Array:
    """The values of a blob column."""
    return lance.blob_array(list(values))


def key_columns(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that together name a row."""
    mark = next(iter(PRIMARY_KEY))
    return tuple(one.name for one in schema if one.metadata and mark in one.metadata)


def key_lines(table: pa.Table | pa.RecordBatch, columns: Sequence[str]) -> tuple[str, ...]:
    """One line of text per row: its key."""
    values = [table.column(name).to_pylist() for name in columns]
    return tuple("\x1f".join(map(str, key)) for key in zip(*values, strict=True))


def set_schema() -> pa.Schema:
    """The columns of a training set's `data.lance`, one row per clip and camera."""
    keys = [_required(name, pa.string(), key=True) for name in ("clip_id", "camera")]
    columns = [_required(name, kind) for name, kind in _SET_COLUMNS.items()]
    return pa.schema([*keys, *columns, pa.field("media_sha256", pa.string()), blob_field("media")])


def _required(name: str, kind: pa.DataType, *, key: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=False, metadata=PRIMARY_KEY if key else None)


_SET_COLUMNS = {
    **dict.fromkeys(("source_id", "episode_id", "split", "notice_id", "sha256"), pa.string()),
    **dict.fromkeys(("num_frames", "width", "height", "action_width", "state_width"), pa.int32()),
    "start_ns": pa.int64(),
    "fps": pa.float64(),
    **dict.fromkeys(("action", "state"), pa.list_(pa.float32())),
    **dict.fromkeys(("valid", "unit_key"), pa.list_(pa.bool_())),
    **dict.fromkeys(("frame_ts_ns", "unit_offset"), pa.list_(pa.int64())),
    "unit_size": pa.list_(pa.int32()),
    "gop_sha256": pa.list_(pa.string()),
}
MEDIA = pa.schema(
    [
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("file_id", pa.string(), nullable=False, metadata=KEY),
        pa.field("piece", pa.int32(), nullable=False, metadata=KEY),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("sha256", pa.binary(32), nullable=False),
        pa.field("batch_id", pa.string(), nullable=False),
        blob_field("media"),
    ]
)
