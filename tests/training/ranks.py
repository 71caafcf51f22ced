"""Ranks on gloo as processes of their own, without Ray: begun, killed at a chosen point, ended.

A fork server that has torch in memory starts them, for starting Python is most of such a test.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from licensing.errors import ClearwayError
from tests.builders import NOW

_START = multiprocessing.get_context("forkserver")
_START.set_forkserver_preload(["torch", "torch.distributed.fsdp", "pyarrow", "cryptography.x509"])
SIGKILL = -signal.SIGKILL.value
WRITERS = ("training/checkpoint/", "torch/distributed/checkpoint/filesystem.py")


def start_ranks(main, folder, *, world, **told):
    """Begin `main(rank=, world=, folder=, store=, **told)` on `world` ranks; their processes."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / f"store-{len(list(folder.glob('store-*')))}"
    store.touch()
    ranks = [
        _START.Process(
            target=_rank,
            args=(main, folder),
            kwargs={"rank": rank, "world": world, "store": store, **told},
        )
        for rank in range(world)
    ]
    for one in ranks:
        one.start()
    return ranks


def ended(ranks, folder, *, seconds=100):
    """Wait for ranks: what each of them said at its end, or the signal that ended it."""
    said = []
    for rank, one in enumerate(ranks):
        one.join(seconds)
        if one.exitcode is None:
            one.kill()
            raise AssertionError(f"rank {rank} did not end in {seconds} s")
        path = folder / f"rank-{rank}.json"
        said.append(json.loads(path.read_text()) if one.exitcode == 0 else one.exitcode)
        path.unlink(missing_ok=True)
    return said


def run_ranks(main, folder, *, world, **told):
    """Ranks from their beginning to their end."""
    return ended(start_ranks(main, folder, world=world, **told), folder)


def ended_by_the_first(ranks, folder, *, seconds):
    """Wait for rank 0, then end those that are left, as whoever started a group does."""
    ranks[0].join(seconds)
    has_ended = ranks[0].exitcode is not None
    for one in ranks[1:]:
        one.kill()
    assert has_ended, f"rank 0 still waits after {seconds} s"
    return ended(ranks, folder, seconds=seconds)


def training_rank(*, rank, folder, home, changes, kill=None, story=None, parent=None, **_told):
    """Train on the set at `home`; `kill` is (rank, "step" or "save", number)."""
    from tests.training.conftest import KEYS, opened, small
    from training.gate import check_again
    from training.loop import Job, train

    cleared = opened(home)
    armed = iter([kill[2]] if kill is not None and kill[:2] == (rank, "save") else [])

    def progress(_what, done, _total):
        for call in armed:  # after the first step: what is read at the start is no save
            stop_in_a_save(call, signal.SIGKILL)
        if kill == (rank, "step", done):
            os.kill(os.getpid(), signal.SIGKILL)
        if story is not None:
            story(rank, done, home)

    train(
        Job(config=small(**changes), cleared=cleared, folder=folder / "run", parent=parent),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
        progress=progress,
    )


def stop_in_a_save(wanted, by):
    """Get a signal at the numbered call of code that writes checkpoints, in whatever thread."""
    ticks = 0

    def watch(frame, event, _):
        nonlocal ticks
        if event in {"call", "c_call"} and any(one in frame.f_code.co_filename for one in WRITERS):
            ticks += 1
            if ticks == wanted:
                os.kill(os.getpid(), by)

    threading.setprofile(watch)
    sys.setprofile(watch)


def _rank(main, folder, *, rank, world, store, **told):
    """One process: it says how it ended where its error is one of ours."""
    import torch
    import torch.distributed as dist

    os.chdir(Path(__file__).parent.parent.parent)
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group(
            "gloo",
            init_method=f"file://{store}",
            rank=rank,
            world_size=world,
            timeout=timedelta(seconds=told.get("changes", {}).get("rank_timeout_s", 60)),
        )
    said = "ended"
    try:
        main(rank=rank, world=world, folder=folder, **told)
    except ClearwayError as error:
        said = error.code
    (folder / f"rank-{rank}.json").write_text(json.dumps(said))
    with suppress(RuntimeError):  # a group that lost a rank cannot take leave of it
        if world > 1:
            dist.destroy_process_group()
