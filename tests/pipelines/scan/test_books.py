"""EPUB: its package file through the container, and books that are broken or hostile."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.signals import xmp_signals
from pipelines.scan.books import package_files
from tests.pipelines.scan.made import book

OPF = (
    b'<package prefix="tdm: http://www.w3.org/ns/tdmrep/"><metadata>'
    b'<meta property="tdm:reservation">1</meta></metadata></package>'
)


def test_the_package_file_of_a_book():
    assert package_files(io.BytesIO(book(OPF))) == (OPF,)


def damaged(how: str) -> bytes:
    raw = bytearray(book(OPF))
    at = raw.find(b"PK\1\2")
    if how == "encrypted":
        for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = -1
            while (at := raw.find(mark, at + 1)) >= 0:
                raw[at + flags] |= 1
    elif how == "method":
        while at >= 0:
            raw[at + 10] = 99
            at = raw.find(b"PK\1\2", at + 1)
    elif how == "content":
        raw[raw.find(b"META-INF/container.xml") + 30] ^= 0xFF
    return bytes(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PK\3\4 no zip",
        book(OPF)[:-30],
        book(OPF, container=b"<container/>"),
        book(OPF, container=b"<no xml"),
        book(OPF, container=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'),
        book(OPF).replace(b"META-INF/container.xml", b"META-INF/elsewhere.xml"),
        damaged("encrypted"),
        damaged("method"),
        damaged("content"),
    ],
)
def test_a_book_that_cannot_be_opened(raw: bytes):
    assert package_files(io.BytesIO(raw)) is None


def test_a_bomb_is_not_inflated():
    (opf,) = package_files(io.BytesIO(book(b"<a>" + b" " * 50_000_000))) or ()
    assert len(opf) < 3 << 20
    assert xmp_signals(opf, place="tdmrep_epub") == ({"unread": "package file"},)


def test_a_book_of_many_renditions_is_read_in_part():
    named = "".join(f'<rootfile full-path="{k}.opf"/>' for k in range(50))
    space = "urn:oasis:names:tc:opendocument:xmlns:container"
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as made:
        made.writestr("META-INF/container.xml", f'<container xmlns="{space}">{named}</container>')
        for k in range(50):
            made.writestr(f"{k}.opf", OPF)
    assert len(package_files(sink) or ()) == 16


@given(st.binary(max_size=200), st.integers(0, 400))
def test_any_bytes(noise: bytes, at: int):
    raw = book(OPF)
    assert package_files(io.BytesIO(raw[:at] + noise + raw[at:])) in {None, (OPF,)}
