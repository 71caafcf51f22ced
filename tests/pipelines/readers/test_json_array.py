"""An array that is read a window at a time says what it says as a whole."""

from __future__ import annotations

import json
import tracemalloc
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers import json_array, packed
from pipelines.readers.json_array import array_rows

GOOD = json.dumps([{"t": at, "é": "ü\n" * (at % 3), "deep": [{"a": [at]}]} for at in range(9)])
TEXTS = [
    GOOD,
    json.dumps(json.loads(GOOD), indent=3, ensure_ascii=False),
    "[]",
    "\ufeff [ ] \n ",
    "[{}, 17, {}]",
    GOOD[:-1],
    GOOD[:-40],
    GOOD.replace('"t": 5', '"t": five'),
    GOOD + " ]",
    GOOD + " " * 50 + "\x0b",
    GOOD.replace("}, {", "} {", 4),
    '[{"a": 1}\n,\n{"a":\n\n oops}]  \n',
    '[{"a": 1}, {"a": "\udcff"}]',
    '[{"a": 1} ',
]


def rows(path, window):
    """Read an array through a window of so many characters."""
    with patch.object(json_array, "WINDOW", window), patch.object(packed, "CHUNK", window):
        return list(array_rows(path, "a.json", {}))


@pytest.mark.parametrize("text", TEXTS)
def test_rows_and_what_is_wrong_are_those_of_the_whole(text, tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    whole = rows(path, 1 << 20)

    assert whole or "{" not in text
    for window in (1, 2, 3, 7, 50):
        assert rows(path, window) == whole


@given(st.lists(st.dictionaries(st.text(max_size=3), st.floats(allow_nan=False))))
def test_rows_are_the_objects(tmp_path_factory, docs):
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(docs, ensure_ascii=False), encoding="utf-8")

    found = rows(path, 5)

    assert [json.loads(text) for _, text in found] == docs


def test_an_error_tells_its_place_in_the_file(tmp_path):
    text = '[{"a": 1},\n {"a": 2},\n\n  {"a": x}]'
    (tmp_path / "a.json").write_text(text)

    *_, bad = rows(tmp_path / "a.json", 2)

    with pytest.raises(json.JSONDecodeError) as whole:
        json.loads(text)
    assert bad.why == str(whole.value)


def test_memory_holds_a_window(tmp_path):
    row = json.dumps({"t": 1, "note": "x" * 1_000})
    (tmp_path / "a.json").write_text(f"[{', '.join([row] * 8_000)}]")

    tracemalloc.start()
    count = sum(1 for _ in array_rows(tmp_path / "a.json", "a.json", {}))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 8_000
    assert peak < 6 << 20
