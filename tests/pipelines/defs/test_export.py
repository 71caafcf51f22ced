"""The training set asset: exports what is cleared, and its checks see what is not."""

import dagster as dg
import pytest

from pipelines import definitions
from pipelines.defs.export import broken_of, uncleared_of
from pipelines.defs.resources import Clearway
from tests.pipelines.small_world import MIT, NON_COMMERCIAL, add_source, make_world

OPTIONS = {"request": "commercial", "width": 32, "height": 32, "fps": 10, "at_once": 0}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    settings = make_world(tmp_path / "home", now=Clearway().now)
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    return settings


def export(names=("first",), options=OPTIONS):
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("training_set", list(names))
        job = definitions.defs().resolve_job_def("export")
        return job.execute_in_process(
            instance=instance,
            run_config={"ops": {"training_set": {"config": options}}},
            tags={"dagster/partition": names[0]},
            raise_on_error=False,
        )


def checks(result):
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def test_a_set_of_cleared_clips_passes_both_checks(settings):
    now = Clearway().now
    add_source(settings, "free", [MIT], now=now)
    add_source(settings, "closed", [NON_COMMERCIAL], now=now, seed=2)
    result = export()
    assert result.success
    assert checks(result) == {"only_cleared": True, "manifest_verifies": True}
    (made,) = result.get_asset_materialization_events()
    shown = made.materialization.metadata
    assert shown["clearway/num_clips"].value > 0
    assert uncleared_of(str(shown["clearway/set_id"].value), settings) == []
    uri = str(shown["dagster/uri"].value)
    with open(f"{uri}/manifest.json", "ab") as manifest:  # noqa: PTH123 - a uri of a local set
        manifest.write(b" ")
    assert broken_of(uri, Clearway())


def test_nothing_cleared_fails_with_its_code(settings):
    add_source(settings, "closed", [NON_COMMERCIAL], now=Clearway().now)
    result = export()
    (failure,) = [one for one in result.all_events if one.is_step_failure]
    headline = failure.step_failure_data.user_failure_data
    assert headline is not None
    assert "NOTHING_CLEARED" in str(headline.description)


def test_a_size_out_of_bounds_fails_and_exports_nothing(settings):
    add_source(settings, "free", [MIT], now=Clearway().now)
    result = export(options=OPTIONS | {"width": 4})
    assert not result.success
    assert not result.get_asset_materialization_events()
