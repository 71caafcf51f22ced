"""Processes that kill themselves at a given call, as `kill -9` would, and the homes they run in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

from pipelines.settings import Settings


def settings_of(home):
    return Settings(
        home=home, catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=str(home / "lake")
    )


def copy(home, folder):
    return Path(shutil.copytree(home, folder / "home"))


def child(module, home, call, *words):
    """Run a module of `tests.pipelines` that ends in `die_at` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", f"tests.pipelines.{module}", str(home), str(call), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def die_at(wanted, act, *, is_ours, leaving_out=()):
    """Act, and die at the numbered call of code that is ours, or of a function that it calls.

    `is_ours` is told a file's name. At call 0 the process lives on and says how many calls it made.
    Functions `leaving_out` call as often as the machine has it, and not as the work does.
    """
    ticks = count(1)
    last = 0

    def watch(frame, event, _):
        nonlocal last
        code = frame.f_code
        if code.co_qualname.partition(".")[0] in leaving_out:
            return
        if event in {"call", "c_call"} and is_ours(code.co_filename):
            last = next(ticks)
            if last == wanted:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)
    act()
    sys.setprofile(None)
    print(last)  # noqa: T201 - the test reads it
