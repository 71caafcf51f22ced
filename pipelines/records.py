"""What a recording is once it has been read, and the Arrow schemas of its streams and clips.

`Found` names bytes on disk; an `Episode` is one continuous recording with all its `Stream`s on one
clock (int64 ns); a `Clip` is a window of it. The schemas STREAMS and CLIPS stand here and nowhere
else, and so does the one way an episode becomes rows of STREAMS. The schema of the media, which
holds blobs, stands in `lake`, the only package that knows the table format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.measures import NAMES, required
from pipelines.ondisk import Numbers, let_go

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CHUNK_NS = 60_000_000_000  # a list cannot be sliced inside a row: rows stay short
CHUNK_ENTRIES = 4_096
PIECE_BYTES = 8 << 20  # a file is stored in pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A path of a source and the bytes that lay there when it was scanned."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where the times of a stream come from, and how far they can be trusted."""

    kind: str  # stamp | publish | log | pts | tick | synthesised
    epoch: str  # unix | boot | start
    resolution_ns: int = 1
    offset_ns: int = 0
    drift_ppm: float = 0.0
    how: str = ""
    skew: dict[str, float] = field(default_factory=dict)  # figures of `clocks.skew_figures`

    def text(self) -> str:
        """Return the clock as canonical JSON, as STREAMS keeps it."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def of_text(cls, text: str) -> Clock:
        """Return the clock that `text` was written from."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketIndex:
    """Where each packet of a video lies in the bytes of `file_id`, in decode order."""

    file_id: str
    offset: Int64s
    size: npt.NDArray[np.int32]
    key: npt.NDArray[np.bool_]
    pts_ns: Int64s
    extradata: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One named sequence of an episode; `ts_ns` ascends and has one entry a frame or message."""

    name: str
    kind: str  # video | audio | vector | event
    clock: Clock
    ts_ns: Int64s
    file_id: str  # the file that the entries come from; for video, the file of the index
    values: Floats | Numbers | None = None  # vector: one row a message, one column a channel
    channels: tuple[str, ...] = ()
    events: Sequence[str] | None = None  # event: one JSON document a message
    index: PacketIndex | None = None
    codec: str = ""
    width: int = 0
    height: int = 0
    rotation: int = 0
    pixels: str = ""  # pixel format: some codecs do not say it in their packets
    sample_rate: int = 0  # of a sound track
    layout: str = ""  # of its channels
    num_messages: int = 0
    last_ns: int = 0  # how long the last entry lasts; 0: as long as entries usually do
    figures: tuple[Mapping[str, Any], ...] = ()  # of its pictures, in chunks, where a reader looked

    @property
    def num_frames(self) -> int:
        """Pictures of a video, packets of a sound track, 0 for anything else."""
        return len(self.ts_ns) if self.kind in {"video", "audio"} else 0

    @property
    def span_ns(self) -> tuple[int, int]:
        """`[start, end)`: the last entry lasts as long as it says, or as entries usually do.

        The only entry of a clock that counts lasts as long as one of what it counts.
        """
        if not len(self.ts_ns):
            return 0, 0
        counted = len(self.ts_ns) == 1 and self.clock.kind in {"tick", "synthesised"}
        usual = max(1, self.clock.resolution_ns) if counted else period_ns(self.ts_ns)
        return int(self.ts_ns[0]), int(self.ts_ns[-1]) + (self.last_ns or usual)

    def doc(self) -> dict[str, Any]:
        """Return the line about this stream that reports and the catalog carry."""
        named = ("name", "kind", "codec", "width", "height", "rotation", "pixels")
        (start_ns, end_ns), told = self.span_ns, {name: getattr(self, name) for name in named}
        if self.kind == "audio":
            told |= {"sample_rate": self.sample_rate, "layout": self.layout}
        told |= {"num_frames": self.num_frames, "num_messages": self.num_messages}
        told |= {"start_ns": start_ns, "end_ns": end_ns, "channels": list(self.channels)}
        return told | {"clock": asdict(self.clock)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One continuous recording: `[start_ns, end_ns)`, its streams, and the spans that are gaps."""

    episode_id: str
    source_id: str
    files: tuple[str, ...]  # sha256 of the files as found, in order
    reader: str  # name@version
    streams: tuple[Stream, ...]
    start_ns: int
    end_ns: int
    part: str = ""  # names it where the same files hold several
    gaps: tuple[tuple[int, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A window `[start_ns, end_ns)` of an episode: what is assessed, cleared and exported."""

    clip_id: str
    source_id: str
    episode_id: str
    cut_id: str  # cutter@version
    start_ns: int
    end_ns: int
    streams: tuple[str, ...]
    split_group: str


_TEXT, _INT, _LONG, _SHA256 = pa.string(), pa.int32(), pa.int64(), pa.binary(32)

_MEDIA = [
    *required(_TEXT, "source_id"),
    *required(_TEXT, "file_id", key=True),
    *required(_INT, "piece", key=True),
    *required(_LONG, "offset"),
    *required(_SHA256, "sha256"),
    *required(_TEXT, "batch_id"),
]
MEDIA = pa.schema([*_MEDIA, pa.field("media", pa.large_binary())])  # a blob in the lake

_STREAMS = [
    *required(_TEXT, "chunk_id", key=True),
    *required(_TEXT, "source_id file_id episode_id stream kind clock reader batch_id"),
    *required(_INT, "chunk_no count"),
    *required(_LONG, "start_ns end_ns"),
    *required(pa.list_(_LONG), "ts_ns"),
]
_OPTIONAL = {
    "values": pa.list_(pa.float64()),
    "width": _INT,
    "channels": pa.list_(_TEXT),
    "events": pa.list_(_TEXT),
    "unit_offset": pa.list_(_LONG),
    "unit_size": pa.list_(_INT),
    "unit_key": pa.list_(pa.bool_()),
    "unit_pts_ns": pa.list_(_LONG),
    "extradata": pa.binary(),
}
STREAMS = pa.schema([*_STREAMS, *_OPTIONAL.items(), *required(_SHA256, "sha256")])

_CLIPS = [
    *required(_TEXT, "clip_id", key=True),
    *required(_TEXT, "source_id episode_id cut_id"),
    *required(_LONG, "start_ns end_ns"),
    *required(pa.list_(_TEXT), "streams"),
    *required(_TEXT, "split_group batch_id"),
    *required(_SHA256, "sha256"),
]
_ASSESSED = [("session", _TEXT), ("assess_id", _TEXT)]  # null until assessed, as the measures are
CLIPS = pa.schema([*_CLIPS, *_ASSESSED, *((name, pa.float64()) for name in NAMES)])


def period_ns(ts_ns: Int64s) -> int:
    """Return the usual step between entries, rounded up; 1 when there is only one entry."""
    if len(ts_ns) < 2:
        return 1
    return max(1, -((int(ts_ns[0]) - int(ts_ns[-1])) // (len(ts_ns) - 1)))


def content_id(*parts: object) -> str:
    """Return the 32 hex digits that name something by what it is made of."""
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def stream_rows(episode: Episode, batch_id: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of STREAMS for `episode`, one batch a row, the same on every run."""
    for stream in episode.streams:
        common = {
            "source_id": episode.source_id,
            "file_id": stream.file_id,
            "episode_id": episode.episode_id,
            "stream": stream.name,
            "kind": stream.kind,
            "clock": stream.clock.text(),
            "reader": episode.reader,
        }
        for number, (low, high) in enumerate(_bounds(stream)):
            row = common | _chunk(stream, low, high) | {"chunk_no": number}
            row["chunk_id"] = content_id(episode.source_id, episode.episode_id, stream.name, number)
            row["sha256"] = row_sha256(row)  # before batch_id: the same content, the same digest
            yield pa.RecordBatch.from_pylist([row | {"batch_id": batch_id}], schema=STREAMS)
            let_go(stream.ts_ns)


def clip_rows(clips: Sequence[Clip], batch_id: str) -> pa.RecordBatch:
    """Return the rows of CLIPS for `clips`, their measures still null."""
    rows = []
    for clip in clips:
        row = asdict(clip) | {"streams": list(clip.streams)}
        rows.append(row | {"sha256": row_sha256(row), "batch_id": batch_id})
    return pa.RecordBatch.from_pylist(rows, schema=CLIPS)


def row_sha256(row: dict[str, Any]) -> bytes:
    """Digest the cells of a row in the order of their names, each tagged and length-prefixed."""
    digest = hashlib.sha256()
    for name in sorted(row):
        tag, raw = _cell(row[name])
        digest.update(f"{name}\0{tag}\0{len(raw)}\0".encode() + raw)
    return digest.digest()


def _cell(value: object) -> tuple[str, bytes]:
    if value is None:
        return "null", b""
    if isinstance(value, bytes):
        return "bytes", value
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False))
        return little.dtype.str, little.tobytes()
    return "json", json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _chunk(stream: Stream, low: int, high: int) -> dict[str, Any]:
    ts = stream.ts_ns[low:high]
    row: dict[str, Any] = {
        "count": len(ts),
        "start_ns": int(ts[0]) if len(ts) else 0,
        "end_ns": int(ts[-1]) if len(ts) else 0,
        "ts_ns": ts,
    }
    if stream.values is not None:
        row["values"] = np.ascontiguousarray(stream.values[low:high]).ravel()
        row |= {"width": stream.values.shape[1], "channels": list(stream.channels)}
    if stream.events is not None:
        row["events"] = list(stream.events[low:high])
    if stream.index is not None:
        index = stream.index
        row |= {
            "unit_offset": index.offset[low:high],
            "unit_size": index.size[low:high],
            "unit_key": index.key[low:high],
            "unit_pts_ns": index.pts_ns[low:high],
            "extradata": index.extradata,
        }
    return row


def _bounds(stream: Stream) -> Iterator[tuple[int, int]]:
    """Cut `[0, n)` so that each part has few entries and a short span; units follow the entries."""
    ts = stream.ts_ns
    total, low = max(len(ts), 0 if stream.index is None else len(stream.index.offset)), 0
    while low < total:
        high = min(low + CHUNK_ENTRIES, total)
        near = ts[low:high]
        short = int(np.searchsorted(near, near[0] + CHUNK_NS)) if len(near) else 0
        high = low + short if short < len(near) else high
        yield low, high
        low = high
    if total == 0:
        yield 0, 0
