"""What a message says of the picture in it: which codec, what size, and the bytes; or none."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

CODECS = (
    ("jpeg", "mjpeg"),
    ("jpg", "mjpeg"),
    ("png", "png"),
    ("webp", "webp"),
    ("h264", "h264"),
    ("h265", "hevc"),
    ("hevc", "hevc"),
)
STILLS = frozenset({"mjpeg", "png", "webp"})
MAGIC = ((b"\xff\xd8\xff", "mjpeg"), (b"\x89PNG", "png"))
RAW = {  # how a message names its pixels: FFmpeg's name, bits of one
    "rgb8": ("rgb24", 24),
    "bgr8": ("bgr24", 24),
    "8UC3": ("bgr24", 24),
    "rgba8": ("rgba", 32),
    "bgra8": ("bgra", 32),
    "8UC4": ("bgra", 32),
    "mono8": ("gray", 8),
    "8UC1": ("gray", 8),
    "mono16": ("gray16le", 16),
    "16UC1": ("gray16le", 16),
    "32FC1": ("grayf32le", 32),
    "rgb16": ("rgb48le", 48),
    "bgr16": ("bgr48le", 48),
    "yuv422": ("uyvy422", 16),
    "uyvy": ("uyvy422", 16),
    "yuv422_yuy2": ("yuyv422", 16),
    "yuyv": ("yuyv422", 16),
    "nv12": ("nv12", 12),
    "nv21": ("nv21", 12),
    "bayer_rggb8": ("bayer_rggb8", 8),
    "bayer_bggr8": ("bayer_bggr8", 8),
    "bayer_gbrg8": ("bayer_gbrg8", 8),
    "bayer_grbg8": ("bayer_grbg8", 8),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What all pictures of a track have in common."""

    codec: str
    pixels: str = ""
    width: int = 0
    height: int = 0


def picture_in(doc: Mapping[str, Any]) -> tuple[Look, bytes] | None:
    """Return the picture that a message holds, encoded or not."""
    data, how = doc.get("data"), doc.get("format")
    if not data:
        return None
    if isinstance(how, str) and "compressedDepth" not in how:
        codec = next((codec for word, codec in CODECS if word in how.lower()), "")
        raw = _bytes(data) if codec else b""
        return (Look(_own(codec, raw)), raw) if raw else None
    return _plain_picture(doc, _bytes(data))


def lacks_picture(doc: Mapping[str, Any]) -> bool:
    """Say whether a message is one of pictures, but without one, or with a part of one."""
    data, encoding = doc.get("data"), doc.get("encoding")
    if isinstance(data, list | tuple) and data:
        return False
    if isinstance(doc.get("format"), str):
        return not data
    if not isinstance(encoding, str) or not {"width", "height"} <= doc.keys():
        return False
    return not data or encoding in RAW


def stands_alone(look: Look, data: bytes) -> bool:
    """Say whether a picture is known to be whole without those beside it."""
    return look.codec == "rawvideo" or any(data.startswith(magic) for magic, _ in MAGIC)


def _own(codec: str, data: bytes) -> str:
    """Return the codec of a still as its first bytes say, whatever the message calls it."""
    if codec not in STILLS:
        return codec
    return next((own for magic, own in MAGIC if data.startswith(magic)), codec)


def _plain_picture(doc: Mapping[str, Any], data: bytes) -> tuple[Look, bytes] | None:
    pixels, bits = RAW.get(str(doc.get("encoding")), ("", 0))
    width, height, step = (_whole(doc.get(key)) for key in ("width", "height", "step"))
    if not pixels or not width or not height:
        return None
    if doc.get("is_bigendian") and pixels.endswith("le"):
        pixels = f"{pixels[:-2]}be"
    row = width * (8 if bits == 12 else bits) // 8
    num_rows = height * 3 // 2 if bits == 12 else height
    if step > row and len(data) == step * num_rows:
        lines = np.frombuffer(data, np.uint8).reshape(num_rows, step)
        data = lines[:, :row].tobytes()
    return (Look("rawvideo", pixels, width, height), data) if len(data) == row * num_rows else None


def _whole(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _bytes(data: object) -> bytes:
    """Return the payload of a picture: bytes, or base64 in a JSON message."""
    if isinstance(data, str):
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            return b""
    return bytes(data) if isinstance(data, bytes | bytearray) else b""
