"""JSON that does not parse: rows that damage has left, or a document of some habit."""

from __future__ import annotations

import json

import pytest

from tests.pipelines.readers.recordings import planned, read_all

ROWS = [{"t_s": n / 10, "x": n} for n in range(100)]
MANY = [{"t_s": n / 10, "x": n, "note": "z" * 40} for n in range(3_000)]  # over 64 kB
DOCUMENT = json.dumps({"frames": ROWS})
LONG = json.dumps({"frames": MANY})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (DOCUMENT[:-30], "TRUNCATED"),
        (DOCUMENT[:-1], "TRUNCATED"),
        ('{"t_s": 900.0, "x":', "TRUNCATED"),
        ('{"t_s": 900.0, "who": "an', "TRUNCATED"),
        ('{"t_s": 900.0, "on": tru', "TRUNCATED"),
        ('{"time": "2026-01-01T00:00:00Z", "x"', "TRUNCATED"),
        (LONG[:-30], "TRUNCATED"),
        ("".join(map(json.dumps, ROWS)), "CORRUPT"),
        (DOCUMENT.replace('"x": 50', '"x" 50'), "CORRUPT"),
        (LONG.replace('"x": 2900', '"x" 2900'), "CORRUPT"),
    ],
)
def test_rows_that_do_not_parse_are_no_companion(text, reason, tmp_path):
    (tmp_path / "a.json").write_text(text)

    (line,) = planned(tmp_path).files

    assert (line.status, line.reason) == ("quarantined", reason)
    assert line.evidence["looks"].startswith("JSON of rows")


@pytest.mark.parametrize(
    "text",
    [
        DOCUMENT,
        LONG,
        json.dumps({"timestamp": 1_700_000_000, "note": "line\nbreak"}).replace("\\n", "\n"),
        '{"name": "left-pad", "time": {"created": "2014-03-23T00:00:00Z"}, "dist": {"t',  # no rows
        "// rows\n" + DOCUMENT,
        f"callback({DOCUMENT})",
        DOCUMENT.replace("]}", "],}").replace('"x": 9}', '"x": 9,}'),
        json.dumps([{"version": n} for n in range(9_000)])[:-5],
        '{"editor.tabSize": 4, /* wide */ "t": 1, "t": 2, "t": 3}',
        "{not json",
        json.dumps([{"type": "map", "at": [{"time": n} for n in range(9_000)]}, {}]),
    ],
)
def test_documents_are_companions_whatever_their_habits(text, tmp_path):
    (tmp_path / "a.json").write_text(text)

    (line,) = planned(tmp_path).files

    assert line.status == "companion"


@pytest.mark.parametrize(
    ("text", "reason", "read"),
    [
        ('[{"t_s": 900.0, "x":', "TRUNCATED", 0),
        ('[{"t_s" 0}' + ', {"t_s": 1}' * 9 + "]", "CORRUPT", 0),
        (json.dumps([{"t_s": n, "note": "z" * 70_000} for n in range(3)]), "", 3),
    ],
)
def test_an_array_is_a_log_though_its_first_row_cannot_be_seen(text, reason, read, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.json").write_text(text)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s", time_unit="s")

    assert (files["a.json"].reason, files["a.json"].num_messages) == (reason, read)
