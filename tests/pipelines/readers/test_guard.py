"""Decoding in a process of its own: what hangs, crashes or eats ends that process only."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading

import pytest

from pipelines.errors import RegistrationError
from pipelines.readers.guard import Limits, guarded
from pipelines.readers.reading import Refused
from tests.pipelines.readers import many

QUICK = Limits(size_bytes=0, fixed_s=20, memory_mb=1_000)


def twice(number):
    return 2 * number


def fails():
    raise ValueError("so it is")


def odd():
    raise ValueError(lambda: None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def test_it_returns_what_the_work_returns_from_one_process_for_all():
    assert guarded(QUICK, twice, 21) == 42
    assert guarded(QUICK, os.getpid) == guarded(QUICK, os.getpid) != os.getpid()


def test_what_the_work_raises_is_raised_here_and_the_process_goes_on():
    before = guarded(QUICK, os.getpid)

    with pytest.raises(ValueError, match="so it is"):
        guarded(QUICK, fails)
    with pytest.raises(RuntimeError, match="ValueError: <function"):
        guarded(QUICK, odd)

    assert guarded(QUICK, os.getpid) == before


def test_a_hang_that_holds_the_interpreter_is_ended_in_time(path):
    with pytest.raises(Refused, match="ended after") as refused:
        guarded(Limits(size_bytes=0, fixed_s=1), many.hang, path)

    assert refused.value.code == "DECODER_TIMEOUT"
    assert refused.value.evidence["limit_s"] == 1
    assert 1 <= refused.value.evidence["seconds"] < 10
    assert guarded(QUICK, twice, 1) == 2


@pytest.mark.parametrize(
    ("what", "how", "evidence"),
    [
        ("signal", "SIGSEGV", {"signal": "SIGSEGV"}),
        ("signal", "SIGABRT", {"signal": "SIGABRT"}),
        ("exit", "3", {"exit": 3}),
        ("exit", "0", {"exit": 0}),
    ],
)
def test_a_crash_says_what_ended_it_and_the_next_work_gets_a_fresh_process(
    what, how, evidence, path
):
    before = guarded(QUICK, os.getpid)

    with pytest.raises(Refused, match="the decoder ended with") as refused:
        guarded(QUICK, many.harm, what, path, how)

    assert refused.value.code == "DECODER_CRASH"
    assert evidence.items() <= refused.value.evidence.items()
    assert guarded(QUICK, os.getpid) != before


def test_what_takes_too_much_memory_is_ended(path):
    with pytest.raises(Refused, match="when it held") as refused:
        guarded(Limits(size_bytes=0, fixed_s=60, memory_mb=500), many.eat, path)

    assert refused.value.code == "OUT_OF_MEMORY"
    assert 500 < refused.value.evidence["peak_mb"] < 5_000


def test_a_process_that_is_ended_from_outside_is_tried_again_and_then_given_up(path):
    with pytest.raises(Refused, match="ended 3 times from outside") as refused:
        guarded(QUICK, many.harm, "signal", path, "SIGKILL")
    assert refused.value.code == "OUT_OF_MEMORY"

    path.write_text("once")
    guarded(QUICK, many.once, path, str(path))
    assert not path.exists()


def test_a_thread_has_a_process_of_its_own_that_ends_with_it():
    mine, theirs = guarded(QUICK, os.getpid), []

    thread = threading.Thread(target=lambda: theirs.append(guarded(QUICK, os.getpid)))
    thread.start()
    thread.join()

    assert theirs[0] != mine == guarded(QUICK, os.getpid)
    assert ended(theirs[0])


PARENT = """
import os, sys
from pathlib import Path
from pipelines.readers.guard import Limits, guarded
from tests.pipelines.readers import many
quick = Limits(size_bytes=0, fixed_s=100)
print(guarded(quick, os.getpid), flush=True)
{then}
"""


@pytest.mark.parametrize(
    "then",
    [
        "guarded(quick, many.hang, Path('x'))",  # killed while its child hangs
        "sys.stdin.read()",  # killed while its child is idle
        "",  # comes to its end
    ],
)
def test_no_process_outlives_its_parent(then):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(then=then)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent:
        child = int(parent.stdout.readline())
        if then:
            parent.kill()

    assert ended(child)


def ended(pid):
    """Wait for the end of a process that is not ours."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 20)[0])
    finally:
        os.close(watched)


def test_a_limit_follows_from_duration_or_size_or_is_set():
    assert Limits(size_bytes=5_000_000).seconds() == 130
    assert Limits(size_bytes=5_000_000).seconds(60) == 630
    assert Limits(size_bytes=1_000).seconds(10**9) == 50  # no file of that size lasts so long
    assert Limits.of({"time_limit_s": 5, "memory_limit_mb": 100}, 10**9) == Limits(
        size_bytes=10**9, fixed_s=5, memory_mb=100
    )
    with pytest.raises(RegistrationError, match="expected a number above 0"):
        Limits.of({"time_limit_s": "soon"}, 1)
