"""Kill an export anywhere and run it again: it ends as it would have, with no stray file."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from catalog import training_sets
from catalog.audit import verify_log
from licensing.request import read_request
from pipelines.keys import trusted_publics
from tests.pipelines.export_child import export_there
from tests.pipelines.killing import child, copy, settings_of
from tests.pipelines.small_world import COMMERCIAL, MIT, NOW, add_source, looking, make_world
from training.errors import Refused
from training.gate import open_training_set

FEW, MANY, RAY = 3, 60, 6
LAST = 30  # calls at the end: the record, its head, the clearance and the list follow each other


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home with a first version of a set, and a source more than it has."""
    settings = make_world(tmp_path_factory.mktemp("exported"))
    add_source(settings, "open", [MIT], seconds=4)
    export_there(settings.home)
    add_source(settings, "more", [MIT], seconds=4, seed=3)
    return settings.home


@pytest.fixture(scope="module")
def unharmed(template, tmp_path_factory):
    """How many calls the second export makes, and what its set says."""
    home = copy(template, tmp_path_factory.mktemp("unharmed"))
    done = child("export_child", home, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout), told(home)


def takes(home, version):
    """Whether the gate takes a version, every byte of it."""
    settings = settings_of(home)
    request, keys = read_request(COMMERCIAL), trusted_publics(settings)
    try:
        open_training_set(settings.set_uri("demo", version), request, keys=keys, now=NOW)
    except Refused:
        return False
    return True


def recorded(home):
    with looking(settings_of(home)) as session:
        assert verify_log(session).broken == ()
        return {one.version: one.manifest_digest for one in training_sets.training_sets(session)}


def manifest_of(home, version):
    return json.loads((sets(home) / f"demo/{version}/manifest.json").read_bytes())


def sets(home):
    return Path(settings_of(home).training_sets)


def told(home):
    """What the second version is, but for Lance's names and what lists them; nothing is stray."""
    listed = {
        f"demo/{version}/{path}"
        for version in (1, 2)
        for path in (
            *(one["path"] for one in manifest_of(home, version)["files"]),
            *("manifest.json", "clearance.dsse.json"),
        )
    }
    there = {str(one.relative_to(sets(home))) for one in sets(home).rglob("*") if one.is_file()}
    assert there == {*listed, "revocations.dsse.json"}
    assert takes(home, 1)
    assert takes(home, 2)
    found = manifest_of(home, 2)
    return {name: said for name, said in found.items() if name != "files"} | {
        "recorded": sorted(recorded(home))
    }


def harm(template, unharmed, tmp_path, *, call, at_once="0"):
    calls, expected = unharmed
    home = copy(template, tmp_path)
    done = child("export_child", home, min(call, calls), at_once)
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = recorded(home)
    assert takes(home, 1)
    if takes(home, 2):  # it had all but returned
        assert 2 in before
    export_there(home)
    assert told(home) == expected
    assert before.items() <= recorded(home).items()
    shutil.rmtree(home)


@pytest.mark.slow
@pytest.mark.parametrize("point", range(FEW))
def test_killed_at_a_few_points_it_ends_as_without(template, unharmed, tmp_path, point):
    harm(template, unharmed, tmp_path, call=int(unharmed[0] * (point + 0.9) / FEW))


@pytest.mark.soak
@pytest.mark.parametrize("point", range(MANY))
def test_killed_anywhere_it_ends_as_without(template, unharmed, tmp_path, point):
    harm(template, unharmed, tmp_path, call=int(unharmed[0] * (point + 0.5) / MANY))


@pytest.mark.soak
@pytest.mark.parametrize("back", range(LAST))
def test_killed_at_its_last_calls_it_ends_as_without(template, unharmed, tmp_path, back):
    harm(template, unharmed, tmp_path, call=unharmed[0] - back)


@pytest.fixture(scope="module")
def calls_beside_ray(template, unharmed, tmp_path_factory):
    """How many calls the process makes that exports by Ray, whose workers make the rest."""
    home = copy(template, tmp_path_factory.mktemp("by-ray"))
    done = child("export_child", home, 0, "2")
    assert done.returncode == 0, done.stderr
    assert told(home) == unharmed[1]
    return int(done.stdout)


@pytest.mark.soak
@pytest.mark.parametrize("point", range(RAY))
def test_killed_while_ray_renders_it_ends_as_without(
    template, unharmed, calls_beside_ray, tmp_path, point
):
    call = int(calls_beside_ray * (point + 0.5) / RAY)
    found = (calls_beside_ray, unharmed[1])
    harm(template, found, tmp_path, call=call, at_once="2")
