"""Files of cases that were written by mistake or to deceive."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.errors import RegistrationError

CASE = (
    '{"id": "a", "layers": [{"layer": "copyright", "basis": [{"type": "contract"}]}],'
    ' "request": {"action": "train", "commercial": true%s}}'
)


def decided(tmp_path, text: str):
    path = tmp_path / "cases.json"
    path.write_text(text)
    done = CliRunner().invoke(app, ["rights", "decide", str(path)])
    if done.exception:
        raise done.exception
    return [json.loads(line) for line in done.output.splitlines()]


def test_a_field_that_stands_twice_is_refused_by_its_name(tmp_path):
    twice = CASE % ', "commercial": false'

    bad, good = decided(tmp_path, f"[{twice}, {CASE % ''}]")

    assert (bad["verdict"], bad["reasons"]) == ("undetermined", ["BAD_CASE:commercial (twice)"])
    assert good["verdict"] == "permit"


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    assert decided(tmp_path, "\ufeff" + CASE % "")[0]["verdict"] == "permit"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ', "", "\x00", '{"id": "a"}}'])
def test_what_is_no_json_is_refused_whole(tmp_path, text):
    with pytest.raises(RegistrationError, match="not readable as JSON"):
        decided(tmp_path, text)


@pytest.mark.parametrize("text", ["null", "7", '"case"', "[[]]", "{}", '{"id": 1}'])
def test_json_that_is_no_case_is_undetermined(tmp_path, text):
    (answer,) = decided(tmp_path, text)

    assert answer["verdict"] == "undetermined"
