"""Media files: XMP, words and manifests in every container, found without decoding."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.scan import boxes, chunks, matroska, media, pieces
from pipelines.scan.media import is_media, read_media
from tests.pipelines.scan.made import (
    C2PA_UUID,
    JUMBF,
    NO_TRAINING,
    RESERVED,
    XMP_UUID,
    box,
    chunk,
    ebml,
    jpeg,
    mp4,
    png,
    riff,
    xmp,
)

PLUS = {"plus": "DMI-PROHIBITED"}
SEGMENT, TAGS, CLUSTER = b"\x18\x53\x80\x67", b"\x12\x54\xc3\x67", b"\x1f\x43\xb6\x75"
EBML = b"\x1a\x45\xdf\xa3"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_MORE = b"http://ns.adobe.com/xmp/extension/\0" + b"G" * 32 + bytes(8)


def stated(raw: bytes) -> list[tuple[str, dict[str, object]]]:
    found = read_media(io.BytesIO(raw), "a", size=len(raw))
    return [(one.place, dict(signal)) for one in found for signal in one.signals or ({},)]


def itxt(text: bytes, *, packed: bool = False) -> bytes:
    body = zlib.compress(text) if packed else text
    return b"XML:com.adobe.xmp\0" + bytes([packed]) + b"\0\0\0" + body


@pytest.mark.parametrize(
    "raw",
    [
        mp4(box(b"uuid", XMP_UUID, xmp())),
        mp4(box(b"moov", box(b"mvhd", bytes(100)), box(b"udta", box(b"XMP_", xmp())))),
        mp4(box(b"moov", box(b"udta", box(b"meta", bytes(4), box(b"hdlr"), box(b"XMP_", xmp()))))),
        mp4(box(b"moov", box(b"meta", box(b"hdlr", bytes(25)), box(b"XMP_", xmp())))),
        mp4(box(b"moov", box(b"trak", box(b"udta", box(b"XMP_", xmp() + bytes(9)))))),
        mp4(struct.pack(">I4sQ", 1, b"free", 24) + bytes(8), box(b"uuid", XMP_UUID, xmp())),
        mp4() + struct.pack(">I4s", 0, b"uuid") + XMP_UUID + xmp(),
        riff(b"WEBP", chunk(b"VP8 ", bytes(5)), chunk(b"XMP ", xmp())),
        riff(b"AVI ", chunk(b"LIST", b"movi" + bytes(40))) + riff(b"AVIX", chunk(b"_PMX", xmp())),
        png((b"IHDR", bytes(13)), (b"iTXt", itxt(xmp())), (b"IEND", b"")),
        png((b"iTXt", itxt(xmp(), packed=True))),
        jpeg((0xE0, b"JFIF\0"), (0xE1, JPEG_XMP + xmp())),
        b"\xff\xd8\xff" + jpeg((0xE1, JPEG_XMP + xmp()))[2:],
        jpeg((0xE1, JPEG_MORE + xmp()[:100]), (0xE1, JPEG_MORE + xmp()[100:])),
        b"GIF89a" + bytes(20) + b"\x21\xff\x0bXMP DataXMP" + xmp() + b"\1\xff\xfe",
        b"II*\0" + bytes(500) + xmp() + bytes(500),
        b"MM\0*" + bytes(media.HEAD * 3) + xmp(),
        box(b"ftyp", b"heic") + box(b"meta", bytes(30)) + box(b"mdat", xmp()),
    ],
)  # fmt: skip
def test_xmp(raw: bytes):
    assert stated(raw) == [("XMP", PLUS)]


@pytest.mark.parametrize(
    "raw",
    [
        mp4(box(b"uuid", C2PA_UUID, bytes(4), b"manifest\0", bytes(8), JUMBF)),
        riff(b"WAVE", chunk(b"C2PA", JUMBF)),
        png((b"caBX", JUMBF)),
        jpeg((0xEB, b"JP\0\1\0\0\0\1" + JUMBF), (0xEB, b"JP\0\1\0\0\0\2more")),
        b"GIF89a" + bytes(20) + b"\x21\xff\x0bC2PA_GIF\1\0\0\x30" + JUMBF,
        b"ID3" + bytes(60) + JUMBF,
    ],
)
def test_a_manifest_is_seen(raw: bytes):
    assert stated(raw) == [("C2PA manifest", {})]


@pytest.mark.parametrize(
    "raw",
    [
        mp4(box(b"moov", box(b"udta", box(b"cprt", bytes(6), NO_TRAINING.encode())))),
        mp4(box(b"moov", box(b"udta", box(b"meta", bytes(4), box(b"hdlr", bytes(25)),
            box(b"ilst", box(b"cprt", box(b"data", bytes(8), NO_TRAINING.encode()))))))),
        riff(b"AVI ", chunk(b"LIST", b"INFO" + chunk(b"ICOP", NO_TRAINING.encode()))),
        png((b"tEXt", b"Copyright\0" + NO_TRAINING.encode())),
        png((b"iTXt", b"Copyright\0\0\0\0\0" + NO_TRAINING.encode())),
        jpeg((0xFE, NO_TRAINING.encode())),
        ebml(EBML, b"") + ebml(SEGMENT, ebml(CLUSTER, bytes(9)) + ebml(TAGS, NO_TRAINING.encode())),
        EBML + b"\x80" + SEGMENT + b"\xff" + ebml(TAGS, NO_TRAINING.encode()),
    ],
)  # fmt: skip
def test_words(raw: bytes):
    assert stated(raw) == [("words", RESERVED)]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        mp4(),
        mp4(box(b"uuid", bytes(16), xmp()[:0])),
        mp4(struct.pack(">I4s", 4, b"uuid")),
        mp4(struct.pack(">I4sQ", 1, b"uuid", 3)),
        mp4(box(b"moov", box(b"udta", bytes(4)))),
        riff(b"WEBP", chunk(b"LIST", b"INFO")),
        png((b"IHDR", bytes(13))),
        jpeg((0xE1, b"Exif\0\0")),
        jpeg((0xEB, b"JP\0\1 some other boxes")),
        EBML + b"\x80" + SEGMENT + b"\xff" + CLUSTER + b"\xff" + bytes(50),
        EBML,
        b"\xff\xd8\xff",
        b"hello",
    ],
)
def test_silence(raw: bytes):
    assert stated(raw) == []


def unread(place: str) -> list[tuple[str, dict[str, object]]]:
    return [(place, {"unread": f"{place} not readable"})]


def test_what_cannot_be_read_is_not_silence():
    packed = itxt(b" " * (pieces.LONGEST_PIECE + 1), packed=True)
    assert stated(png((b"iTXt", packed))) == unread("XMP")
    assert stated(png((b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0broken"))) == unread("XMP")
    long = mp4(box(b"uuid", XMP_UUID, bytes(pieces.LONGEST_PIECE + 1)))
    assert stated(long) == unread("XMP")
    many = [(0xE1, JPEG_MORE + bytes(65_000))] * 40
    assert stated(jpeg(*many)) == unread("XMP")
    assert stated(b"II*\0<x:xmpmeta") == unread("XMP")
    assert stated(mp4(box(b"uuid", XMP_UUID, b"<x"))) == [("XMP", {"unread": "XMP"})]


@pytest.mark.parametrize(
    "raw",
    [
        mp4(box(b"free") * 9),
        riff(b"AVI ", chunk(b"JUNK", b"") * 9),
        png(*[(b"tIME", b"")] * 9),
        ebml(EBML, b"") + ebml(b"\xec", b"") * 9,
    ],
)
def test_more_heads_than_are_walked_are_unread(raw: bytes, monkeypatch):
    for module in (boxes, chunks, matroska):
        monkeypatch.setattr(module, "MOST_HEADS", 8)
    assert stated(raw) == unread("container")


def test_more_pieces_than_are_read_are_unread(monkeypatch):
    monkeypatch.setattr(media, "MOST_PIECES", 2)
    raw = jpeg(*[(0xFE, f"comment {k}".encode()) for k in range(3)])
    assert stated(raw) == unread("container")


def test_boxes_a_thousand_deep_end_the_walk():
    deep = b""
    for _ in range(1_000):
        deep = box(b"udta", deep)
    assert stated(mp4(box(b"moov", deep), box(b"uuid", XMP_UUID, xmp()))) == [("XMP", PLUS)]


def test_a_long_file_is_not_loaded(tmp_path):
    path = tmp_path / "long.mp4"
    with path.open("wb") as file:
        file.write(box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 8 << 30))
        file.seek(20 - 8 + (8 << 30))
        file.write(box(b"uuid", XMP_UUID, xmp()))
    size = path.stat().st_size
    assert size > 8 << 30
    with path.open("rb") as file:
        found = list(read_media(file, "long.mp4", size=size))
    assert [one.place for one in found] == ["XMP"]


def test_media_are_known_by_their_bytes():
    assert is_media(mp4())
    assert is_media(jpeg())
    for words in (b"User-agent: *", b"The free films", b"RIFF files of ours", b"GIF89a and more"):
        assert not is_media(words)


@given(
    st.sampled_from([mp4(), riff(b"AVI "), png(), jpeg(), EBML, b"GIF89a"]), st.binary(max_size=300)
)
def test_any_bytes_are_read_without_a_crash(start: bytes, rest: bytes):
    assert all("allowed" not in str(signal) for _, signal in stated(start + rest))
