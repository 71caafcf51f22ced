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
from tests.pipelines.small_world import add_source, make_world

PAGE = (DOCS / "api.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- (\w+): run by a test -->\n```python\n(.*?)```", PAGE, re.DOTALL)
SAYS = {
    "lists": r"closed deny [\d.e-]+\nhostile undetermined 0.0\nleased permit [\d.e-]+\n.*",
    "again": r"304\n",
    "granted": r"commercial deny -> permit \[\]\n",
    "events": r"\d+ source_registered\n.*decision_made\n.*",
    "acts": r"\{'added': 2\} [0-9a-f]{8}\n1\nALREADY_APPROVED\n\d{4}-\d\d-\d\d\n",
    "errors": r"404 UNKNOWN_ID nobody\n.*`clearway source list`.*\n",
}


@pytest.fixture(scope="module")
def acted_on(tmp_path_factory):
    """A home of its own, which the acts of the page may change."""
    settings = make_world(tmp_path_factory.mktemp("acts"))
    add_source(settings, "films", [], seconds=2)
    return settings


@pytest.fixture(scope="module")
def place(world, acted_on):
    """The port and the token with which each program asks."""
    with listening(console(world.settings)) as port, listening(console(acted_on)) as own:
        asking = port, token_of_page(world.settings, "token", "admin")
        acting = own, token_of_page(acted_on, "acting", "counsel")
        yield {name: acting if name == "acts" else asking for name in SAYS}


def test_every_program_of_the_page_is_run():
    assert {name for name, _ in SHOWN} == set(SAYS)
    assert PAGE.count("```python") == len(SHOWN)


def token_of_page(settings, part, account):
    """The token that the page has its reader make."""
    (line,) = commands("api.md", part)
    words = re.fullmatch(r"export CONSOLE_TOKEN=\$\(clearway (.+)\)", line)
    assert words
    session_of(settings, account)
    made = CliRunner().invoke(app, words[1].split(), env=settings.environ())
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


@pytest.mark.parametrize(("name", "program"), SHOWN, ids=[name for name, _ in SHOWN])
def test_a_program_says_what_it_should(place, monkeypatch, name, program):
    port, token = place[name]
    monkeypatch.setenv("CONSOLE_TOKEN", token)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(program.replace("3001", str(port)), name, "exec"), {})  # noqa: S102 - the page
    assert re.fullmatch(SAYS[name], said.getvalue(), re.DOTALL), said.getvalue()
