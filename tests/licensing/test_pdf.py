"""PDF metadata without a PDF library: plain, deflated, in several versions, and unreadable."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.signals import pdf as module
from licensing.signals import pdf_signals

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tdm:reservation="%d" '
    b'xmlns:tdm="http://www.w3.org/ns/tdmrep/"/></x:xmpmeta>'
)
UNREAD = ({"unread": "PDF metadata"},)
RESERVED = ({"tdmrep_pdf": "1"},)


def pdf(content: bytes, entries: bytes = b"/Type /Metadata /Subtype /XML") -> bytes:
    stream = b"4 0 obj\n<< %s /Length %d >>\nstream\r\n%s\nendstream\nendobj\n"
    return b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Metadata 4 0 R>>\nendobj\n" + stream % (
        entries, len(content), content,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"%PDF-1.4 no metadata", ()),
        (pdf(XMP % 1), RESERVED),
        (pdf(XMP % 0), ({"tdmrep_pdf": "0"},)),
        (pdf(XMP % 0) + pdf(XMP % 1), ({"tdmrep_pdf": "0"}, {"tdmrep_pdf": "1"})),
        (pdf(zlib.compress(XMP % 1), b"/Filter /FlateDecode /Type/Metadata"), RESERVED),
        (pdf(zlib.compress(XMP % 1), b"/Filter [ /FlateDecode ] /Type/Metadata"), RESERVED),
        (pdf(b"not deflated", b"/Filter /FlateDecode /Type/Metadata"), UNREAD),
        (pdf(XMP % 1, b"/Filter /LZWDecode /Type/Metadata"), UNREAD),
        (pdf(XMP % 1, b"/Filter [/ASCIIHexDecode /FlateDecode] /Type/Metadata"), UNREAD),
        (pdf(zlib.compress(XMP % 1), b"/Filter/FlateDecode/Predictor 12/Type/Metadata"), UNREAD),
        (pdf(bytes(range(255))), ({"unread": "XMP"},)),
        (pdf(XMP % 1)[:-40], UNREAD),
        (b"%PDF-1.7 << /Type /Metadata >>", UNREAD),
        (b"x stream /Type /Metadata endstream", ()),
    ],
)  # fmt: skip
def test_metadata(raw: bytes, expected: object):
    assert pdf_signals(raw) == expected


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        (b"/tdm:reservation (1)", "1"),
        (b"/tdm#3Areservation 1", "1"),
        (b"/TDM-Reservation/yes", "yes"),
        (b"/tdm:reservation()", ""),
    ],
)
def test_info_entries(entry: bytes, value: str):
    assert pdf_signals(b"%PDF <<" + entry + b">>") == ({"tdmrep_pdf": value},)
    inside = pdf(zlib.compress(entry), b"/Type /ObjStm /Filter /FlateDecode")
    assert pdf_signals(inside) == ({"tdmrep_pdf": value},)
    assert pdf_signals(pdf(entry[:0], b"/Type /ObjStm /Filter /Crypt")) == ()


def test_a_bomb_is_unread(monkeypatch):
    bomb = zlib.compress(b" " * (module._LONGEST + 1))
    assert pdf_signals(pdf(bomb, b"/Filter/FlateDecode /Type/Metadata")) == UNREAD
    monkeypatch.setattr(module, "_LONGEST_TOGETHER", 1)
    assert pdf_signals(pdf(XMP % 0) + pdf(XMP % 1)) == ({"tdmrep_pdf": "0"}, *UNREAD)
    monkeypatch.setattr(module, "_MOST_STREAMS", 0)
    assert pdf_signals(pdf(XMP % 1)) == UNREAD


@pytest.mark.parametrize(
    "raw", [b"/Type/Metadata ", b"/Type/Metadata stream ", b"/tdm:reservation", b"("]
)
def test_ten_megabytes(raw: bytes):
    found = pdf_signals(raw * (10_000_000 // len(raw)))
    assert all(one.get("tdmrep_pdf") not in {"0", "1"} for one in found)


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes):
    assert all(one.keys() <= {"unread", "tdmrep_pdf"} for one in pdf_signals(pdf(raw) + raw))
