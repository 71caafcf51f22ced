"""The index of a training set: every column of `data.lance` but the media, and the digest of a row.

A row digest covers what decides how a row is read: its identity, its times and values, its packet
index and the digests of its groups of pictures. The media itself is proven at read, range by
range. Export writes the digest and the gate recomputes it with the same function: one byte rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import lance
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from licensing.manifest import row_digest
from training.errors import LoaderError


def _array(dtype: str) -> Callable[[Any], bytes]:
    """Bytes of a list of numbers, little-endian, without a length: the tag adds one."""
    return lambda values: np.asarray(values, dtype=dtype).tobytes()


def _lines(values: Iterable[str]) -> bytes:
    return "\n".join(values).encode()


# What the digest covers, with the byte rule of each column. `media` has digests of its own.
_RULES: Final[dict[str, Callable[[Any], Any]]] = {
    "clip_id": str,
    "camera": str,
    "source_id": str,
    "episode_id": str,
    "split": str,
    "start_ns": int,
    "num_frames": int,
    "fps": float,
    "width": int,
    "height": int,
    "frame_ts_ns": _array("<i8"),
    "action": _array("<f4"),
    "action_width": int,
    "state": _array("<f4"),
    "state_width": int,
    "valid": _array("?"),
    "notice_id": str,
    "unit_offset": _array("<i8"),
    "unit_size": _array("<i4"),
    "unit_key": _array("?"),
    "gop_sha256": _lines,
    "media_sha256": str,
}
COLUMNS: Final = (*_RULES, "sha256")  # every column but `media`


def read_index(uri: str, version: int | None = None) -> pa.Table:
    """Every row of `data.lance` at `version` without its media, in storage order.

    Two columns are added: `_rowid`, by which the media is read, and `shard`, the fragment's number.
    """
    try:
        table = lance.dataset(uri, version=version).to_table(
            columns=list(COLUMNS), with_row_id=True, with_row_address=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise LoaderError(
            f"{uri} cannot be read at version {version}: {error}",
            code="ROW_CHANGED",
            subject=uri,
            way_out="fetch the training set again from its publisher",
        ) from error
    shards = pc.shift_right(table.column("_rowaddr"), pa.scalar(32, pa.uint64()))
    return table.drop_columns(["_rowaddr"]).append_column("shard", shards.cast(pa.int32()))


def digest_row(row: Mapping[str, Any]) -> str:
    """The digest of one row: its columns but `media` and `sha256`; others are not looked at.

    Lists may be Python lists or arrays; null stays null.
    """
    missing = [name for name in _RULES if name not in row]
    if missing:
        raise LoaderError(
            f"a row of data.lance lacks {', '.join(missing)}, expected {len(_RULES)} columns",
            code="ROW_CHANGED",
            subject=str(row.get("clip_id", "")),
            way_out="write rows with every column of the training set; a null is a value",
        )
    digest: str = row_digest({name: _in_bytes(rule, row[name]) for name, rule in _RULES.items()})
    return digest


def _in_bytes(rule: Callable[[Any], Any], value: object) -> int | float | str | bytes | None:
    digested: int | float | str | bytes | None = None if value is None else rule(value)
    return digested
