"""A home that the environment names, and a Dagster instance that goes with its test."""

import dagster as dg
import pytest

from tests.pipelines.defs.world import initialised


@pytest.fixture
def settings(tmp_path, monkeypatch):
    settings = initialised(tmp_path)
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as it:
        yield it
