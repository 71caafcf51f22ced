"""Pages and captured answers: directives, RSL in them or linked, words, and lines of any kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.signals import (
    header_licences,
    header_signals,
    page_licences,
    page_signals,
    read_headers,
)

RESERVED = {"natural_language": "reserved"}
RSL = (
    '<rsl xmlns="https://rslstandard.org/rsl"><content url="/"><license>'
    '<prohibits type="usage">ai-train</prohibits></license></content></rsl>'
)


def test_metas():
    raw = b"""<html><meta charset><meta name="TDM-Reservation" content="1"><p name=robots>
        <meta name=robots content="noindex, NoAI"><meta name=robots content=all>
        <!-- <meta name="tdm-reservation" content="0"> -->"""
    assert page_signals(raw) == ({"tdmrep_html": "1"}, RESERVED)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>These films may not be used <b>to train</b> AI models.</p>", (RESERVED,)),
        ("<p>No data</p><p>mining here</p>", ()),
        ("<style>no ai training</style><p>hello</p>", ()),
        ("<script>s = 'no ai training'</script ><p>hello", ()),
        ("<script>unfinished", ()),
        ("<p>Text &amp; data mining is reserved.</p>", (RESERVED,)),
        ("<meta name=robots content=noai><p>No AI training.", (RESERVED,)),
    ],
)
def test_words(page: str, expected: object):
    assert page_signals(page.encode()) == expected


def test_rsl_inside_a_page():
    for page in (f'<script type="application/rsl+xml">{RSL}</script>', f"<p>{RSL}</p>"):
        (signal,) = page_signals(page.encode())
        assert signal["rsl"]["ai-train"] == "reserved"
    assert page_signals(RSL[:60].encode()) == ({"unread": "RSL"},)
    assert page_signals(b'<script type="application/rsl+xml"></script>') == ({"unread": "RSL"},)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('<link rel="license" type="application/rsl+xml" href="https://a.example/l">', ["https://a.example/l"]),
        ("<a rel='nofollow LICENSE' href=/terms.rsl>", ["/terms.rsl"]),
        ('<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">', []),
        ('<link rel="stylesheet" type="application/rsl+xml" href="x.rsl">', []),
        ('<link rel="license" type="application/rsl+xml">', []),
    ],
)  # fmt: skip
def test_rsl_linked_from_a_page(tag: str, expected: list[str]):
    assert list(page_licences(tag.encode())) == expected


def test_rsl_linked_from_an_answer():
    link = ("Link", '<https://a.example/license.xml>; rel="license"; type="application/rsl+xml"')
    both = ("link", "<a.css>; rel=preload, <b.rsl?v=1>; rel=license, <c.html>; rel=license")
    assert header_licences([link, both]) == ("https://a.example/license.xml", "b.rsl?v=1")
    assert header_licences([("Link", "<x.rsl>"), ("Server", "x")]) == ()


@pytest.mark.parametrize(
    ("raw", "status", "fields"),
    [
        (b"TDM-Reservation: 1\nServer: x", 0, (("tdm-reservation", "1"), ("server", "x"))),
        (b"HTTP/1.1 200 OK\r\nA: 1\r\n\r\n<html>B: 2", 200, (("a", "1"),)),
        (b"HTTP/2 301 \r\nA: 1\r\n\r\nHTTP/2 200\r\nA: 2\r\n\r\n", 200, (("a", "1"), ("a", "2"))),
        (
            b"WARC/1.1\r\nWARC-Type: response\r\n\r\nHTTP/1.1 503 no\r\nA: 1\r\n\r\nbody",
            503,
            (("warc-type", "response"), ("a", "1")),
        ),
        (b"\n\nA: 1\n  and more\nno field", 0, (("a", "1 and more"),)),
        (b"", 0, ()),
        (b" folded onto nothing", 0, ()),
    ],
)
def test_captured_answers(raw: bytes, status: int, fields: object):
    assert read_headers(raw) == (status, fields)


@given(st.binary(max_size=300))
def test_any_bytes_are_lines_or_nothing(raw: bytes):
    _, fields = read_headers(raw)
    assert all(
        one.keys() & {"tdmrep_header", "aipref", "natural_language"}
        for one in header_signals(fields)
    )
    assert page_licences(raw) is not None
