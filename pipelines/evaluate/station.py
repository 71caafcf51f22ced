"""Evaluate: measure a recorded checkpoint against copying the last frame and other actions.

In: a checkpoint id. Out: figures, a picture and a page beside the checkpoint. The set behind it
passes the gate again first: what has been revoked since is not read, not even to measure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import releases, rights, runs, training_sets
from catalog.engine import open_catalog, reading
from licensing.request import read_request
from pipelines.errors import PipelineError
from pipelines.evaluate.films import film_of
from pipelines.evaluate.labels import labels
from pipelines.evaluate.page import page
from pipelines.keys import trusted_publics
from pipelines.train.parents import parent_of
from training.evaluating import Plan, device_here

if TYPE_CHECKING:
    from catalog.runs import CheckpointRow, RunRow
    from pipelines.settings import Settings
    from training.evaluating import Groups
    from training.gate import Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What a checkpoint is worth, beside what it must beat."""

    checkpoint_id: str
    run_id: str
    step: int
    picture: str
    page: str
    figures: Mapping[str, Any]
    said: str

    def line(self) -> dict[str, Any]:
        """The report as `evaluate --json` prints it: every figure."""
        return {
            "id": self.checkpoint_id,
            "run": self.run_id,
            "step": self.step,
            "picture": self.picture,
            "page": self.page,
            **self.figures,
        }

    def summary(self) -> str:
        """Say it in one line."""
        return f"checkpoint {self.checkpoint_id[:12]}, step {self.step}: {self.said}; {self.page}"


def evaluate_checkpoint(
    wanted: str,
    settings: Settings,
    *,
    now: datetime,
    plan: Plan,
    out: Path | None = None,
) -> Evaluated:
    """Evaluate a recorded checkpoint on the held-out clips of its own training set.

    `wanted` is RUN/STEP, or the checkpoint's id or the start of it. The page is written to `out`;
    without it, it lies beside the checkpoint.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        Refused: the gate's answer about the set, with its code.
        CheckpointError: CHECKPOINT_TORN, CHECKPOINT_MISSING, CHECKPOINT_OTHER.
        PipelineError: PAGE_NOT_WRITTEN.
    """
    from training.checkpoint import read_cursor
    from training.loop import judge

    point, run, cleared, groups = _opened(wanted, settings, now=now)
    above = str(run.config.get("parent") or "")
    parent = parent_of(above, settings).path if above else None
    path = settings.runs_dir / point.path
    read_cursor(path, recorded=point.digest)
    target = out or path.with_name(f"{path.name}.evaluation.html")
    _check(target)
    device = device_here()
    judged = judge(cleared, path, parent=parent, device=device, plan=plan, groups=groups)
    by = f"clearway {version('clearway')}, torch {version('torch')} on {device}"
    measured = {
        "seed of the evaluation": str(plan.seed),
        "evaluated by": by,
        "evaluated at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
    }
    provenance = {**_provenance(point, run, cleared), **measured}
    title = f"Evaluation of checkpoint {point.checkpoint_id[:12]}, step {point.step}"
    films = [film_of(one) for one in judged.evaluation.shown]
    _write(target, page(title, judged.evaluation, films, provenance=provenance))
    return Evaluated(
        checkpoint_id=point.checkpoint_id,
        run_id=run.run_id,
        step=point.step,
        picture=str(judged.picture) if judged.evaluation.shown else "",
        page=str(target),
        figures=judged.evaluation.figures() | {"provenance": provenance},
        said=judged.evaluation.summary(),
    )


def _opened(
    wanted: str, settings: Settings, *, now: datetime
) -> tuple[CheckpointRow, RunRow, Cleared, Groups]:
    """The checkpoint and its run, and the set that it was trained on, through the gate."""
    from training.gate import open_training_set

    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        point = releases.point_of(session, wanted)
        run = runs.run(session, point.run_id)
        row = training_sets.training_set(session, run.set_id)
        uri = settings.set_uri(row.name, row.version)
        cleared = open_training_set(
            uri,
            read_request(run.config["use"]),
            keys=trusted_publics(settings),
            now=now,
            revocations=settings.revocations,
            seen_sequence=len(rights.revocations(session)),
        )
        return point, run, cleared, labels(session, uri, cleared.manifest)


def _provenance(point: CheckpointRow, run: RunRow, cleared: Cleared) -> dict[str, str]:
    return {
        "checkpoint": point.checkpoint_id,
        "digest of its seal": point.digest,
        "run": run.run_id,
        "step": str(point.step),
        "training set": run.set_id,
        "digest of its manifest": cleared.manifest_digest,
        "digest of its clearance": cleared.clearance_digest,
        "revocation list": f"number {cleared.revocation_sequence}, {cleared.revocation_digest}",
        "use": _listed(run.config["use"]),
        "seed of the run": str(run.seed),
        "configuration": _listed({k: v for k, v in run.config.items() if k != "use"}),
        "trained by": f"clearway {run.record.get('code_version') or 'unknown'}",
    }


def _listed(doc: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in doc.items())


def _check(target: Path) -> None:
    """Before minutes of measuring: the page can lie where it is wanted."""
    if target.is_dir() or not target.parent.is_dir() or not os.access(target.parent, os.W_OK):
        raise _not_written(target, "expected the path of a file in a folder that can be written to")


def _write(target: Path, whole: str) -> None:
    scratch = target.with_name(f".{target.name}.part")
    try:
        scratch.write_text(whole, encoding="utf-8")
        scratch.replace(target)
    except OSError as error:
        raise _not_written(target, str(error)) from error


def _not_written(target: Path, why: str) -> PipelineError:
    return PipelineError(
        f"the page cannot be written to {target}: {why}",
        code="PAGE_NOT_WRITTEN",
        subject=str(target),
        way_out="give another path by --out",
    )
