"""The page on cutting and assessing: its commands run, its measures are those of the code."""

import re
import shlex
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.measures import MEASURES
from tests.pipelines.scenes import encode, pan

PAGE = Path(__file__).parents[2] / "docs/assess.md"


def part(text, name):
    start = text.index("-->\n", text.index(f"<!-- {name}:")) + 4
    return start, text.index(f"<!-- end of {name} -->")


def test_the_measures_are_those_of_the_code(request):
    text = PAGE.read_text(encoding="utf-8")
    start, end = part(text, "measures")
    rows = [
        f"| `{one.name}` | {one.unit} | {one.low:g} to {one.high:g} | {one.what} |\n"
        for one in MEASURES
    ]
    table = "".join(["| measure | unit | range | what |\n", "|---|---|---|---|\n", *rows])
    now = text[:start] + table + text[end:]
    if request.config.getoption("--write-golden"):
        PAGE.write_text(now, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == now


def test_the_commands_run_and_say_what_was_filtered(tmp_path, monkeypatch):
    text = PAGE.read_text(encoding="utf-8")
    start, end = part(text, "commands")
    lines = [one for one in text[start:end].splitlines() if one.startswith("clearway ")]
    monkeypatch.setenv("CLEARWAY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    flat = np.full_like(pan(1, seconds=2), 90)
    encode(tmp_path / "recordings/a.mp4", np.concatenate([pan(1, seconds=2), flat]))
    run = CliRunner()
    assert run.invoke(app, ["init"]).exit_code == 0

    told = []
    for line in lines:
        words = shlex.split(line)[1:]
        done = run.invoke(app, [*words, *(["--at-once", "0"] if words[0] == "ingest" else [])])
        assert done.exit_code == 0, (line, done.output)
        told.append(re.sub(r"\s+", " ", done.output))

    assert "BLUR 2" in told[1]
    assert "video" in told[2]
    assert "BLUR 1" in told[3]
