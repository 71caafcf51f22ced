"""One run of the demo serves every test of this folder."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from pipelines.settings import Settings, read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRun:
    """A home in which `clearway demo` ran, and what it printed."""

    settings: Settings
    printed: str
    lock: Path  # of all processes of a test run: they share the home

    def held(self) -> FileLock:
        """Keep the other processes from writing to the home, or from copying it meanwhile."""
        return FileLock(self.lock)

    def clearway(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run one command in this home."""
        return clearway(self.settings.home, *words)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    """The demo without its download: three of the eleven sources stay without files.

    One for all processes of a run; who copies or changes it holds its lock.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    place, lock = root / "the-demo", root / "the-demo.lock"
    with FileLock(lock):
        if not (place / "printed").exists():
            done = clearway(place / "home", "demo", "--no-download")
            assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
            (place / "printed").write_text(done.stdout, encoding="utf-8")
    return DemoRun(
        settings=read_settings({"CLEARWAY_HOME": str(place / "home")}),
        printed=(place / "printed").read_text(encoding="utf-8"),
        lock=lock,
    )


def clearway(home: Path, *words: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a person does, in a process of its own."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("CLEARWAY_")}
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        env={**own, **environ, "CLEARWAY_HOME": str(home)},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
