"""A process that erases and kills itself at a given call, as `kill -9` would.

Run with: HOME_FOLDER CALL [FILE]. It dies at that numbered call of our own code, or of a function
that it calls; at call 0 it lives on and says how many calls there were.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from pipelines.erase import erase
from pipelines.settings import Settings
from tests.pipelines.small_world import NOW

OURS = ("/pipelines/erase/", "/pipelines/lake/", "/pipelines/storage", "/catalog/", "/shutil.py")


def settings_of(home):
    return Settings(
        home=home, catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=str(home / "lake")
    )


def main():
    wanted = int(sys.argv[2])
    ticks = count(1)
    last = 0

    def watch(frame, event, _):
        nonlocal last
        if event in {"call", "c_call"} and any(one in frame.f_code.co_filename for one in OURS):
            last = next(ticks)
            if last == wanted:
                os.kill(os.getpid(), signal.SIGKILL)

    settings = settings_of(Path(sys.argv[1]))
    sys.setprofile(watch)
    erase("arm", settings, file="".join(sys.argv[3:]), now=NOW + timedelta(hours=1))
    sys.setprofile(None)
    print(last)  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main()
