"""Read logs one after another, and say by how many bytes each made this process grow at its most.

`python -m tests.pipelines.readers.peak SCRATCH LOG…`: the first logs warm up what is there once.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines import clocks, ondisk
from pipelines.readers import tables, units
from pipelines.readers.reading import Group
from pipelines.readers.registry import readers
from pipelines.readers.spool import spool_group
from pipelines.records import Found

SOME = 1 << 14  # what is held of any log, made small: only what grows with a log is to be seen


def main(scratch: Path, logs: list[Path]) -> None:
    """Print a number a log."""
    clocks.SOME = units.SOME = ondisk.STRETCH = SOME
    tables.HELD = ondisk.MAPPED = SOME
    for log in logs:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak
        before = told("VmRSS")
        spooled = spool(scratch, log)
        assert [one.status for one in spooled.files] == ["ingested"], spooled.files
        print(told("VmHWM") - before, flush=True)  # noqa: T201  the answer


def spool(scratch, log):
    """Read a log into files."""
    found = Found(path=log.name, sha256=f"{len(log.name):064}", size_bytes=log.stat().st_size)
    return spool_group(
        log.parent,
        Group(source_id="demo", reader="events", files=(found,)),
        {"action": ["key"]},
        scratch=scratch,
        batch_id="b",
        reader=readers()["events"],
    )


def told(name: str) -> int:
    """Return a line of what the system says of this process, in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (one for one in lines if one.startswith(f"{name}:"))
    return int(line.split()[1]) << 10


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]])
