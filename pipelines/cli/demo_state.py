"""What the demo finds on record: each step asks here whether its work is done."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipelines.cli import edge
from pipelines.settings import Settings

NAME = "demo"
REVOKED = "northpier-arm"


def read_json(path: Path) -> Any:  # noqa: ANN401 - a document of the corpus
    """Read a document of the corpus."""
    return json.loads(path.read_text(encoding="utf-8"))


def described(settings: Settings) -> dict[str, Any]:
    """Return what the corpus says about itself."""
    found: dict[str, Any] = read_json(settings.home / "demo/sources.json")
    return found


def known_before_revocation(settings: Settings) -> datetime | None:
    """The instant before the demo's own revocation was recorded; None when it was not."""
    from catalog.rights import revocations

    with edge.records(settings) as session:
        ends = [one.recorded_at for one in revocations(session) if one.subject_id == REVOKED]
    return min(ends) - timedelta(microseconds=1) if ends else None


def sets(settings: Settings) -> list[Any]:
    """Return the versions of the demo's training set, oldest first."""
    from catalog.training_sets import training_sets

    with edge.records(settings) as session:
        return [one for one in training_sets(session) if one.name == NAME]


def checkpoints(settings: Settings) -> list[Any]:
    """Return the checkpoints that were trained on the demo's set."""
    from catalog import runs

    known = {one.set_id for one in sets(settings)}
    with edge.records(settings) as session:
        mine = {one.run_id for one in runs.runs(session) if one.set_id in known}
        return [one for one in runs.checkpoints(session) if one.run_id in mine]


def renewed(settings: Settings) -> str:
    """Renew the clearance of the latest version when it has lapsed, and say so."""
    from catalog.training_sets import clearances_of
    from pipelines.export.renewal import renew

    at, last = edge.now(), sets(settings)[-1]
    with edge.records(settings) as session:
        until = clearances_of(session, last.set_id)[-1].not_after
    if until > at:
        return f"; clearance of {last.set_id} holds until {until:%Y-%m-%d %H:%M}Z"
    done = renew(last.set_id, settings, now=at, run_id=edge.run_id(at))
    return f"; clearance of {last.set_id} had lapsed: {done.summary()}"


def figures(settings: Settings) -> list[str]:
    """Say what the last run's losses and its evaluation were, a line each."""
    last = checkpoints(settings)[-1]
    measured = last.metrics
    lines = [
        f"{phase} loss {first:.4f} -> {final:.4f}"
        for phase, (first, final) in sorted(measured.get("losses", {}).items())
    ]
    found = measured.get("evaluation") or {}
    for name, values in sorted(found.get("psnr", {}).items()):
        shown = ", ".join(f"{value:.1f}" for value in values)
        lines.append(f"PSNR at frames {found['horizons']}, {name.replace('_', ' ')}: {shown} dB")
    picture = settings.runs_dir / f"{last.path}.png"
    return [*lines, f"predicted beside true frames: {picture}"] if picture.exists() else lines
