"""A process that erases and kills itself at a given call, as `kill -9` would.

Run with: HOME_FOLDER CALL [FILE]. It dies at that numbered call of our own code, or of a function
that it calls; at call 0 it lives on and says how many calls there were.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from pipelines.erase import erase
from tests.pipelines.killing import die_at, settings_of
from tests.pipelines.small_world import NOW

OURS = ("/pipelines/erase/", "/pipelines/lake/", "/pipelines/storage", "/catalog/", "/shutil.py")

LOOKING_AT_PROCESSES = ("_readers", "_opened_by")  # of the whole machine: others come and go


if __name__ == "__main__":
    settings = settings_of(Path(sys.argv[1]))
    die_at(
        int(sys.argv[2]),
        lambda: erase("arm", settings, file="".join(sys.argv[3:]), now=NOW + timedelta(hours=1)),
        is_ours=lambda name: any(one in name for one in OURS),
        leaving_out=LOOKING_AT_PROCESSES,
    )
