"""A process that revokes and kills itself at a given point, as `kill -9` would.

Run with: HOME_FOLDER POINT. POINT is `sql:NUMBER` (when the numbered transaction is about to
commit), or `call:NUMBER` (at the numbered Python call of our own code).
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

from pipelines.revoke import revoke
from pipelines.settings import Settings
from tests.pipelines.small_world import LATER, NOW

OURS = ("/pipelines/", "/catalog/", "/licensing/")


def die():
    """End at once, with no chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_call(wanted):
    """Arm the interpreter: die when our own code makes its n-th call."""
    ticks = count(1)

    def watch(frame, event_, _):
        name = frame.f_code.co_filename
        if event_ == "call" and any(one in name for one in OURS) and next(ticks) == wanted:
            die()

    sys.setprofile(watch)


def die_at_commit(wanted):
    """Arm the database: die when the n-th transaction that wrote has all but committed."""
    ticks = count(1)

    def watch(_session):
        if next(ticks) == wanted:
            die()

    event.listen(Session, "before_commit", watch)


def main(home, point):
    """Revoke the source `arm` of the small world in `home`."""
    kind, _, number = point.partition(":")
    {"call": die_at_call, "sql": die_at_commit}[kind](int(number))
    settings = Settings(
        home=Path(home), catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=f"{home}/lake"
    )
    revoke("arm", settings, reason="breach", at=NOW.date(), now=LATER, run_id="child")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
