"""Say what a file is by its bytes; its name only helps to describe what it is not.

In: a `Glance` at a file. Out: one `Kind`: a format, a companion, or nothing recognisable. Whether a
reader takes that format is not decided here. Nothing here decodes: the head and the tail of the
file, and for text its first lines, are enough.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path, PurePosixPath

from pipelines.readers.formats import Glance, Kind

HEAD = 64 << 10
UNREADABLE = re.compile("[\\x00\\ufffd]+")  # letters that damage has left
_DOCUMENTS = """
md rst txt html htm pdf xml yaml yml toml ini cfg json jsonld xmp license cff bib url
"""
DOCUMENTS = frozenset(_DOCUMENTS.split())
DOCUMENT_STEMS = ("license", "licence", "copying", "notice", "readme", "authors", "copyright")
MAGICS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89MCAP0\r\n", "mcap"),
    (0, b"PAR1", "parquet"),
    (4, b"ftyp", "video"),
    (4, b"moov", "video"),
    (4, b"mdat", "video"),
    (4, b"styp", "video"),
    (4, b"wide", "video"),
    (0, b"\x1a\x45\xdf\xa3", "video"),
    (8, b"AVI ", "video"),
    (0, b"OggS", "video"),
    (0, b"FLV\x01", "video"),
    (0, b"GIF8", "video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video"),
    (0, b"nut/multimedia", "video"),
    (0, b"\x00\x00\x01\xba", "video"),
    (0, b"\x00\x00\x01\xb3", "video"),
    (0, b"DKIF", "video"),
    (0, b"YUV4MPEG2", "video"),
    (0, b".RMF", "video"),
    (0, b"\x89PNG", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"BM", "image/bmp"),
    (8, b"WEBP", "image/webp"),
    (0, b"\xff\xfe", "UTF-16 text"),
    (0, b"\xfe\xff", "UTF-16 text"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"#ROSBAG V2", "ros bag"),
    (0, b"SQLite format 3\x00", "sqlite"),
    (0, b"HL2DEMO", "cs demo"),
    (0, b"PBDEMS2", "cs2 demo"),
    (0, b"ULog\x01\x12\x35", "ulog"),
    (0, b"ARROW1", "arrow"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"%PDF-", "document"),
    (257, b"ustar", "tar"),
    (0, b"fLaC", "sound"),
    (0, b"ID3", "sound"),
    (8, b"WAVE", "sound"),
)
MEANT = {
    "document": Kind(name="companion", looks="a document"),
    "sound": Kind(name="sound", looks="sound without pictures"),
}
_MEDIA = """
mp4 m4v mov mkv webm avi ts mts m2ts mpg mpeg m1v m2v ogg ogv flv wmv asf gif nut mjpeg h264 hevc
ivf y4m 3gp mcap lmp parquet npy npz hdf5 h5 bag db3 zip tar gz png jpg jpeg
"""
MEDIA_SUFFIXES = frozenset(_MEDIA.split())


def glance(path: Path, name: str) -> Glance:
    """Look at both ends of the file at `path`; `name` is its path inside the source."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, size - HEAD))
        return Glance(name=name, path=path, size=size, head=head, tail=file.read(HEAD))


def sniff(seen: Glance) -> Kind:
    """Return the kind of a file that is not empty."""
    head, tail = seen.head, seen.tail
    for offset, magic, what in MAGICS:
        if head.startswith(magic, offset):
            return _known(what, head, tail)
    if head[:1] == b"\x80" and tail.endswith(b"."):
        return Kind(name="unsafe", looks="a pickle")
    text = _text(head, whole=seen.size <= HEAD)
    return _text_kind(text, seen) if text is not None else Kind(name="probe", looks="bytes")


def _known(what: str, head: bytes, tail: bytes) -> Kind:
    """Say what a mark stands for, where that depends on more than the mark."""
    if what == "parquet" and not tail.endswith(b"PAR1"):
        return Kind(name="truncated", looks="Parquet without its footer")
    if what == "video" and head.startswith(b"OggS") and _only_sound(head):
        what = "sound"
    if what == "image/png" and b"acTL" in head[:4096]:
        return Kind(name="video", looks="pictures in a PNG")
    if what == "image/jpeg" and b"\xff\xd9\xff\xd8" in head:
        return Kind(name="probe", looks="pictures one after another")
    return MEANT.get(what, Kind(name=what))


def _only_sound(head: bytes) -> bool:
    pictures = (b"\x80theora", b"BBCD", b"video", b"OVP80")
    return not any(mark in head[:4096] for mark in pictures)


def _text(head: bytes, *, whole: bool) -> str | None:
    """Return the head as text, a few damaged bytes in it replaced; None when it is none."""
    if not whole:
        head = head[: head.rfind(b"\n") + 1] or head
    text = head.decode("utf-8-sig", errors="replace")
    places = UNREADABLE.findall(text)
    few = 50 * len(places) <= len(text) and 2 * sum(map(len, places)) <= len(text)
    return text if few else None


def _text_kind(text: str, seen: Glance) -> Kind:
    suffix = PurePosixPath(seen.name).suffix.lower().lstrip(".")
    stem = PurePosixPath(seen.name).name.lower()
    looks = _looks(text)
    if not text.strip():
        return Kind(name="blank", looks="white space")
    if looks in {"git-lfs pointer", "html"} and suffix not in {"html", "htm"}:
        return Kind(name="wrong", looks=looks)
    if _is_lines(text, suffix):
        return Kind(name="jsonl")
    return _document_kind(text, stem, suffix, whole=seen.size <= HEAD)


def _document_kind(text: str, stem: str, suffix: str, *, whole: bool) -> Kind:
    looks = _looks(text)
    if stem.startswith(DOCUMENT_STEMS) or suffix in DOCUMENTS:
        return Kind(name="companion", looks=looks)
    if _is_json(text, whole=whole):
        return Kind(name="companion", looks="JSON")
    if suffix not in MEDIA_SUFFIXES and _is_table(text):
        return Kind(name="csv")
    return Kind(name="wrong", looks=looks)


def _looks(text: str) -> str:
    start = text.lstrip()[:200].lower()
    if start.startswith("version https://git-lfs"):
        return "git-lfs pointer"
    if start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "html"
    if start.startswith("<?xml"):
        return "xml"
    return "text"


def _is_lines(text: str, suffix: str) -> bool:
    """Say whether the first whole lines are JSON objects; one object alone is a document."""
    lines = [line for line in text.splitlines()[:3] if line.strip()]
    if not lines or not lines[0].startswith("{"):
        return False
    if len(lines) == 1 and suffix == "json":
        return False
    if len(text) >= HEAD // 4 and len(lines) == 1 and suffix in {"jsonl", "ndjson"}:
        return True  # the first line is longer than what was looked at
    if not text.endswith("\n") and len(lines) > 1:
        lines = lines[:-1]
    return all(isinstance(_parsed(line), dict) for line in lines)


def _is_json(text: str, *, whole: bool) -> bool:
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    return not whole or _parsed(text) is not None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_table(text: str) -> bool:
    lines = text.splitlines()[:20]
    if not text.endswith("\n") and len(lines) > 2:
        lines = lines[:-1]
    for mark in ",;\t":
        rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=mark))
        widths = {len(row) for row in rows if row}
        if len(rows) >= 2 and len(widths) == 1 and widths.pop() >= 2:
            return True
    return False
