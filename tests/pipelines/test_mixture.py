"""Sources by name and weight: what a training set is made of, and what a trainer then sees."""

from pathlib import Path

import pytest

from catalog.errors import NotFound
from catalog.lineage.tracing import up
from licensing.manifest import open_clearance
from pipelines.errors import ExportError
from pipelines.export import export_set
from pipelines.export.mixture import read_mixture
from pipelines.keys import trusted_publics
from pipelines.render import RenderSpec
from pipelines.train import plan_set
from tests.pipelines.small_world import MIT, NON_COMMERCIAL, NOW, add_source, looking, make_world
from tests.pipelines.test_train import CONFIG


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    settings = make_world(tmp_path_factory.mktemp("mixture"))
    add_source(settings, "alder", [MIT], episodes=3, seed=1)
    add_source(settings, "birch", [MIT], episodes=3, seed=11)
    add_source(settings, "cedar", [NON_COMMERCIAL], seed=21)
    return settings


def export(world, *words, name="demo"):
    return export_set(
        name, "commercial", world, spec=RenderSpec(width=32, height=32), at_once=0, run_id="test",
        now=NOW, mixture=read_mixture(words),
    )  # fmt: skip


def test_a_set_of_named_sources_holds_them_alone(world):
    done = export(world, "birch", name="named")
    with looking(world) as session:
        named = {key for kind, key in up(session, done.set_id).nodes if kind == "source"}
    assert done.sources == ("birch",)
    assert named == {"birch"}
    paper = Path(done.uri, "clearance.dsse.json").read_bytes()
    assert len(open_clearance(paper, trusted_publics(world)).predicate["decisions"]) == 1
    assert export(world, "birch", name="named").reused
    whole = export(world, name="named")
    assert (whole.version, whole.sources) == (2, ("alder", "birch"))
    assert whole.shards_reused == 1


def test_weights_of_a_set_are_the_shares_of_a_run_unless_it_says_other_ones(world):
    export(world, "alder=3", "birch=1", name="shares")
    config = {**CONFIG, "set": "shares"}
    assert plan_set(config, world, now=NOW).plan.shares == {"alder": 0.75, "birch": 0.25}
    own = plan_set({**config, "weights": {"alder": 1, "birch": 1}}, world, now=NOW)
    assert own.plan.shares == {"alder": 0.5, "birch": 0.5}
    again = export(world, "alder=1", "birch=3", name="shares")
    assert not again.reused
    assert again.shards_reused == 2
    assert plan_set(config | {"set": again.set_id}, world, now=NOW).plan.shares["birch"] == 0.75


def test_a_named_source_that_is_unknown_or_not_cleared_is_refused(world):
    with pytest.raises(NotFound, match="dogwood"):
        export(world, "dogwood", name="none")
    with pytest.raises(ExportError, match="cedar was named and is not cleared") as denied:
        export(world, "alder", "cedar", name="none")
    assert denied.value.code == "NOT_CLEARED"
    with looking(world) as session, pytest.raises(NotFound):
        up(session, "none@1")


@pytest.mark.parametrize(
    "words",
    [["alder", "alder"], [""], ["alder=1", "birch"], ["alder=0"], ["alder=inf"], ["alder=x"]],
)
def test_a_mixture_that_contradicts_itself_is_refused(words):
    with pytest.raises(ExportError) as caught:
        read_mixture(words)
    assert caught.value.code == "MIXTURE_INVALID"
