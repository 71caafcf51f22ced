"""The checkpoint asset: it trains, and its metadata leads to the pictures of its run."""

from pathlib import Path

import dagster as dg
import pytest

from pipelines import definitions
from pipelines.defs.resources import Clearway
from pipelines.defs.training import stray
from pipelines.export import export_set
from pipelines.render import RenderSpec
from tests.pipelines.small_world import MIT, add_source, make_world
from tests.pipelines.test_train import CONFIG


@pytest.fixture
def home(tmp_path, monkeypatch):
    now = Clearway().now
    settings = make_world(tmp_path / "home", now=now)
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    add_source(settings, "free", [MIT], now=now, episodes=3)
    spec = RenderSpec(width=32, height=32)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=now)
    return settings


def test_a_materialization_links_the_pictures_of_its_run_and_is_traced(home):
    options = {"overrides": {name: one for name, one in CONFIG.items() if name != "set"}}
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("training_set", ["demo"])
        result = (
            definitions.defs()
            .resolve_job_def("train")
            .execute_in_process(
                instance=instance,
                run_config={"ops": {"checkpoint": {"config": options}}},
                tags={"dagster/partition": "demo"},
            )
        )
    (made,) = result.get_asset_materialization_events()
    (traced,) = result.get_asset_check_evaluations()
    shown = made.materialization.metadata

    assert result.success
    assert Path(str(shown["clearway/loss_plot"].value)).read_text().startswith("<svg")
    strip = Path(str(shown["clearway/predicted_against_true"].value))
    assert strip.read_bytes().startswith(b"\x89PNG")
    assert strip.parent == Path(str(shown["clearway/run_folder"].value))
    assert traced.passed
    assert traced.metadata["strays"].value == {}
    assert stray("0" * 64, home).startswith("UNKNOWN_ID")
