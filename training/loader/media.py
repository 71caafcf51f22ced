"""Exact byte ranges of clips, proven, then decoded.

The packet index says where each frame's bytes are, so a window costs one range of whole groups of
pictures (GOPs) and no container. Every GOP is compared with its digest before a decoder sees it.
A difference stops the run (MEDIA_CHANGED); bytes that are as promised but do not decode are handed
back as `None`, and the caller gives that window no weight.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import av
import lance
import numpy as np
import pyarrow as pa
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from training.errors import LoaderError
from training.windows import Ints

Frames = NDArray[np.uint8]  # T, H, W, 3
_AGAIN: Final = "fetch the training set again from its publisher"


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """Frames `first` .. `first + count - 1` of the clip at `row` of the index."""

    row: int
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    row_id: int
    clip_id: str
    offset: int
    length: int
    gops: tuple[tuple[int, int, str], ...]  # offset in the range, length, sha256
    units: tuple[tuple[int, int], ...]  # offset in the range and length of each frame's bytes
    first: int  # frames of the range before the wanted ones
    count: int


class Media:
    """The media column of one training set at one version."""

    def __init__(self, uri: str, version: int, index: pa.Table) -> None:
        self._data = lance.dataset(uri, version=version)
        self._index = index.combine_chunks()
        self._codecs = threading.local()  # one decoder a thread, reused

    def read(
        self, wants: Sequence[Want], *, spread: Callable[..., Iterator[Frames | None]] | None = None
    ) -> list[Frames | None]:
        """The frames of each want; `None` for a window that cannot be decoded.

        `spread` maps the decoding over threads; decoders release the interpreter lock.
        """
        ranges = [self._range(want) for want in wants]
        order = sorted(range(len(ranges)), key=lambda at: (ranges[at].row_id, ranges[at].offset))
        asked = [ranges[at] for at in order]
        raw = self._fetch(asked)
        decoded = list((spread or map)(self._decode, asked, raw))
        out: list[Frames | None] = [None] * len(ranges)
        for place, frames in zip(order, decoded, strict=True):
            out[place] = frames
        return out

    def _range(self, want: Want) -> _Range:
        offsets, sizes, keys = (
            self._list("unit_offset", want.row),
            self._list("unit_size", want.row),
            np.flatnonzero(self._list("unit_key", want.row)),
        )
        digests = self._index.column("gop_sha256")[want.row].as_py()
        ends = np.append(offsets[keys[1:]], offsets[-1] + sizes[-1])
        low = int(np.searchsorted(keys, want.first, side="right")) - 1
        high = int(np.searchsorted(keys, want.first + want.count - 1, side="right"))
        start, before = int(offsets[keys[low]]), int(keys[low])
        until = int(keys[high]) if high < len(keys) else len(offsets)
        gops = tuple(
            (int(offsets[keys[at]]) - start, int(ends[at] - offsets[keys[at]]), digests[at])
            for at in range(low, high)
        )
        units = tuple((int(offsets[at]) - start, int(sizes[at])) for at in range(before, until))
        return _Range(
            row_id=int(self._index.column("_rowid")[want.row].as_py()),
            clip_id=str(self._index.column("clip_id")[want.row].as_py()),
            offset=start,
            length=int(ends[high - 1]) - start,
            gops=gops,
            units=units,
            first=want.first - before,
            count=want.count,
        )

    def _list(self, column: str, row: int) -> Ints:
        values: Ints = self._index.column(column)[row].values.to_numpy(zero_copy_only=False)
        return values.astype(np.int64)

    def _fetch(self, ranges: Sequence[_Range]) -> list[bytes]:
        requests = [(one.row_id, one.offset, one.length) for one in ranges]
        try:
            found = self._data.read_blob_ranges("media", requests, selector="ids")
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        return [_proven(one, raw) for one, (_, _, raw) in zip(ranges, found, strict=True)]

    def _unreadable(self, error: Exception) -> LoaderError:
        uri = self._data.uri
        if isinstance(error, OSError) or "not found" in str(error).lower():
            return LoaderError(
                f"files of {uri} have gone while they were read: {error}",
                code="ERASED",
                subject=uri,
                way_out="resume with the successor of this training set",
            )
        return LoaderError(  # a range past the end of the blob
            f"media of {uri} is shorter than its packet index says: {error}",
            code="MEDIA_CHANGED",
            subject=uri,
            way_out=_AGAIN,
        )

    def _decode(self, one: _Range, raw: bytes) -> Frames | None:
        codec = self._codec()
        kept: list[Frames] = []
        try:
            codec.flush_buffers()
            for number, (offset, size) in enumerate(one.units[: one.first + one.count]):
                packet = av.Packet(size)
                packet.update(raw[offset : offset + size])  # pads the bytes for the decoder
                packet.pts = number
                kept += _pictures(codec.decode(packet), one.first)
            kept += _pictures(codec.decode(None), one.first)
        except av.FFmpegError:
            return None
        return np.stack(kept) if len(kept) == one.count else None

    def _codec(self) -> VideoCodecContext:
        codec: VideoCodecContext | None = getattr(self._codecs, "h264", None)
        if codec is None:
            codec = av.CodecContext.create("h264", "r")
            codec.thread_count = 1
            codec.thread_type = "NONE"
            self._codecs.h264 = codec
        return codec


def _pictures(frames: Sequence[av.VideoFrame], first: int) -> list[Frames]:
    """RGB of the frames from number `first` on."""
    return [
        frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
        for frame in frames
        if (frame.pts or 0) >= first
    ]


def _proven(one: _Range, raw: bytes | None) -> bytes:
    """`raw` once every GOP in it has the digest that the index promises."""
    for offset, length, digest in one.gops:
        part = memoryview(raw or b"")[offset : offset + length]
        if hashlib.sha256(part).hexdigest() != digest:
            raise LoaderError(
                f"clip {one.clip_id}: {length} bytes at {one.offset + offset} do not have the "
                f"digest {digest[:12]} of the index",
                code="MEDIA_CHANGED",
                subject=one.clip_id,
                way_out=_AGAIN,
            )
    return raw or b""
