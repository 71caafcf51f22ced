"""A process that exports and kills itself at a given call, as `kill -9` would.

Run with: HOME_FOLDER CALL [AT_ONCE]. It dies at that numbered call of the code that writes sets and
records, or of a function that it calls; at call 0 it lives on and says how many calls there were.
AT_ONCE sources are rendered at a time under Ray; without it, the process renders them itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pipelines.export import export_set
from pipelines.render import RenderSpec
from tests.pipelines.killing import die_at, settings_of
from tests.pipelines.small_world import NOW

OURS = (
    *(
        f"/pipelines/export/{one}.py"
        for one in ("training_set", "publishing", "reusing", "signing")
    ),
    *(f"/pipelines/lake/{one}.py" for one in ("datasets", "sealing", "writing")),
    *("/pipelines/storage.py", "/pipelines/revocations.py", "/pipelines/heads.py"),
    *("/catalog/engine.py", "/catalog/training_sets.py"),
)


def export_there(home, at_once=0):
    """Export the set of the tests."""
    return export_set(
        "demo",
        "commercial",
        settings_of(home),
        spec=RenderSpec(width=32, height=32),
        at_once=at_once,
        run_id="test",
        now=NOW,
    )


if __name__ == "__main__":
    die_at(
        int(sys.argv[2]),
        lambda: export_there(Path(sys.argv[1]), *map(int, sys.argv[3:])),
        is_ours=lambda name: name.endswith(OURS),
    )
