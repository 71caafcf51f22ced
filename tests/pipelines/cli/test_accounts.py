"""`clearway account` and `token`: made, listed, used up, without a secret in any list."""

import json

from typer.testing import CliRunner

from pipelines.cli import app
from tests.pipelines.small_world import make_world


def test_accounts_and_tokens_are_made_listed_and_ended(tmp_path, monkeypatch):
    for name, value in make_world(tmp_path).environ().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "word").write_text("correct horse battery\n", encoding="utf-8")

    def run(*words):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        return done.stdout

    jo = run("account", "add", "jo", "--role", "steward", "--password-file", f"{tmp_path}/word")
    sam = json.loads(run("account", "add", "sam", "--role", "admin", "--json"))
    made = json.loads(run("token", "new", "jo", "--scopes", "look,attach", "--json"))
    listed = run("account", "list", "--json") + run("token", "list", "--json")
    assert "correct horse" not in jo
    assert len(sam["password"]) >= 12
    assert [one for one in (sam["password"], made["token"], "argon2") if one in listed] == []
    assert json.loads(run("token", "list", "--json"))["scopes"] == ["look", "attach"]
    assert sam["password"] not in run("account", "password", "sam")
    run("token", "revoke", made["id"])
    run("account", "disable", "jo")
    states = [json.loads(line) for line in run("account", "list", "--json").splitlines()]
    assert [(one["name"], one["state"]) for one in states] == [
        ("jo", "disabled"),
        ("sam", "active"),
    ]
    assert json.loads(run("token", "list", "--json"))["state"] == "revoked"
