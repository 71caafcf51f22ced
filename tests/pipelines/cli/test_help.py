"""The command line is frozen by its help; it starts light and refuses wrong usage with 2."""

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli import app

VERBS = (
    *("init", "doctor", "demo", "ui", "source", "party", "rights", "request", "licence"),
    *("ingest", "quarantine", "clear", "set", "verify", "train", "evaluate"),
    *("audit", "revoke", "keys", "catalog"),
)


def leaves(command, path=()):
    if not hasattr(command, "commands"):
        yield path
        return
    for name, child in sorted(command.commands.items()):
        yield from leaves(child, (*path, name))


LEAVES = list(leaves(get_command(app)))


def test_every_verb_is_reachable_from_help():
    said = CliRunner().invoke(app, ["--help"]).stdout

    assert [verb for verb in VERBS if f"  {verb} " not in said] == []


@pytest.mark.parametrize("path", LEAVES, ids="-".join)
def test_help_of_each_verb_is_as_written_down(path, golden, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")

    done = CliRunner().invoke(app, [*path, "--help"], prog_name="clearway")

    assert done.exit_code == 0
    golden(f"help/{'-'.join(path)}.txt", done.stdout)


@pytest.mark.parametrize(
    "words",
    [
        ["source", "add"],
        ["audit", "list", "nonsense"],
        ["ingest"],
        ["clear"],
        ["set", "export", "x"],
        ["no-such-verb"],
        ["audit", "trace", "x", "--up", "--down"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, words)

    assert done.exit_code == 2
    assert list(tmp_path.iterdir()) == []
