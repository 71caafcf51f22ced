"""What is under `defs/` loads, every station has its asset, and no asset does its work."""

import ast
from pathlib import Path

import dagster as dg
import pytest

from pipelines import definitions
from pipelines.defs.clearance import ClearOptions
from pipelines.defs.export import ExportOptions
from pipelines.defs.lake import CutOptions, IngestOptions
from pipelines.defs.training import TrainOptions
from pipelines.defs.upkeep import SampleOptions

STATIONS = {
    "files": "pipelines.scan.station",
    "streams": "pipelines.ingest.station",
    "clips": "pipelines.cut",
    "measures": "pipelines.assess",
    "clearance": "pipelines.clear",
    "training_set": "pipelines.export.training_set",
    "checkpoint": "pipelines.train",
}
BLOCKING = {
    ("files", "paths_once"),
    ("measures", "clips_conserved"),
    ("clearance", "all_decided"),
    ("checkpoint", "sealed_on_record"),
    ("revocation_list", "list_verifies"),
    ("lake_sample", "bytes_match"),
    ("streams", "row_conservation"),
    ("clips", "facts_present"),
    ("training_set", "only_cleared"),
    ("training_set", "manifest_verifies"),
}
FOLDER = Path(definitions.__file__).parent / "defs"


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return definitions.defs()


def test_the_definitions_load(loaded):
    dg.Definitions.validate_loadable(loaded)
    jobs = {job.name for job in loaded.resolve_all_job_defs()}
    assert {"prepare", "reclear", "export", "train", "expiry_sweep"} <= jobs
    assert {"sign_revocations", "sample_lake"} <= jobs


def test_every_asset_says_what_and_whose_it_is_and_stops_at_a_blocking_check(loaded):
    graph = loaded.resolve_asset_graph()
    assert {dg.AssetKey(name) for name in STATIONS} <= graph.get_all_asset_keys()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.owners, key
        assert len(node.description) > 30, key
        assert node.group_name != "default", key
        assert node.kinds, key
        if node.is_executable:
            assert node.code_version, key
            assert any(graph.get(one).blocking for one in node.check_keys), key


def test_every_check_and_every_option_says_what_it_is(loaded):
    for key in loaded.resolve_asset_graph().asset_check_keys:
        assert len(loaded.resolve_asset_graph().get(key).description) > 20, key
    for options in (IngestOptions, CutOptions, ClearOptions, ExportOptions, TrainOptions,
                    SampleOptions):  # fmt: skip
        for name, one in options.model_fields.items():
            assert len(one.description or "") > 10, (options, name)


def test_every_job_and_trigger_says_what_it_does(loaded):
    jobs = [job for job in loaded.resolve_all_job_defs() if not job.name.startswith("__")]
    named = [*jobs, *loaded.schedules, *loaded.sensors]
    assert len(named) > 10
    assert not [one.name for one in named if not one.description]


def test_the_assets_stand_in_the_order_of_travel(loaded):
    graph = loaded.resolve_asset_graph()
    for earlier, later in zip(list(STATIONS), list(STATIONS)[1:], strict=False):
        assert dg.AssetKey(earlier) in graph.get(dg.AssetKey(later)).parent_keys


def test_sources_and_training_sets_are_the_partitions(loaded):
    graph = loaded.resolve_asset_graph()
    names = {one: graph.get(dg.AssetKey(one)).partitions_def.name for one in STATIONS}
    assert {one for one, name in names.items() if name == "training_set"} == {
        "training_set",
        "checkpoint",
    }
    assert set(names.values()) == {"source", "training_set"}


def test_the_checks_that_must_stop_a_run_are_blocking(loaded):
    graph = loaded.resolve_asset_graph()
    found = {
        (key.asset_key.to_user_string(), key.name)
        for key in graph.asset_check_keys
        if graph.get(key).blocking
    }
    assert found == BLOCKING


def test_what_starts_runs_is_sensors_and_schedules_and_nothing_else(loaded):
    graph = loaded.resolve_asset_graph()
    assert not [key for key in graph.get_all_asset_keys() if graph.get(key).automation_condition]
    started = [one.job_name for one in (*loaded.schedules, *loaded.sensors)]
    assert sorted(started) == sorted(
        ["prepare"] * 3 + ["reclear"] * 2 + ["expiry_sweep", "sign_revocations", "sample_lake"]
    )


def test_what_must_happen_in_time_has_a_freshness_policy_and_a_schedule(loaded):
    graph = loaded.resolve_asset_graph()
    policies = {
        key.to_user_string(): graph.get(key).freshness_policy
        for key in graph.get_all_asset_keys()
        if graph.get(key).freshness_policy is not None
    }
    days = {name: one.fail_window.to_timedelta().days for name, one in policies.items()}
    assert days == {"clearance": 2, "revocation_list": 6, "lake_sample": 7}


def test_an_asset_calls_one_station_in_at_most_a_dozen_statements():
    seen = {}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            # the def, the docstring and the import of the station do not count
            if isinstance(node, ast.FunctionDef) and node.name in STATIONS:
                imports = [
                    each.module for each in ast.walk(node) if isinstance(each, ast.ImportFrom)
                ]
                statements = [each for each in ast.walk(node) if isinstance(each, ast.stmt)]
                seen[node.name] = [one for one in imports if one in STATIONS.values()]
                assert len(statements) - 3 <= 12, f"{node.name}: {len(statements)}"
    assert seen == {name: [module] for name, module in STATIONS.items()}


def test_annotations_are_real_objects():
    for path in FOLDER.glob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(encoding="utf-8"), path
