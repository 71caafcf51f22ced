"""Kill an erasure anywhere and run it again: it ends as it would have, certified once."""

from __future__ import annotations

import signal
from datetime import timedelta

import pytest

from catalog.erasures import begun, erasures
from catalog.files import held
from pipelines.erase import erase
from pipelines.export import export_set
from pipelines.heads import verify
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from tests.pipelines.killing import child, copy, settings_of
from tests.pipelines.small_world import MIT, NOW, add_source, contract, looking, make_world

LATER = NOW + timedelta(hours=1)
FEW, MANY = 5, 50


@pytest.fixture(scope="module")
def revoked(tmp_path_factory):
    """A home in which a source is in the lake and in a training set, and is revoked."""
    settings = make_world(tmp_path_factory.mktemp("revoked"))
    add_source(settings, "open", [MIT], seconds=4)
    add_source(settings, "arm", [contract()], seconds=4, seed=3)
    spec = RenderSpec(width=32, height=32)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=NOW)
    revoke("arm", settings, reason="breach", at=NOW.date(), now=LATER, run_id="test")
    return settings.home


@pytest.fixture(scope="module")
def unharmed(revoked, tmp_path_factory):
    """How many calls an erasure makes, and what its certificate says."""
    home = copy(revoked, tmp_path_factory.mktemp("unharmed"))
    done = child("erase_child", home, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout), told(home)


def told(home):
    """What is on record and on the disk after an erasure, as far as it must be the same."""
    settings = settings_of(home)
    with looking(settings) as session:
        one, *more = erasures(session)
        assert (more, begun(session, "arm")) == ([], None)
    assert verify(settings).broken == ()
    again = erase("arm", settings, now=LATER)
    assert again.already
    kept = [one for one in home.rglob("*") if "locks" not in one.parts and "arm" in one.name]
    return again.found, kept, len(list((home / "erasures").iterdir())), one.subject_id


def harm(revoked, unharmed, tmp_path, *, share):
    calls, expected = unharmed
    home = copy(revoked, tmp_path)
    done = child("erase_child", home, max(1, int(calls * share)))
    assert done.returncode == -signal.SIGKILL, done.stderr
    first = erase("arm", settings_of(home), now=LATER)
    if not first.already:
        assert first.found["lake"]["files"] > 0  # the counts of the first run, not of the rest
        assert first.found["training_sets"] == {"demo@1": 2}
    assert told(home) == expected


@pytest.fixture(scope="module")
def calls_for_a_file(revoked, tmp_path_factory):
    """How many calls the erasure of one file makes."""
    done = child("erase_child", copy(revoked, tmp_path_factory.mktemp("a_file")), 0, "take_0.mp4")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("point", range(FEW))
def test_a_killed_erasure_of_a_file_goes_on_by_its_sha256(
    revoked, calls_for_a_file, tmp_path, point
):
    home = copy(revoked, tmp_path)
    settings = settings_of(home)
    with looking(settings) as session:
        (sha256,) = {one.sha256 for one in held(session, "arm")}
    done = child("erase_child", home, int(calls_for_a_file * (point + 0.9) / FEW), "take_0.mp4")
    assert done.returncode == -signal.SIGKILL, done.stderr

    first = erase("arm", settings, file=sha256, now=LATER)

    assert first.already or first.found["lake"]["media"] == 1
    assert erase("arm", settings, file=sha256[:16], now=LATER).already
    with looking(settings) as session:
        assert [one.subject_id for one in erasures(session)] == [sha256]
    assert verify(settings).broken == ()


@pytest.mark.parametrize("point", range(FEW))
def test_killed_at_a_few_points_it_ends_as_without(revoked, unharmed, tmp_path, point):
    harm(revoked, unharmed, tmp_path, share=(point + 0.5) / FEW)


@pytest.mark.soak
@pytest.mark.parametrize("point", range(MANY))
def test_killed_anywhere_it_ends_as_without(revoked, unharmed, tmp_path, point):
    harm(revoked, unharmed, tmp_path, share=(point + 0.5) / MANY)
