"""By how much an export grows with its clips: by what names a clip, not by what is in it.

What a process holds at most is what the system says (`VmHWM`). The first thousands of clips warm
the allocators and caches of Lance and Arrow up; from there on an export must not grow.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.test_ingest import ROOT
from tests.pipelines.small_world import MIT, add_source, make_world

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]
FEW, MANY, CLIPS_AN_EPISODE = 8_000, 24_000, 100
FILMS = (1_000, 8_000, 14_000)  # the writer of Lance fills its buffers up to about 8,000
MOST_BYTES_A_CLIP = 8_192  # 32 kB before rows were written in groups
CHILD = """
import sys
from pathlib import Path
from tests.pipelines.export_child import export_there
export_there(Path(sys.argv[1]))
lines = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


def test_an_export_of_films_does_not_grow_with_its_clips(tmp_path):
    peaks = {clips: peak_mb(tmp_path / str(clips), clips, video=True) for clips in FILMS}
    grown = (peaks[FILMS[-1]] - peaks[FILMS[-2]]) * 1e6 / (FILMS[-1] - FILMS[-2])
    print(f"\npeak in MB by clips with films: {peaks}; {grown:,.0f} bytes a clip")  # noqa: T201
    assert grown < MOST_BYTES_A_CLIP


def test_an_export_does_not_grow_with_its_clips(tmp_path):
    peaks = {clips: peak_mb(tmp_path / str(clips), clips) for clips in (500, 2_000, FEW, MANY)}
    grown = (peaks[MANY] - peaks[FEW]) * 1e6 / (MANY - FEW)
    print(f"\npeak in MB by clips: {peaks}; {grown:,.0f} bytes a clip")  # noqa: T201
    assert grown < MOST_BYTES_A_CLIP


def peak_mb(home: Path, clips: int, *, video: bool = False) -> float:
    """Export so many clips, of numbers alone or with pictures; what the process held at most."""
    settings = make_world(home)
    add_source(
        settings, "pad", [MIT], video=video,
        seconds=2 * CLIPS_AN_EPISODE, episodes=clips // CLIPS_AN_EPISODE,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(home)],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return round(int(done.stdout) / 1e3, 1)
