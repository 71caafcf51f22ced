"""A log too large to hold its rows is read as one that is held."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from pipelines.readers import tables
from pipelines.readers.parsed import Parsed
from tests.pipelines.readers.recordings import read_all

CONFIG = {"time_field": "t", "time_unit": "s", "action": ["key"]}
ROWS = [
    {"t": f"{1_700_000_000 + k}.123456789", "key": k % 3, "deep": {"x": k / 7}, "big": 2**60 + k}
    for k in range(50)
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
    _, (parsed,), _ = read_all(tmp_path / "in", tmp_path / "s", **CONFIG)

    assert held.streams[0].ts_ns[0] == 1_700_000_000_123_456_789
    assert len(held.streams) == len(parsed.streams)
    for one, other in zip(held.streams, parsed.streams, strict=True):
        assert one.doc() == other.doc()
        assert one.events == other.events
        assert np.array_equal(one.ts_ns, other.ts_ns)
        if one.values is not None:
            assert np.array_equal(one.values, other.values)


def test_a_part_of_parsed_rows_is_parsed_rows():
    rows = Parsed(['{"a": 1}', '{"a": 2}', '{"a": 3}'], json.loads)

    assert [row["a"] for row in rows[1:]] == [2, 3]
    assert rows[-1] == {"a": 3}
    assert len(rows) == 3
