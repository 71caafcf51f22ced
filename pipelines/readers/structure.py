"""Which walker a container is for: find its fault without decoding anything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipelines.readers.containers.asf import asf_fault
from pipelines.readers.containers.avi import riff_fault
from pipelines.readers.containers.boxes import MARKS, boxes_fault
from pipelines.readers.containers.chunks import (
    MXF_HEADER,
    flv_fault,
    gif_fault,
    ivf_fault,
    mxf_fault,
    png_fault,
    real_fault,
    swf_fault,
    y4m_fault,
)
from pipelines.readers.containers.dv import MARK, dv_fault
from pipelines.readers.containers.ebml import ebml_fault
from pipelines.readers.containers.fault import Fault, damaged
from pipelines.readers.containers.nut import nut_fault
from pipelines.readers.containers.ogg import ogg_fault
from pipelines.readers.containers.transport import program_fault, shape_of, transport_fault

HEAD = 64 << 10
AVI = b"AVI "
WALKERS: tuple[tuple[bytes, Callable[[BinaryIO], Fault | None]], ...] = (
    (b"\x1a\x45\xdf\xa3", ebml_fault),
    (b"nut/multimedia container", nut_fault),
    (b"RIFF", riff_fault),
    (b"OggS", ogg_fault),
    (b"FLV", flv_fault),
    (b"GIF8", gif_fault),
    (b"\x89PNG", png_fault),
    (b"\x30\x26\xb2\x75", asf_fault),
    (b".RMF", real_fault),
    (b"FWS", swf_fault),
    (b"DKIF", ivf_fault),
    (b"YUV4MPEG2", y4m_fault),
    (b"\x00\x00\x01\xba", program_fault),
    (MARK, dv_fault),
)


def find_fault(path: Path) -> Fault | None:
    """Return what is wrong with the container at `path`, None where nothing tells."""
    with path.open("rb") as file:
        walker = _walker(file.read(HEAD))
        try:
            return walker(file) if walker else None
        except (IndexError, ValueError, KeyError) as error:  # a head that is no head
            return damaged(0, f"{type(error).__name__}: {error}")


def has_structure(path: Path) -> bool:
    """Say whether the file begins as a container that can be walked."""
    with path.open("rb") as file:
        return _walker(file.read(HEAD)) is not None


def _walker(head: bytes) -> Callable[[BinaryIO], Fault | None] | None:
    for mark, walker in WALKERS:
        if head.startswith(mark):
            return walker
    if head[8:12] == AVI:  # its mark is damaged, and raw pictures are found in it
        return riff_fault
    if head[4:8] in MARKS:
        return boxes_fault
    if MXF_HEADER in head:
        return mxf_fault
    return transport_fault if shape_of(head) else None
