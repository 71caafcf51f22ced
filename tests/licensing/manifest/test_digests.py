"""One byte form of a document, and row digests that no two different rows share."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing import manifest as papers
from tests.licensing.refusals import code_of


def test_canonical_json_is_the_form_of_rfc_8785():
    doc = {"b": 1.0, "a": ["é", None, True, 1e21], "😀": 0.1}

    assert papers.canonical(doc) == '{"a":["é",null,true,1e+21],"b":1,"😀":0.1}'.encode()
    assert papers.digest({}) == papers.sha256_hex(b"{}")


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**60, {1: 2}, {"\ud800": 1}, "\udfff"]
)
def test_what_has_no_canonical_form_is_refused(value):
    assert code_of(papers.canonical, {"a": value}) == "MANIFEST_MALFORMED"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"\xff", b'{"a":1.0}', b"1e400"],
)
def test_bytes_with_a_second_form_are_refused(raw):
    assert code_of(papers.from_canonical, raw, "it") == "MANIFEST_MALFORMED"


def test_nesting_without_end_is_refused():
    assert code_of(papers.from_canonical, b"[" * 100_000, "it") == "MANIFEST_MALFORMED"


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=8)
)
ROWS = st.dictionaries(st.text(max_size=4), PLAIN, max_size=4)


def exact(row):
    """A row with its types, and floats by their bits, so that 1, 1.0 and True differ."""
    return {
        name: (type(value), struct.pack("<d", value) if isinstance(value, float) else value)
        for name, value in row.items()
    }


@given(ROWS, ROWS)
def test_rows_share_a_digest_only_if_they_are_equal(one, other):
    same = papers.row_digest(one) == papers.row_digest(other)

    assert same == (exact(one) == exact(other))


@given(ROWS)
def test_the_order_of_columns_does_not_matter(row):
    assert papers.row_digest(row) == papers.row_digest(dict(reversed(row.items())))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 0.0}, {"a": -0.0}),
        ({"a": "1"}, {"a": b"1"}),
        ({"a": None}, {"a": ""}),
        ({"ab": "c"}, {"a": "bc"}),
        ({"a": "b", "c": "d"}, {"a": "bc", "d": ""}),
    ],
)
def test_rows_that_only_look_alike_differ(one, other):
    assert papers.row_digest(one) != papers.row_digest(other)


def test_the_bytes_of_a_row_digest_are_pinned():
    row = {"n": None, "b": True, "i": -3, "f": 0.5, "s": "ü", "y": b"\x00"}
    value = {
        "b": b"b" + _long(1) + b"\x01",
        "f": b"f" + _long(8) + bytes.fromhex("000000000000e03f"),
        "i": b"i" + _long(2) + b"-3",
        "n": b"0" + _long(0),
        "s": b"s" + _long(2) + b"\xc3\xbc",
        "y": b"y" + _long(1) + b"\x00",
    }
    written = b"".join(_long(1) + name.encode() + value[name] for name in sorted(value))

    assert papers.row_digest(row) == papers.sha256_hex(written)


def _long(number):
    return struct.pack("<Q", number)


def test_a_list_is_no_plain_value():
    assert code_of(papers.row_digest, {"a": [1]}) == "ROW_MALFORMED"


def test_combining_keeps_the_order():
    assert papers.combine(["aa", "bb"]) == papers.sha256_hex(b"aabb")
    assert papers.combine(["aa", "bb"]) != papers.combine(["bb", "aa"])
