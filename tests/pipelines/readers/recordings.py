"""Small recordings of every kind, made in milliseconds, and one way to read them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import av
import numpy as np

from catalog.sources import Source
from pipelines.readers.plan import Plan, plan_groups
from pipelines.readers.reading import FileFacts, Group, ReadResult
from pipelines.readers.registry import readers
from pipelines.readers.run import joined, read_group
from pipelines.records import Found

EPOCH_NS = 1_767_225_600_000_000_000
FREEDOOM = Path(__file__).parents[3] / "docs/examples/demo/vendored/freedoom"


def film(path: Path, *, codec: str = "libx264", kind: str = "", frames: int = 30, **how) -> Path:
    """Write a film of `frames` pictures, 25 a second, in container `kind` (by the suffix)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
    with av.open(str(path), "w", format=kind or None) as container:
        stream: Any = container.add_stream(codec, rate=how.get("rate", 25))
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        stream.options = how.get("options", {})
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def picture(number: int) -> Any:
    """Draw a bar that moves one line a picture."""
    pixels = np.full((64, 96, 3), 40 + number % 100, np.uint8)
    pixels[number % 64] = 255
    return pixels


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a JSON lines log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def doom_log(path: Path, tics: int, *, end: bool = True) -> Path:
    """Write a demo of one player who walks forward and fires at every tenth tic."""
    header = bytes([109, 2, 1, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0])
    body = b"".join(bytes([50, 0, 256 - 3, int(tic % 10 == 0)]) for tic in range(tics))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + body + (b"\x80" if end else b""))
    return path


def jpeg(number: int) -> bytes:
    """Encode one picture as jpeg."""
    sink = io.BytesIO()
    with av.open(sink, "w", format="mjpeg") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode())
    return sink.getvalue()


def robot_log(
    path: Path, *, seconds: int = 2, stamped: bool = True, compression: str = "ZSTD"
) -> Path:
    """Write an MCAP log: joints at 100 Hz, 3 ms late, and a camera at 10 Hz, 40 ms late."""
    from mcap.writer import CompressionType, Writer

    messages = []
    for step in range(seconds * 100):
        now = EPOCH_NS + step * 10_000_000
        stamp = {"stamp_ns": now if stamped else 0}
        messages.append((now + 3_000_000, "/joints", {**stamp, "position": [step / 10, -step]}))
        if step % 10 == 0:
            data = base64.b64encode(jpeg(step // 10)).decode()
            messages.append(
                (now + 40_000_000, "/camera", {**stamp, "format": "jpeg", "data": data})
            )
    messages.sort(key=lambda each: each[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=8 << 10, compression=CompressionType[compression])
        writer.start(profile="", library="test")
        channels = {}
        for topic in ("/joints", "/camera"):
            schema = writer.register_schema(topic, "jsonschema", b"{}")
            channels[topic] = writer.register_channel(topic, "json", schema)
        for log_time, topic, doc in messages:
            late = log_time - (3_000_000 if topic == "/joints" else 40_000_000)
            writer.add_message(
                channels[topic], log_time, json.dumps(doc).encode(), late + 1_000_000
            )
        writer.finish()
    return path


def found_in(root: Path) -> list[Found]:
    """Scan a folder."""
    return [
        Found(
            path=path.relative_to(root).as_posix(),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            size_bytes=path.stat().st_size,
        )
        for path in sorted(root.rglob("*"))
        if path.is_file()
    ]


def planned(root: Path, reader: str = "auto") -> Plan:
    """Plan the groups of a folder."""
    source = Source(source_id="demo", uri=str(root), modality="game", reader=reader)
    return plan_groups(found_in(root), source, root)


def whole(root: Path, group: Group, scratch: Path, **config) -> ReadResult:
    """Read one group, all of it at once."""
    reader = readers()[group.reader]
    return joined(read_group(root, group, config, scratch=scratch, reader=reader))


def read_all(
    root: Path, scratch: Path, **config
) -> tuple[dict[str, FileFacts], list[Any], dict[str, bytes]]:
    """Read a folder: a line a path, the episodes, and the bytes of every file by its digest."""
    scratch.mkdir(exist_ok=True)
    plan = planned(root)
    results = [whole(root, each, scratch, **config) for each in plan.groups]
    files = [*plan.files, *(line for result in results for line in result.files)]
    assert sorted(line.path for line in files) == sorted(each.path for each in found_in(root))
    stored = {each.sha256: (root / each.path).read_bytes() for each in found_in(root)}
    stored |= {one.track_id: one.path.read_bytes() for result in results for one in result.tracks}
    episodes = [episode for result in results for episode in result.episodes]
    return {line.path: line for line in files}, episodes, stored
