"""The process in which files are decoded: it takes one piece of work after another, and may die.

It is started by `guard`, talks over one socket, and ends with its parent, however that ends. A
codec that hangs or crashes takes this process along and nothing else.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
FIRST_TO_GO = "500"  # where memory runs out, the system ends this process before its parent
IDLE_S = 60.0  # without work for so long, it ends
IDLE = 75  # the exit status that says so
_parent: list[Connection] = []  # the socket, once `main` has been called: none in other processes


def main(descriptor: int, parent: int) -> None:
    """Serve the process `parent` over the socket `descriptor` until it closes its end."""
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    link: Connection = Connection(descriptor)
    _parent.append(link)
    while link.poll(IDLE_S):
        try:
            task = link.recv()
        except EOFError:
            return
        link.send_bytes(_answer(*task))
    sys.exit(IDLE)


def lasts(seconds: float) -> None:
    """Say how long a recording is, as soon as that is known: its time limit depends on it."""
    for link in _parent:
        link.send(("lasts", seconds))


def _answer(work: Callable[..., object], args: Sequence[Any], named: Mapping[str, Any]) -> bytes:
    try:
        return pickle.dumps(("done", work(*args, **named)))
    except Exception as error:  # noqa: BLE001  one piece of work ends here
        try:
            return pickle.dumps(("raised", error))
        except (pickle.PicklingError, TypeError, AttributeError):
            return pickle.dumps(("raised", RuntimeError(f"{type(error).__name__}: {error}")))


def _end_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO, encoding="ascii")
    if os.getppid() != parent:  # it died before this process could ask to die with it
        sys.exit()
