"""The door through which Dagster finds everything under `defs/`."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Load every asset, check, job, sensor, schedule and resource of Clearway."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
