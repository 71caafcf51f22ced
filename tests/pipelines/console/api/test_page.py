"""The programs that `docs/api.md` shows do what it says, against a console that listens."""

from __future__ import annotations

import contextlib
import io
import re

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.console.app import console
from tests.pages import DOCS, commands
from tests.pipelines.console.conftest import listening, session_of

PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- (\w+): run by a test -->\n```python\n(.*?)```", PAGE, re.DOTALL)
SAYS = {
    "lists": r"closed deny [\d.e-]+\nhostile undetermined 0.0\nleased permit [\d.e-]+\n.*",
    "again": r"304\n",
    "granted": r"commercial deny -> permit \[\]\n",
    "events": r"\d+ source_registered\n.*decision_made\n.*",
    "errors": r"404 UNKNOWN_ID nobody\n.*`clearway source list`.*\n",
}


@pytest.fixture(scope="module")
def port(world):
    with listening(console(world.settings)) as port:
        yield port


def test_every_program_of_the_page_is_run():
    assert {name for name, _ in SHOWN} == set(SAYS)
    assert PAGE.count("```python") == len(SHOWN)


@pytest.fixture(scope="module")
def token(world):
    """The token that the page has its reader make, of the admin that each home has."""
    (line,) = commands("api.md", "token")
    words = re.fullmatch(r"export CONSOLE_TOKEN=\$\(clearway (.+)\)", line)
    assert words
    session_of(world.settings, "admin")
    made = CliRunner().invoke(app, words[1].split(), env=world.settings.environ())
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


@pytest.mark.parametrize(("name", "program"), SHOWN, ids=[name for name, _ in SHOWN])
def test_a_program_says_what_it_should(port, token, monkeypatch, name, program):
    monkeypatch.setenv("CONSOLE_TOKEN", token)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(program.replace("3001", str(port)), name, "exec"), {})  # noqa: S102 - the page
    assert re.fullmatch(SAYS[name], said.getvalue(), re.DOTALL), said.getvalue()
