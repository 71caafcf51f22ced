"""Ask the decoder library what bytes without a mark of their own are: raw streams, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipelines.readers.containers.transport import shape_of
from pipelines.readers.formats import Kind
from pipelines.readers.packets import walk
from pipelines.readers.reading import Refused
from pipelines.readers.sniff import glance
from pipelines.readers.walked import Seen

UNIT = bytes(2)  # the first bytes of a start code
STARTS = {  # of raw streams, which the library finds anywhere
    "mjpeg": b"\xff\xd8",
    "dirac": b"BBCD",
    **dict.fromkeys(["h264", "hevc", "mpegvideo", "m4v", "vc1"], UNIT),
}


def probe(path: Path) -> Kind:
    """Return what the file at `path` is, by decoding it."""
    head = glance(path, path.name).head
    is_transport = shape_of(head) is not None
    try:
        walked = walk(path, decode=not is_transport)
    except Refused:
        return Kind(name="wrong", looks="bytes of no known format")
    if not head.startswith(STARTS.get(walked.format, b"")):
        return Kind(name="wrong", looks=f"bytes with {walked.format} somewhere in them")
    pictures = walked.pictures
    if pictures and (is_transport or _holds(pictures)):
        return Kind(name="video")
    sounds = [seen for seen in walked.streams if seen.kind == "audio"]
    if sounds and not pictures and sounds[0].num_packets > 8 and not walked.ended:
        return Kind(name="sound", looks=f"sound without pictures ({walked.format})")
    return Kind(name="wrong", looks="bytes of no known format")


def _holds(pictures: Iterable[Seen]) -> bool:
    """Say whether most of what was taken for packets gave pictures: chance matches do not."""
    return any(seen.num_frames and 2 * len(seen.errors) <= seen.num_frames for seen in pictures)
