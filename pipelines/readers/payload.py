"""What the bytes of a packet tell: whether a picture must come of it, and damage.

Decoders paint over what is missing. But one picture comes of each packet, unless it is hidden, and
some codecs never hold what damage leaves behind.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

NOTHING = 4  # bytes: the mark of an end
NOT_CODED = 16  # bytes: in the family of MPEG-4, a picture that repeats the one before
_ONE_EACH = """
h264 hevc vvc vp8 vp9 av1 mpeg1video mpeg2video mpeg4 msmpeg4v1 msmpeg4v2 msmpeg4v3 h263 flv1
wmv1 wmv2 theora mjpeg png apng gif webp ffv1 prores dnxhd huffyuv ffvhuff rawvideo qtrle rv10
rv20 utvideo v210 cfhd
"""
ONE_EACH = frozenset(_ONE_EACH.split())
REPEATS = frozenset(
    ["mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "h263", "flv1", "wmv1", "wmv2", "theora"]
)
NO_ZEROS = frozenset({"h264", "hevc"})
ZEROS = bytes(32)  # three in a row are escaped in those
FOOTER = 8  # bytes of a slice of FFV1 with a checksum: its length, a mark, the checksum
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
START_OF_JPEG, END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"


def is_shown(codec: str, payload: bytes) -> bool:
    """Say whether a picture must come of a packet."""
    least = NOT_CODED if codec in REPEATS else 0 if codec == "av1" else NOTHING
    if codec not in ONE_EACH or len(payload) <= least:
        return False
    if codec == "vp8":
        return bool(payload[0] & 0x10)
    return codec != "vp9" or _vp9_is_shown(payload)


def wrong_with(codec: str, container: str, payload: bytes) -> Iterator[str]:
    """Yield what no encoder writes."""
    if codec in NO_ZEROS and ZEROS in payload:
        yield "zeros where the codec has none"
    if codec == "mjpeg" and container == "mjpeg" and END_OF_JPEG not in payload:
        yield "a picture without its end"
    if codec == "mjpeg" and container == "mjpeg" and _before(payload).strip(b"\x00\xff"):
        yield "something else before the picture"


def _before(payload: bytes) -> bytes:
    """Return what stands before a jpeg: the head of something else, out of which it was picked."""
    return payload.partition(START_OF_JPEG)[0]


def slice_sums(payload: bytes) -> tuple[int, int]:
    """Return how many slices of a picture of FFV1 have a right checksum, and how many a wrong one.

    RFC 9043, 4.8: slices tell their length behind them; the sum over all of one is 0. zlib counts
    bits the other way round, from another beginning.
    """
    end, right = len(payload), 0
    while end:
        tells = payload[end - FOOTER : end - FOOTER + 3] if end >= FOOTER else b""
        start = end - FOOTER - int.from_bytes(tells, "big")
        if start < 0:
            return right, 1
        if zlib.crc32(payload[start:end].translate(MIRRORED), 0xFFFFFFFF) != 0xFFFFFFFF:
            return right, 1
        end, right = start, right + 1
    return right, 0


def _vp9_is_shown(payload: bytes) -> bool:
    """Read the head of a frame; one that holds several shows one of them."""
    if payload[-1] & 0xE0 == 0xC0:
        return True
    bits = int.from_bytes(payload[:2], "big")
    profile = (bits >> 13 & 1) | (bits >> 12 & 1) << 1
    at = 11 if profile < 3 else 10
    if bits >> at & 1:  # shows a frame that is there already
        return True
    return bool(bits >> at - 2 & 1)
