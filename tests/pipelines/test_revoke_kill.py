"""Kill `revoke` anywhere and run it again: list, log and decisions are as without the kill."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from catalog import rights
from catalog.audit import verify_log
from catalog.decisions import latest_decisions
from pipelines.clear import clear
from pipelines.errors import RevocationError
from pipelines.revocations import entries_of, published_list
from pipelines.revoke import revoke
from pipelines.settings import Settings
from tests.pipelines.small_world import (
    LATER,
    MIT,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
)

CALLS = 2_000  # that one revocation makes in our own code, about


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("revoked")
    settings = make_world(folder)
    add_source(settings, "open", [MIT])
    add_source(settings, "arm", [contract()], seconds=4, seed=3)
    clear("commercial", settings, now=NOW, run_id="test")
    return folder


def home_of(folder):
    return Settings(
        home=folder, catalog_url=f"sqlite:///{folder}/catalog.sqlite", lake=f"{folder}/lake"
    )


def killed(home, point):
    """Run the child; tell whether it was killed before its end."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.revoke_child", str(home), point],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode == -signal.SIGKILL


def again(settings):
    return revoke("arm", settings, reason="breach", at=NOW.date(), now=LATER, run_id="after")


def converges(template, folder, point):
    """Kill at `point`; the next run finishes, and one more finds nothing to do."""
    home = folder / "home"
    shutil.copytree(template, home)
    settings = home_of(home)
    was_killed = killed(home, point)
    if was_killed:
        with suppress(RevocationError):  # killed when all was done
            again(settings)
    with pytest.raises(RevocationError, match="was revoked"):
        again(settings)
    found = published_list(settings)
    with looking(settings) as session:
        assert verify_log(session).broken == ()
        assert [one.subject_id for one in rights.revocations(session)] == ["arm"]
        assert found is not None
        assert [dict(one) for one in found.entries] == entries_of(session, LATER.date())
        digest = clear("commercial", settings, now=LATER, run_id="w", record=False).request_digest
        decided = {one.source_id: one.verdict for one in latest_decisions(session, digest)}
    assert [one["id"] for one in found.entries] == ["arm"]
    assert decided == {"open": "permit", "arm": "deny"}
    assert len(list((home / "revocations").glob("*/notice.json"))) == 1
    shutil.rmtree(home)
    return was_killed


@pytest.mark.slow
@pytest.mark.parametrize("point", ["sql:1", "sql:2", "sql:3", "call:210", "call:1000"])
def test_a_kill_leaves_nothing_that_the_next_run_does_not_finish(template, tmp_path, point):
    assert converges(template, tmp_path, point)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(50))
def test_killed_anywhere_it_ends_as_without(template, tmp_path, number):
    draw = random.Random(number)
    converges(template, tmp_path, f"call:{draw.randrange(1, CALLS)}")
