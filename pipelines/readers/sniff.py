"""Say what a file is by its bytes; its name only helps to describe what it is not.

In: a `Glance` at a file. Out: one `Kind`: a format, a companion, or nothing recognisable. Whether a
reader takes that format is not decided here. Nothing here decodes: the head and the tail of the
file, and for text its first lines, are enough.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipelines.readers.formats import Glance, Kind
from pipelines.readers.json_look import is_array_of_rows, torn
from pipelines.readers.packed import HEAD, WIDE, look_inside, packing
from pipelines.readers.replays import inside_zip, replay

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
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"\x93NUMPY", "npy"),
    (30, b"mimetypeapplication/epub+zip", "document"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"#ROSBAG V2", "ros bag"),
    (0, b"#ROSBAG V1", "ros bag of format 1"),
    (0, b"SQLite format 3\x00", "sqlite"),
    (0, b"ULog\x01\x12\x35", "ulog"),
    (0, b"ARROW1", "arrow"),
    (0, b"FEA1", "feather, version 1"),
    (0, b"PARE", "encrypted parquet"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"\xfd7zXZ\x00", "xz"),
    (0, b"Rar!\x1a\x07", "rar"),
    (0, b"\x04\x22\x4d\x18", "lz4"),
    (0, b"%PDF-", "document"),
    (257, b"ustar", "tar"),
    (0, b"fLaC", "sound"),
    (0, b"ID3", "sound"),
    (8, b"WAVE", "sound"),
    (0, b"wvpk", "sound"),
    (0, b"TTA1", "sound"),
)
BROKEN = re.compile("[\\x00\\ufffd]+")  # letters that damage has left
PACKED = re.compile(r"\.(?:gz|bz2)$", re.IGNORECASE)
LOG_EXPORT = re.compile(r'\{\s*"resourceLogs"')  # of OpenTelemetry: one object may be the whole log
_MEDIA = """
mp4 m4v mov mkv webm avi ts mts m2ts mpg mpeg m1v m2v ogg ogv flv wmv asf gif nut mjpeg h264 hevc
ivf y4m 3gp mcap lmp parquet npy npz hdf5 h5 bag db3 zip tar gz png jpg jpeg
"""
MEDIA_SUFFIXES = frozenset(_MEDIA.split())
FOOTERS = {"parquet": b"PAR1", "arrow": b"ARROW1"}
LOGS = frozenset({"jsonl", "json", "csv"})
PLAIN = frozenset({"companion", "blank"})
LINES = frozenset({"jsonl", "ndjson"})
TABLES = frozenset({"csv", "tsv"})
MARKS = ",;\t"
SOME_LINES = 20  # of a text tell what it is


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
    if how := packing(head):
        return _packed(seen, how)
    if game := replay(head):
        return Kind(name="replay", looks=game)
    for offset, magic, what in MAGICS:
        if head.startswith(magic, offset) and not (offset == 4 and head[:4].isalpha()):
            return _known(what, head, tail)
    if head[:1] == b"\x80" and tail.endswith(b"."):
        return Kind(name="unsafe", looks="a pickle")
    text = _text(head, whole=seen.size <= HEAD)
    return _text_kind(text, seen) if text is not None else Kind(name="probe", looks="bytes")


def _packed(seen: Glance, how: str) -> Kind:
    """Return the kind of a log that is packed; any other packed file is just that."""
    inner, trouble = look_inside(seen)
    inner = replace(inner, name=PACKED.sub("", inner.name))
    kind = sniff(inner) if inner.head and not packing(inner.head) else Kind(name=how)
    if kind.name in LOGS or (how == WIDE and not trouble and kind.name in PLAIN):
        return kind
    if how == WIDE:
        return Kind(name="UTF-16 text")
    looks = f"{how} of {kind.looks or kind.name}"
    name = {"": how, "TRUNCATED": "truncated"}.get(trouble, "damaged")
    return Kind(name=name, looks=f"{how} that does not unpack" if trouble else looks)


def _known(what: str, head: bytes, tail: bytes) -> Kind:
    looks, name = "", what
    if what == "document":
        name, looks = "companion", "a document"
    elif what in FOOTERS and not tail.endswith(FOOTERS[what]):
        name, looks = "truncated", f"{what} without its footer"
    elif what == "zip":
        looks = inside_zip(head, tail)
    elif what == "sound" or (what == "video" and head.startswith(b"OggS") and _only_sound(head)):
        name, looks = "sound", "sound without pictures"
    elif what == "image/png" and b"acTL" in head[:4096]:
        name, looks = "video", "pictures in a PNG"
    elif what == "image/jpeg" and b"\xff\xd9\xff\xd8" in head:
        name, looks = "probe", "pictures one after another"
    return Kind(name=name, looks=looks)


def _only_sound(head: bytes) -> bool:
    pictures = (b"\x80theora", b"BBCD", b"video", b"OVP80")
    return not any(mark in head[:4096] for mark in pictures)


def _text(head: bytes, *, whole: bool) -> str | None:
    """Return the head as text; some broken letters are damage, many in many places are no text."""
    text = head.decode("utf-8-sig", errors="replace")
    text = text if "\n" in text else text.replace("\r", "\n")
    if not whole:  # a letter cut in two at the end
        text = text.rstrip("\ufffd")
    places = BROKEN.findall(text)
    broken = sum(map(len, places))
    few = 10 * broken <= len(text) or (50 * len(places) <= len(text) and 2 * broken <= len(text))
    return text if few or _is_padded(head) else None


def _is_padded(head: bytes) -> bool:
    """Say whether lines come first and nothing but zero bytes after them: a crash left that."""
    return head[:1] == b"{" and b"\x00" not in head.rstrip(b"\x00")


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
    return _document_kind(text, stem, suffix, seen=seen)


def _document_kind(text: str, stem: str, suffix: str, *, seen: Glance) -> Kind:
    looks, whole = _looks(text), seen.size <= HEAD
    if stem.startswith(DOCUMENT_STEMS) or suffix in DOCUMENTS - {"json"}:
        return Kind(name="companion", looks=looks)
    if is_array_of_rows(text):
        return Kind(name="json")
    if suffix == "json" or _is_json(text, whole=whole):
        return torn(text, seen, whole=whole) or Kind(name="companion", looks="JSON")
    if suffix not in MEDIA_SUFFIXES and _is_table(text, suffix, whole=whole):
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
    """Say whether the first lines are JSON objects; one object alone is a document."""
    lines = [line for line in text.split("\n")[:SOME_LINES] if line.strip(" \r\t\x00")]
    if not lines or not lines[0].startswith("{"):
        return False
    if suffix in LINES or LOG_EXPORT.match(lines[0].lstrip()):
        return lines[0].strip() != "{"
    if len(lines) == 1 and suffix == "json":
        return False
    if not text.endswith("\n") and len(lines) > 1:
        lines = lines[:-1]
    good = sum(isinstance(_parsed(line), dict) for line in lines)
    return good == len(lines) or (good > 2 and 2 * good > len(lines))


def _is_json(text: str, *, whole: bool) -> bool:
    if text.lstrip()[:1] not in {"{", "["}:
        return False
    return not whole or _parsed(text) is not None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _is_table(text: str, suffix: str, *, whole: bool) -> bool:
    """Say whether the first lines are rows of one width, but for a damaged one among many.

    Of a row that goes on behind them nothing is known; names alone will do where the suffix says
    that it is a table.
    """
    lines = text.split("\n")
    goes_on = len(lines) > SOME_LINES or not (whole or text.endswith("\n"))
    lines = lines[:SOME_LINES]
    if suffix in TABLES and len([line for line in lines if line.strip()]) == 1:
        return any(mark in lines[0] for mark in MARKS)  # names and no row
    if not (goes_on or text.endswith("\n")) and len(lines) > 2:
        lines = lines[:-1]
    return any(_is_table_of(mark, lines, suffix, goes_on=goes_on) for mark in MARKS)


def _is_table_of(mark: str, lines: list[str], suffix: str, *, goes_on: bool) -> bool:
    try:
        rows = [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return False
    if goes_on:
        rows = rows[:-1]
    fitting = sum(len(row) == len(rows[0]) for row in rows)
    odd = len(rows) - fitting
    if not rows or len(rows[0]) < 2:
        return False
    return len(rows) >= 2 - (goes_on and suffix in TABLES) and (
        not odd or (odd == 1 and fitting >= 3)
    )
