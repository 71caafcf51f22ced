"""Parsers of the signal schemes: robots.txt, headers, pages, XMP, C2PA and RSL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.facts import read_layers
from licensing.signals import (
    c2pa_signals,
    header_signals,
    page_signals,
    read_signals,
    robots_licences,
    robots_site,
    robots_txt,
    rsl_bases,
    rsl_signals,
    xmp_signals,
)

RESERVED = ({"robots": "reserved"},)


def robots(text: str, path: str = "/a/b.mp4") -> tuple[dict[str, str], ...]:
    return robots_txt(text.encode(), path, agent="Clearway")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("User-agent: *\nDisallow: /", RESERVED),
        ("Disallow: /", RESERVED),
        ("User-agent: *\nDisallow:", ()),
        ("User-agent: GPTBot\nDisallow: /a", RESERVED),
        ("User-agent: somebody\nDisallow: /", ()),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", ()),
        ("User-agent: *\nDisallow: /a\nAllow: /a", ()),
        ("User-agent: *\nAllow: /a\nDisallow: /*.mp4$", RESERVED),
        ("user-AGENT: clearway/1.0\r\nuser-agent: x\rDisallow: / # why", RESERVED),
        ("User-agent: clearway\nAllow: /\nUser-agent: clearway\nDisallow: /a", RESERVED),
        ("User-agent: *\nContent-Usage: train-ai=n", ({"aipref": "train-ai=n"},)),
        (
            "Content-Usage: /a/ train-ai=n\nContent-Usage: /a/ train-ai=y\nContent-Usage: search=n",
            ({"aipref": "train-ai=n"}, {"aipref": "train-ai=y"}),
        ),
        ("Content-Usage: /z train-ai=n", ()),
        ("Content-Usage: /a", ({"aipref": "="},)),
        ("Content-Signal: ai-train=no", ({"content_signal": "ai-train=no"},)),
        ("User-agent: 1\nDisallow: /", ()),
    ],
)
def test_robots(text: str, expected: object):
    assert robots(text) == expected


def test_robots_by_status():
    assert robots_txt(b"Disallow: /", "a", agent="x", status=404) == ()
    assert robots_txt(b"", "a", agent="x", status=503) == RESERVED
    assert robots("Disallow: /caf\u00e9", "/caf\u00e9/x") == RESERVED


def test_robots_names_rsl_documents():
    raw = b"License: https://a.example/x\nLicense:\nLicense: https://a.example/x"
    assert robots_licences(raw) == ("https://a.example/x",)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("train-ai=n;exceptions=cc-cr", "conditional"),
        ("train-ai=n;exceptions=(cc-cr cc-cr-ec)", "conditional"),
        ('train-ai=n;exceptions="cc-cr-op"', "conditional"),
        ("train-ai=n;other=cc-cr", "reserved"),
        ("train-ai=y;exceptions=cc-cr", "allowed"),
    ],
)
def test_cc_signals_stand_as_exceptions_in_a_preference(text: str, value: str):
    (signal,) = robots(f"User-agent: *\nContent-Usage: {text}\nAllow: /")
    layer = read_layers([{"layer": "copyright", "basis": [], "signals": [signal]}])[0]
    (found,) = read_signals(layer.signals or (), "train_generative", "conservative")
    assert found.state == value


def test_robots_of_a_site_says_once_what_it_says_of_any_path():
    raw = b"User-agent: GPTBot\nDisallow: /film/\nUser-agent: *\nContent-Signal: ai-train=no"
    assert robots_site(raw, ("a", "b"), agent="x") == ({"content_signal": "ai-train=no"},)
    assert robots_site(raw, ("a", "film/b"), agent="x") == (
        {"content_signal": "ai-train=no"}, *RESERVED,
    )  # fmt: skip
    assert robots_site(raw, (), agent="x") == ()


def test_too_many_rules_for_too_many_paths_are_unread(monkeypatch):
    monkeypatch.setattr("licensing.signals.robots.MOST_MATCHES", 3)
    (signal,) = robots_site(b"Disallow: /a\nAllow: /b", ("a", "b"), agent="x")
    assert "unread" in signal


def test_headers():
    headers = [
        *[("TDM-Reservation", " 1 "), ("Content-Usage", "train-ai=n"), ("Server", "x")],
        *[("content-usage", "search=y"), ("X-Robots-Tag", "somebot: noai, nofollow")],
    ]
    assert header_signals(headers) == (
        {"tdmrep_header": "1"},
        {"aipref": "train-ai=n, search=y"},
        {"natural_language": "reserved"},
    )
    assert header_signals([]) == ()
    assert header_signals([("Content-Usage", "")]) == ({"aipref": "="},)


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:tdm="http://www.w3.org/ns/tdmrep/" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dct="http://purl.org/dc/terms/">
 <rdf:RDF><rdf:Description {}>{}</rdf:Description></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize(
    ("attributes", "inside", "expected"),
    [
        ('tdm:reservation="1"', "", ({"tdmrep_pdf": "1"},)),
        ("", "<tdm:reservation> 0 </tdm:reservation>", ({"tdmrep_pdf": "0"},)),
        ('plus:DataMining="DMI-PROHIBITED"', "", ({"plus": "DMI-PROHIBITED"},)),
        ("", '<plus:DataMining rdf:resource="http://x/DMI-ALLOWED"/>', ({"plus": "http://x/DMI-ALLOWED"},)),
        ("", "<plus:DataMining/>", ({"plus": "unreadable"},)),
        ("", "<dc:rights>No AI training.</dc:rights>", ({"natural_language": "reserved"},)),
        ('plus:OtherConstraints="Not for AI training"', "", ({"natural_language": "reserved"},)),
        ('dct:provenance="https://a.example/m.c2pa"', "", ({"unread": "C2PA manifest elsewhere"},)),
        ('dct:provenance="self#jumbf=/c2pa/1"', "", ()),
        ("", "", ()),
    ],
)  # fmt: skip
def test_xmp(attributes: str, inside: str, expected: object):
    assert xmp_signals(XMP.format(attributes, inside).encode()) == expected


def test_package_file_of_an_epub():
    raw = b'<package><metadata><meta property="tdm:reservation">1</meta></metadata></package>'
    assert xmp_signals(raw, place="tdmrep_epub") == ({"tdmrep_epub": "1"},)


BOMB = b'<!DOCTYPE a [<!ENTITY b "c"><!ENTITY d "&b;&b;">]><a>&d;</a>'


@pytest.mark.parametrize("raw", [b"", b"<a", BOMB, b'<?xml version="1.0" encoding="no-such"?><a/>'])
def test_hostile_xml_is_malformed_and_not_silence(raw: bytes):
    assert xmp_signals(raw) == ({"unread": "XMP"},)
    assert xmp_signals(raw, place="tdmrep_epub") == ({"unread": "package file"},)
    assert rsl_bases(raw, "a") == ({"type": "unknown"},)
    assert rsl_signals(raw) == ({"unread": "RSL"},)


def test_xml_longer_than_is_looked_at_is_unread():
    assert xmp_signals(b"<a>" + b" " * (2 << 20) + b"</a>") == ({"unread": "XMP"},)


def store(*assertions: object, state: str = "Valid") -> dict[str, Any]:
    return {"manifests": {"urn:1": {"assertions": list(assertions)}}, "validation_state": state}


def test_c2pa():
    entries = {
        "cawg.ai_training": {"use": "notAllowed"},
        "cawg.data_mining": {"use": "perhaps"},
        "cawg.ai_inference": "no",
        "cawg.novel": {"use": "allowed"},
    }
    said = store({"label": "cawg.training-mining", "data": {"entries": entries}}, 3, {"label": 1})
    expected = {"ai_training": "notAllowed", "data_mining": "constrained"}
    assert c2pa_signals(said) == (
        {"cawg": {**expected, "ai_inference": "constrained"}, "valid": True},
    )
    older = store({"label": "c2pa.training-mining.v2", "data": None}, state="Invalid")
    (one,) = c2pa_signals(older)
    assert set(one["cawg"].values()) == {"constrained"}
    assert not one["valid"]
    assert c2pa_signals({}) == ()
    assert c2pa_signals({"manifests": {"a": 1, "b": {}}}) == ()
    assert c2pa_signals(store({"label": "c2pa.actions"})) == ()


def rsl(inside: str, url: str = "/") -> bytes:
    content = f'<content url="{url}">{inside}</content>'
    return f'<rsl xmlns="https://rslstandard.org/rsl">{content}</rsl>'.encode()


def offer(**terms: Any) -> dict[str, Any]:
    return {"type": "rsl", "permits": ["all"], "prohibits": [], "payment": "free"} | terms


UNREAD = {"type": "unknown"}


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("<license/>", offer()),
        ("", UNREAD),
        (
            '<license><permits type="usage">ai-train search</permits><permits type="user">'
            'education</permits><payment type="attribution"/></license>',
            offer(permits=["ai-train", "education", "search"], payment="attribution"),
        ),
        (
            '<license><prohibits type="usage">ai-train,ai-input</prohibits>'
            '<payment type="purchase"/><payment type="free"/></license>',
            offer(prohibits=["ai-input", "ai-train"], payment="purchase"),
        ),
        ('<license><permits type="geo">DE</permits></license>', UNREAD),
        ('<license><permits type="usage">ai-dream</permits></license>', UNREAD),
        ('<license><permits type="usage"/></license>', UNREAD),
        ('<license><payment type="souls"/></license>', UNREAD),
        ("<license><legal/></license>", UNREAD),
    ],
)
def test_rsl(inside: str, expected: dict[str, Any]):
    assert rsl_bases(rsl(inside), "a") == (expected,)
    assert read_layers([{"layer": "copyright", "basis": [expected]}])


@pytest.mark.parametrize(
    ("inside", "train", "rest"),
    [
        ("<license/>", "allowed", "allowed"),
        ("", "conditional", "conditional"),
        ('<license><prohibits type="usage">ai-train</prohibits></license>', "reserved", "allowed"),
        ('<license><prohibits type="usage">ai-all</prohibits></license>', "reserved", "allowed"),
        ('<license><permits type="usage">search</permits></license>', "reserved", "reserved"),
        ('<license><payment type="training"/></license>', "conditional", "conditional"),
        (
            '<license><permits type="user">personal</permits></license>',
            "conditional", "conditional",
        ),
        (
            '<license><prohibits type="usage">all</prohibits></license>'
            '<license><permits type="usage">ai-train</permits><payment type="use"/></license>',
            "conditional", "reserved",
        ),
    ],
)  # fmt: skip
def test_rsl_as_a_signal(inside: str, train: str, rest: str):
    (signal,) = rsl_signals(rsl(inside, "https://a.example/news/*"))
    assert (signal["rsl"]["ai-train"], signal["rsl"]["all"]) == (train, rest)
    layer = read_layers([{"layer": "copyright", "basis": [], "signals": [signal]}])[0]
    for action, state in (("train_generative", train), ("share", rest)):
        (found,) = read_signals(layer.signals or (), action, "conservative")
        assert found.state == state


def test_rsl_in_a_feed():
    feed = (
        b'<rss xmlns:rsl="https://rslstandard.org/rsl" version="2.0"><channel><item>'
        b'<rsl:content url="/a"><rsl:license><rsl:prohibits type="usage">ai-train</rsl:prohibits>'
        b"</rsl:license></rsl:content></item></channel></rss>"
    )
    (signal,) = rsl_signals(feed)
    assert signal["rsl"]["ai-train"] == "reserved"
    assert rsl_signals(b"<rss/>") == ({"unread": "RSL"},)


def test_rsl_by_absolute_address():
    assert rsl_bases(rsl("<license/>", "https://a.example/b/*"), "b/c") == (offer(),)
    assert rsl_bases(rsl("<license/>", "https://a.example/b/*"), "c") == ()
    assert rsl_bases(rsl("<license/>", "https://a.example"), "c") == (offer(),)
    assert rsl_bases(rsl("<license/>", "/b?u=http://x"), "b?u=http://x") == (offer(),)


def test_rsl_by_path_and_server():
    assert rsl_bases(rsl("<license/>", "/b"), "a") == ()
    assert rsl_bases(b"<html/>", "a") == (UNREAD,)
    served = rsl("<license/>").replace(b'url="/"', b'url="/" server="https://x.example"')
    assert rsl_bases(served, "a") == (UNREAD,)


@settings(max_examples=500, deadline=None)
@given(
    raw=st.binary(max_size=300) | st.text(max_size=300).map(str.encode), path=st.text(max_size=20)
)
def test_garbage_is_read_without_a_crash_and_never_allows(raw: bytes, path: str):
    path = path.encode("utf-8", "replace").decode()
    signals = [*robots_txt(raw, path, agent="x"), *page_signals(raw), *xmp_signals(raw)]
    layer = read_layers([{"layer": "copyright", "basis": [], "signals": signals}])[0]
    found = read_signals(layer.signals or (), "train", "conservative")
    assert all(one.state != "allowed" for one in found)
    assert all(one == UNREAD for one in rsl_bases(raw, path))
