"""The fast way to canonical bytes writes what the library writes."""

from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from licensing.facts import canonical, doc_digest

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12).filter(lambda text: text.isprintable() or text.isascii())
)
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)


@settings(max_examples=1_000, deadline=None)
@given(doc=documents)
@example(doc={"b": 1.0, "a": [1e21, -0.0, 1e-7], "": "1.5"})
@example(doc={"\u00e9": 1, "z": 2, "\U0001f600": 3, "\uff5e": 4})
@example(doc=['\x00\x1f\x7f\u2028\\"/\b\f\n\r\t', 9_007_199_254_740_991])
@example(doc=json.loads('{"a":{"b":[true,false,null,-1,12345678901234]}}'))
def test_it_equals_the_library(doc):
    assert canonical(doc) == rfc8785.dumps(doc)


@pytest.mark.parametrize("doc", [[float("nan")], [float("-inf")], {"a": 2**53}, [b"x"], {"a": {1}}])
def test_what_has_no_form_is_refused_as_the_library_refuses_it(doc):
    with pytest.raises(rfc8785.CanonicalizationError, match=r".+"):
        canonical(doc)


def test_the_digest_is_that_of_the_bytes():
    assert doc_digest({"b": 1, "a": 2}) == doc_digest({"a": 2, "b": 1})
    assert len(doc_digest([])) == 64
