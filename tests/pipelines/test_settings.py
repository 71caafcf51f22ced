"""Settings come from the environment and one file; a mistyped key is an error, never a default."""

from pathlib import Path

import pytest

from pipelines.errors import SettingsError
from pipelines.settings import Settings, read_settings


def test_everything_has_a_default_in_the_working_folder(tmp_path):
    settings = read_settings({}, tmp_path)

    assert settings.home == tmp_path / ".clearway"
    assert settings.catalog_url == f"sqlite:///{tmp_path}/.clearway/catalog.sqlite"
    assert settings.lake == str(tmp_path / ".clearway/lake")
    assert settings.training_sets == str(tmp_path / ".clearway/training_sets")
    assert (settings.ray_address, settings.lake_is_local) == ("", True)


def test_the_environment_wins_over_the_file(tmp_path):
    (tmp_path / "clearway.toml").write_text('home = "from-file"\nray_address = "there:6379"\n')

    settings = read_settings({"CLEARWAY_HOME": "from-environment"}, tmp_path)

    assert settings.home == tmp_path / "from-environment"
    assert settings.ray_address == "there:6379"


@pytest.mark.parametrize(
    ("lake", "sets"),
    [
        ("s3://bucket/lake", "s3://bucket/training_sets"),
        ("s3://bucket", "s3://bucket/training_sets"),
        ("/data/lake/", "/data/training_sets"),
    ],
)
def test_training_sets_stand_beside_the_lake(lake, sets):
    settings = Settings(home=Path("/home"), catalog_url="sqlite://", lake=lake)

    assert settings.training_sets == sets
    assert settings.revocations == f"{sets}/revocations.dsse.json"


def test_an_unknown_variable_names_the_nearest_known_one(tmp_path):
    with pytest.raises(SettingsError, match="nearest known one is CLEARWAY_LAKE") as refused:
        read_settings({"CLEARWAY_LAKES": "x"}, tmp_path)

    assert refused.value.code == "SETTING_UNKNOWN"


def test_an_unknown_key_of_the_file_names_the_nearest_known_one(tmp_path):
    (tmp_path / "clearway.toml").write_text('catalogurl = "x"\n')

    with pytest.raises(SettingsError, match="nearest known one is catalog_url"):
        read_settings({}, tmp_path)


@pytest.mark.parametrize("text", ["home = 3\n", "home = \n"])
def test_a_file_with_a_wrong_value_is_refused(tmp_path, text):
    (tmp_path / "clearway.toml").write_text(text)

    with pytest.raises(SettingsError, match=r"clearway\.toml") as refused:
        read_settings({}, tmp_path)

    assert refused.value.code == "SETTING_INVALID"


def test_a_catalog_address_that_is_none_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="catalog_url is 'bogus'"):
        read_settings({"CLEARWAY_CATALOG_URL": "bogus"}, tmp_path)


def test_an_address_of_the_console_that_is_none_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="console_url is 'localhost:1', expected http"):
        read_settings({"CLEARWAY_CONSOLE_URL": "localhost:1"}, tmp_path)


def test_settings_survive_the_way_to_a_process(tmp_path):
    given = {"RAY_ADDRESS": "there:1", "CLEARWAY_LAKE": "s3://b/l"}
    settings = read_settings(given | {"CLEARWAY_CONSOLE_URL": "https://rights.example/"}, tmp_path)

    assert settings.console_url == "https://rights.example"
    assert read_settings(settings.environ(), Path("/elsewhere")) == settings
