"""A process that ingests and kills itself at a given point, as `kill -9` would.

Run with: HOME_FOLDER POINT AT_ONCE. POINT is `ledger:NUMBER` (before the numbered call on the
ledger if odd, after it if even) or `call:NUMBER` (at the numbered Python call of our own code).
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

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

    sys.setprofile(watch)


def main():
    home, point, at_once = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    small_batches()
    kind, _, number = point.partition(":")
    {"ledger": die_at_ledger, "call": die_at_call, "none": lambda _: None}[kind](int(number or 0))
    settings = Settings(
        home=home, catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=str(home / "lake")
    )
    ingest("demo", settings, at_once=at_once, run_id="killed", now=NOW)


if __name__ == "__main__":
    main()
