"""A process that ingests and kills itself at a given point, as `kill -9` would.

Run with: HOME_FOLDER POINT AT_ONCE. POINT is `ledger:NUMBER` (before the numbered call on the
ledger if odd, after it if even), `sql:NUMBER` (when the numbered transaction is about to commit),
`call:NUMBER` (at the numbered Python call of our own code), or `worker:MILLISECONDS`: then it is a
worker of Ray that dies, so long after it began to work, and this process goes on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from itertools import count
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session

from pipelines.ingest import planning
from pipelines.ingest.ledger import CatalogLedger
from pipelines.ingest.station import ingest
from pipelines.settings import Settings
from tests.pipelines.places import NOW

STEPS = ("plan", "written", "committed", "verified_in")


def small_batches(change=setattr):
    """Two groups a bundle, one bundle a batch: several batches of few files."""
    change(planning, "BUNDLE_GROUPS", 2)
    change(planning, "BATCH_BUNDLES", 1)


def die():
    """End at once, with no chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_ledger(wanted):
    """Arm the ledger: the n-th step is number 2n - 1 before it and 2n after it."""
    ticks = count(1)

    def armed(step):
        def call(self, *args, **kwargs):
            if next(ticks) == wanted:
                die()
            result = step(self, *args, **kwargs)
            if next(ticks) == wanted:
                die()
            return result

        return call

    for name in STEPS:
        setattr(CatalogLedger, name, armed(getattr(CatalogLedger, name)))


def die_at_call(wanted):
    """Arm the interpreter: die when our own code makes its n-th call."""
    ticks = count(1)

    def watch(frame, event, _):
        ours = event == "call" and "/pipelines/" in frame.f_code.co_filename
        if ours and next(ticks) == wanted:
            die()

    threading.setprofile(watch)  # storing has a thread of its own
    sys.setprofile(watch)


def die_at_commit(wanted):
    """Arm the database: die when the n-th transaction that wrote has all but committed."""
    ticks = count(1)

    def watch(_session):
        if next(ticks) == wanted:
            die()

    event.listen(Session, "before_commit", watch)


def kill_a_worker(milliseconds):
    """Arm a thread: the first worker that works dies so long after it was seen; tell its pid."""

    def watch():
        while not (found := [pid for pid in below(os.getpid()) if is_at_work(pid)]):
            time.sleep(0.01)
        time.sleep(milliseconds / 1_000)
        os.kill(found[0], signal.SIGKILL)
        print(f"killed {found[0]}", flush=True)  # noqa: T201 - the test reads it

    threading.Thread(target=watch, daemon=True).start()


def below(pid):
    """The processes that descend from `pid`."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found: set[int] = set()
    more = {pid}
    while more:
        more = {child for child, parent in parents.items() if parent in more} - found
        found |= more
    return sorted(found)


def is_at_work(pid):
    """Whether it is a worker of Ray that has a task now."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return title.startswith(b"ray::") and b"task" in title  # the name of the function


def main():
    home, point, at_once = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    small_batches()
    kind, _, number = point.partition(":")
    settings = Settings(
        home=home, catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=str(home / "lake")
    )
    arms = {"sql": die_at_commit, "call": die_at_call, "worker": kill_a_worker}
    arm = arms.get(kind, die_at_ledger)
    arm(int(number))
    ingest("demo", settings, at_once=at_once, run_id="killed", now=NOW)


if __name__ == "__main__":
    main()
