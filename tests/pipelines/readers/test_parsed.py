"""A log too large to hold its rows is read as one that is held."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import ondisk
from pipelines.readers import gathered, tables
from pipelines.readers.parsed import Parsed
from pipelines.readers.written_times import Times
from tests.pipelines.readers.recordings import read_all

CONFIG = {"time_field": "t", "time_unit": "s", "action": ["key"]}
ROWS = [
    {"t": f"{1_700_000_000 + k}.123456789", "key": k % 3, "deep": {"x": k / 7}, "big": 2**60 + k}
    | ({"late": k} if k > 30 else {})
    for k in [*range(20), 25, *range(20, 25), *range(26, 50)]  # one came early
]


def write_jsonl(path):
    lines = (json.dumps(row).replace(f'"{row["t"]}"', str(row["t"])) for row in ROWS)
    path.write_text("\n".join(lines) + "\n")


def write_csv(path):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["t", "key", "note"])
        rows.writerows([row["t"], row["key"], f'says, "{row["big"]}"'] for row in ROWS)


@pytest.mark.parametrize(("name", "write"), [("a.jsonl", write_jsonl), ("a.csv", write_csv)])
def test_rows_parsed_again_are_the_rows_that_were_held(tmp_path, monkeypatch, name, write):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / name)
    _, (held,), _ = read_all(tmp_path / "in", tmp_path / "s", **CONFIG)

    monkeypatch.setattr(tables, "HELD", 1_000)
    monkeypatch.setattr(ondisk, "RUN", 7)
    monkeypatch.setattr(ondisk, "BLOCK", 8)
    monkeypatch.setattr(gathered, "BLOCK", 8)
    _, (parsed,), _ = read_all(tmp_path / "in", tmp_path / "s", **CONFIG)

    assert held.streams[0].ts_ns[0] == 1_700_000_000_123_456_789
    assert len(held.streams) == len(parsed.streams)
    for one, other in zip(held.streams, parsed.streams, strict=True):
        assert one.doc() == other.doc()
        assert list(one.events or ()) == list(other.events or ())
        assert np.array_equal(one.ts_ns, other.ts_ns)
        if one.values is not None:
            assert other.values.shape == one.values.shape
            assert np.array_equal(one.values, other.values[:], equal_nan=True)
            assert np.array_equal(one.values[3:30:2], other.values[3:30:2], equal_nan=True)


def test_a_part_of_parsed_rows_is_parsed_rows():
    held = Parsed(['{"a": 1}', '{"a": 2}', '{"a": 3}'], json.loads)

    assert [row["a"] for row in held[1:]] == [2, 3]
    assert held[-1] == {"a": 3}
    assert len(held) == 3


@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\x1e")), max_size=30),
    run=st.integers(1, 9),
)
def test_texts_on_disk_are_the_texts(tmp_path_factory, texts, run):
    with patch.object(ondisk, "RUN", run):
        stored = ondisk.Texts(tmp_path_factory.getbasetemp(), texts)
        back = ondisk.Ordered(stored, np.arange(len(texts))[::-1])

        assert list(stored) == texts
        assert stored[-3:] == texts[-3:]
        assert list(back) == texts[::-1]
        with pytest.raises(IndexError):
            stored[len(texts)]


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
USUAL = st.decimals(-(10**12), 10**12, places=6) | st.integers(-(2**62), 2**62).map(Decimal)


@given(st.lists(DECIMALS | USUAL) | st.lists(USUAL))
def test_times_held_in_eight_bytes_are_the_times(known):
    times = Times()
    for one in known:
        times.append(one)

    assert list(times) == known
    assert times[1:3] == known[1:3]
