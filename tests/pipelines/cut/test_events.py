"""Events: a named field delimits clips, in numbers and in documents."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.cut.events import event_marks
from pipelines.lake.streams import StreamRows

NONE = np.zeros(0, np.int64)


def a_stream(name: str, **changes: Any) -> StreamRows:
    plain = StreamRows(
        stream=name, kind="vector", clock="", file_id="f", reader="r", start_ns=0, end_ns=9,
        channels=(), ts_ns=NONE, values=np.zeros((0, 0)), events=(), unit_offset=NONE,
        unit_size=NONE.astype(np.int32), unit_key=NONE.astype(np.bool_), unit_pts_ns=NONE,
        extradata=b"",
    )  # fmt: skip
    return replace(plain, **changes)


def numbers(*values: float) -> StreamRows:
    ts_ns = np.arange(len(values), dtype=np.int64)
    return a_stream("state", channels=("x", "level"), ts_ns=ts_ns,
                    values=np.stack([np.zeros(len(values)), values], axis=1))  # fmt: skip


def documents(*docs: Any) -> StreamRows:
    ts_ns = np.arange(len(docs), dtype=np.int64)
    return a_stream("log", kind="event", ts_ns=ts_ns, events=tuple(json.dumps(one) for one in docs))


@pytest.mark.parametrize("field", ["level", "state.level"])
def test_a_mark_is_where_a_channel_becomes_another_value(field):
    stream = numbers(1, 1, 2, np.nan, 2, 1)

    assert event_marks([stream], field, None) == ([2, 5], True)


def test_a_mark_is_where_a_channel_becomes_the_value_asked_for():
    assert event_marks([numbers(0, 1, 1, 0, 1, 0)], "level", "1") == ([1, 4], True)


def test_a_mark_is_where_a_document_says_another_value():
    stream = documents({"a": {"b": "x"}}, {"a": {"b": "x"}}, {"c": 1}, {"a": {"b": "y"}})

    assert event_marks([stream], "a.b", None) == ([3], True)
    assert event_marks([stream], "log.a.b", None) == ([3], True)


def test_each_document_that_says_the_value_is_a_mark():
    stream = documents({"event": "start"}, {"event": "start"}, {"event": "end"}, "start")

    assert event_marks([stream], "event", "start") == ([0, 1], True)


def test_a_field_that_no_stream_has_is_told_from_one_that_never_changes():
    assert event_marks([numbers(1, 1), documents({"a": 1})], "nothing", None) == ([], False)
    assert event_marks([numbers(1, 1)], "level", None) == ([], True)


def test_streams_without_documents_or_with_text_are_no_error():
    text = a_stream("log", kind="event", ts_ns=np.arange(1), events=("not json",))

    assert event_marks([text, a_stream("empty")], "level", None) == ([], False)
