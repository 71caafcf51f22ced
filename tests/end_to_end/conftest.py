"""One run of the demo serves every test of this folder."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.settings import Settings, read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRun:
    """A home in which `clearway demo` ran, and what it printed."""

    settings: Settings
    printed: str

    def clearway(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run one command in this home."""
        return clearway(self.settings.home, *words)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo without its download: three of the eleven sources stay without files."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = clearway(home, "demo", "--no-download")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return DemoRun(settings=read_settings({"CLEARWAY_HOME": str(home)}), printed=done.stdout)


def clearway(home: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a person does, in a process of its own."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("CLEARWAY_")}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        env={**own, **environ, "CLEARWAY_HOME": str(home)},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
