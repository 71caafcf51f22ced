"""Containers that are a chain of chunks: FLV, GIF, PNG, RealMedia, MXF, IVF, Y4M, SWF."""

from __future__ import annotations

import re
import struct
import zlib
from typing import BinaryIO

from pipelines.readers.containers.fault import (
    Fault,
    damaged,
    ends_early,
    only_zeros,
    read_at,
    size_of,
)

REAL_SLACK = 32  # FFmpeg counts the header of the media's chunk twice
MXF_KEY = bytes.fromhex("060e2b34")
MXF_HEADER = bytes.fromhex("060e2b34020501010d0102010102")
FLV_TAGS = frozenset({8, 9, 18})
FLV_AVC, FLV_COMMAND = 7, 16  # number of a coding; bytes of a tag that holds no picture
FLV_BYTES = b"\x00\x08filesize\x00"  # in the first tag of data, before the length of the file
SWF_FILM, SWF_PICTURE = 60, 61  # tags
Y4M_CHROMA = {"420": 3, "422": 4, "444": 6, "mono": 2, "411": 3, "440": 4}  # halves of the luma


def flv_fault(file: BinaryIO) -> Fault | None:
    """FLV: tags of sound, pictures and data, one after the other, each kind in one coding."""
    size, codings = size_of(file), dict[int, int]()
    at = int.from_bytes(read_at(file, 5, 4), "big") + 4
    while at < size:
        head = read_at(file, at, 17)
        if only_zeros(file, at):
            return _flv_falls_short(file, at)
        if head[0] & 31 not in FLV_TAGS or head[8:11].strip(b"\x00"):
            return damaged(at, f"a tag of kind {head[0]}")
        end = at + 11 + int.from_bytes(head[1:4], "big") + 4
        if end > size or len(head) < 11:
            return ends_early(end, size)
        if what := _flv_strange(head, codings):
            return damaged(at, what)
        at = end
    return None


def _flv_strange(head: bytes, codings: dict[int, int]) -> str:
    """Say what a tag of sound or pictures has in its head that none has: a demuxer passes over it.

    Adobe's FLV specification, version 10.1, E.4.2 and E.4.3.
    """
    kind, length = head[0], int.from_bytes(head[1:4], "big")
    if kind not in {8, 9} or not length:
        return ""
    about = head[11]
    coding = about >> 4 if kind == 8 else about & 15 if about < 0x80 else -1
    if codings.setdefault(kind, coding) != coding:
        return f"coding {coding} after {codings[kind]}"
    if kind == 8 or coding == -1:
        return ""
    if not 1 <= about >> 4 <= 5 or (about >> 4 == 5 and length > FLV_COMMAND):
        return f"a picture of kind {about >> 4}"
    step = head[12] if coding == FLV_AVC else 1
    is_setup = step == 0 and (length < 6 or head[16] == 1)
    is_end = step == 2 and length <= 5
    return "" if step == 1 or is_setup or is_end else f"a step {step} of H.264 with {length} bytes"


def _flv_falls_short(file: BinaryIO, end: int) -> Fault | None:
    """Compare the end of the last tag with what the file says of its length, if it does."""
    head = read_at(file, 0, 4_096)
    at = head.find(FLV_BYTES) + len(FLV_BYTES)
    if at < len(FLV_BYTES) or len(head) < at + 8:
        return None
    (promised,) = struct.unpack_from(">d", head, at)
    return ends_early(int(promised), end) if end < promised < 1 << 62 else None


def gif_fault(file: BinaryIO) -> Fault | None:
    """GIF: blocks up to the trailer; what stands behind it belongs to nobody."""
    size, head = size_of(file), read_at(file, 0, 13)
    at = 13 + (3 << (head[10] & 7) + 1 if head[10] & 0x80 else 0)
    while True:
        mark = read_at(file, at, 10)
        if not mark:
            return Fault(code="TRUNCATED", evidence={"missing": "trailer", "size_bytes": size})
        if mark[0] == 0x3B:
            return None
        if mark[0] == 0x21:
            at += 2
        elif mark[0] == 0x2C and len(mark) == 10:
            at += 11 + (3 << (mark[9] & 7) + 1 if mark[9] & 0x80 else 0)
        else:
            return damaged(at, f"a block of kind {mark[0]}")
        while step := (read_at(file, at, 1) or b"\x00")[0]:
            at += step + 1
        at += 1


def real_fault(file: BinaryIO) -> Fault | None:
    """RealMedia: chunks, and packets in the one of the media."""
    size, at = size_of(file), 0
    while at + 10 <= size:
        kind, length = struct.unpack(">4sI", read_at(file, at, 8))
        if not re.fullmatch(rb"[.A-Z]{4}", kind) or length < 10:
            return damaged(at, f"a chunk named {kind!r}")
        if at + length > size + REAL_SLACK:
            return ends_early(at + length, size)
        if kind == b"DATA" and (fault := _packets_fault(file, at + 18, min(at + length, size))):
            return fault
        at += length
    return None


def _packets_fault(file: BinaryIO, at: int, end: int) -> Fault | None:
    while at + REAL_SLACK < end:
        version, length = struct.unpack(">HH", read_at(file, at, 4).ljust(4))
        if version > 1 or length < 12 or at + length > end:
            return damaged(at, f"a packet of version {version} and {length} bytes")
        at += length
    return None


def mxf_fault(file: BinaryIO) -> Fault | None:
    """MXF: keys, lengths and values from the header on, and the footer that the header names."""
    size = size_of(file)
    at = read_at(file, 0, 64 << 10).find(MXF_HEADER)
    header = read_at(file, at, 64)
    footer = int.from_bytes(header[44:52], "big") if header[16] == 0x83 else 0
    if footer >= size:
        return ends_early(footer, size, missing="footer")
    while at < size:
        head = read_at(file, at, 26)
        if not head.startswith(MXF_KEY):
            return damaged(at, "no key")
        width = head[16] & 0x7F if head[16:17] and head[16] & 0x80 else 0
        length = int.from_bytes(head[17 : 17 + width], "big") if width else head[16]
        end = at + 17 + width + length
        if end > size:
            return ends_early(end, size)
        at = end
    return None


def ivf_fault(file: BinaryIO) -> Fault | None:
    """IVF: frames with their length, as many as the header counts."""
    size, head = size_of(file), read_at(file, 0, 32)
    at, promised, count = struct.unpack_from("<H", head, 6)[0], head[24:28], 0
    wanted = int.from_bytes(promised, "little")
    while at < size and (count < wanted or not wanted):
        end = at + 12 + int.from_bytes(read_at(file, at, 4), "little")
        if end > size:
            return ends_early(end, size, frames=count, promised_frames=wanted)
        at, count = end, count + 1
    if count < wanted:
        return ends_early(size + 12, size, frames=count, promised_frames=wanted)
    return damaged(at, "bytes behind the last frame") if at < size else None


def png_fault(file: BinaryIO) -> Fault | None:
    """PNG: chunks with a checksum up to the last one; what stands behind it belongs to nobody."""
    size, at, kind = size_of(file), 8, b""
    while kind != b"IEND":
        head = read_at(file, at, 8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if at + 12 + length > size:
            return ends_early(at + 12 + length, size)
        body = read_at(file, at + 4, length + 8)
        if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "big"):
            return damaged(at, f"a chunk {kind!r} with a wrong checksum")
        at += 12 + length
    return None


def y4m_fault(file: BinaryIO) -> Fault | None:
    """Y4M: a line, then frames of one length, each with a line of its own."""
    size = size_of(file)
    line = read_at(file, 0, 1_024).split(b"\n", 1)[0].decode("latin-1")
    told = {word[0]: word[1:] for word in line.split()[1:] if word}
    chroma = next((halves for name, halves in Y4M_CHROMA.items()
                   if told.get("C", "420").startswith(name) and "alpha" not in told.get("C", "")),
                  0)  # fmt: skip
    if not chroma or (int(told["W"]) | int(told["H"])) & 1:  # halves of an odd size are rounded
        return None
    deep = 2 if re.search(r"(?:p|mono)\d{1,2}$", told.get("C", "")) else 1
    frame, at = int(told["W"]) * int(told["H"]) * chroma * deep // 2, len(line) + 1
    while at < size:
        mark = read_at(file, at, 80)
        if not mark.startswith(b"FRAME"):
            return damaged(at, "no mark of a frame")
        end = at + mark.index(b"\n") + 1 + frame if b"\n" in mark else size + 1
        if end > size:
            return ends_early(end, size)
        at = end
    return None


def swf_fault(file: BinaryIO) -> Fault | None:
    """SWF that is not packed: the header tells the length, and tags go on to the last one."""
    size, head = size_of(file), read_at(file, 0, 40)
    promised = int.from_bytes(head[4:8], "little")
    if promised > size:
        return ends_early(promised, size)
    at = 12 + (5 + 4 * (head[8] >> 3) + 7) // 8  # behind the frame, its rate and its count
    films = set[int]()
    while at + 2 <= size:
        told = int.from_bytes(read_at(file, at, 2), "little")
        if not told:
            return None
        long = told & 63 == 63
        length = int.from_bytes(read_at(file, at + 2, 4), "little") if long else told & 63
        start = at + (6 if long else 2)
        number = int.from_bytes(read_at(file, start, 2), "little")
        if told >> 6 == SWF_FILM:
            films.add(number)
        elif told >> 6 == SWF_PICTURE and number not in films:
            return damaged(at, f"a picture of film {number}, which is nowhere defined")
        at = start + length
    return ends_early(at, size, missing="last tag")
