"""The README's own commands, as they stand there."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app

ROOT = Path(__file__).parents[2]
MAKE_DEMO = ROOT / "docs/examples/demo/make_demo.py"


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(300)
def test_five_commands_lead_from_a_folder_to_a_training_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recordings = tmp_path / "my-arm"
    runpy.run_path(str(MAKE_DEMO))["record_arm"](recordings / "run.mcap", seed=3, seconds=6)
    Path("LICENSE.txt").write_text("Creative Commons Attribution 4.0")
    run("request new request.toml")
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"five commands\n\n```sh\n(.*?)```", page, re.DOTALL)
    assert block is not None

    said = [
        run(line.removeprefix("clearway ").replace("/data/my-arm", str(recordings)))
        for line in block[1].splitlines()
    ]

    assert len(said) == 5
    assert "first@1: 3 clips" in said[-1]


def run(line):
    done = CliRunner().invoke(app, shlex.split(line))

    assert done.exit_code == 0, f"{line}: {done.exception!r}"
    return done.stdout
