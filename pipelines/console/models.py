"""Models: training runs, the checkpoints that they sealed, what each saw, what was published."""

from collections.abc import Iterator, Mapping
from typing import Any

from catalog import releases, runs
from catalog.pages.nouns import checkpoints_page, runs_page
from catalog.pages.paging import Window
from catalog.runs import CheckpointRow, RunRow
from pipelines.console.blocks import Cell, Column, Link, Page, Row, Table, Terms, fixed, path
from pipelines.console.flagged import flag, reaching_checkpoint
from pipelines.console.overview import source_link
from pipelines.console.view import View
from pipelines.seen import windows_seen

_HOME = Link(text="Models", href="/models")


def model_list(view: View) -> Page:
    """Build the lists of releases, runs and checkpoints."""

    def read_runs(window: Window) -> tuple[list[Row], str]:
        found, after = runs_page(view.session, window)
        return [run_row(one) for one in found], after

    return Page(
        title="Models",
        blocks=(
            _releases(view, None),
            Table(name="runs", title="Training runs", columns=run_columns(), read=read_runs,
                  empty="Nothing was trained yet."),
            _checkpoints(view, ""),
        ),
    )  # fmt: skip


def run_page(view: View) -> Page:
    """Build the page of one run."""
    found = runs.run(view.session, view.path["run"])
    return Page(
        title=f"Run {found.run_id[:12]}", lead=found.run_id, trail=(_HOME,),
        blocks=(
            Terms(rows=tuple(_run_terms(found))),
            _checkpoints(view, found.run_id),
            Table(name="config", title="Configuration", read=fixed(_flat(found.config)),
                  columns=(Column(name="name", title="Setting", kind="code"),
                           Column(name="value", title="Value"))),
        ),
    )  # fmt: skip


def checkpoint_page(view: View) -> Page:
    """Build the page of one checkpoint."""
    found = runs.checkpoint(view.session, view.path["checkpoint"])
    seen = path("checkpoints", found.checkpoint_id, "seen")
    return Page(
        title=f"Checkpoint {found.checkpoint_id[:12]}",
        lead=f"Step {found.step} of run {found.run_id}",
        trail=(_HOME, _run_link(found.run_id)),
        blocks=(
            Terms(rows=(
                ("Run", _run_link(found.run_id)), ("Step", found.step), ("Digest", found.digest),
                ("What it saw", Link(text="replay its exposure, source by source", href=seen)),
                ("Revoked", flag(
                    reaching_checkpoint(view, found.run_id),
                    none="nothing that it was trained on",
                    so="it may have seen this: its exposure tells, and `clearway revoke` what"
                    " to train again",
                )),
                ("Lineage", [
                    Link(text="what it came from",
                         href=path("lineage", id=found.checkpoint_id, way="up")),
                    Link(text="what came of it",
                         href=path("lineage", id=found.checkpoint_id, way="down")),
                ]),
            )),
            _releases(view, found),
            Table(name="metrics", title="Measured", read=fixed(_flat(found.metrics)),
                  columns=(Column(name="name", title="Measure", kind="code"),
                           Column(name="value", title="Value")), empty="Nothing was measured."),
        ),
    )  # fmt: skip


def seen_page(view: View) -> Page:
    """Build the exposure of a checkpoint: what its run delivered to it, replayed."""
    found = runs.checkpoint(view.session, view.path["checkpoint"])
    rows: list[Row] = [
        {"source": source_link(source_id), "windows": windows, "clips": clips, "frames": frames}
        for source_id, windows, clips, frames in seen_by_source(view, found.checkpoint_id)
    ]  # fmt: skip
    columns = (
        Column(name="source", title="Source"),
        Column(name="windows", title="Windows delivered", kind="number"),
        Column(name="clips", title="Different clips", kind="number"),
        Column(name="frames", title="Frames delivered", kind="number"),
    )
    return Page(
        title=f"What checkpoint {found.checkpoint_id[:12]} saw",
        lead="Replayed from the sealed record of its run, and compared with it.",
        trail=(_HOME, _run_link(found.run_id), _checkpoint_link(found.checkpoint_id)),
        blocks=(Table(name="seen", title="By source", columns=columns, read=fixed(rows)),),
    )  # fmt: skip


def seen_by_source(view: View, checkpoint_id: str) -> list[tuple[str, int, int, int]]:
    """Replay what a checkpoint saw of each source: windows, different clips, frames."""
    tally: dict[str, tuple[int, set[str], int]] = {}
    for one in windows_seen(checkpoint_id, view.settings):
        windows, clips, frames = tally.get(one["source"], (0, set(), 0))
        clips.add(one["clip_id"])
        tally[one["source"]] = windows + 1, clips, frames + one["num_frames"]
    return [
        (source_id, windows, len(clips), frames)
        for source_id, (windows, clips, frames) in sorted(tally.items())
    ]


def run_columns() -> tuple[Column, ...]:
    """The columns of a table of runs."""
    return (
        Column(name="run", title="Run", kind="code"), Column(name="set", title="Training set"),
        Column(name="status", title="Status"), Column(name="steps", title="Steps", kind="number"),
        Column(name="seed", title="Seed"),
    )  # fmt: skip


def run_row(row: RunRow) -> Row:
    """A run as a row of such a table."""
    return {
        "run": _run_link(row.run_id), "status": row.status, "seed": str(row.seed),
        "set": Link(text=row.set_id, href=path("sets", row.set_id)),
        "steps": int(row.config["steps"]) if isinstance(row.config.get("steps"), int) else None,
    }  # fmt: skip


def _run_terms(row: RunRow) -> Iterator[tuple[str, Cell]]:
    yield "Training set", Link(text=row.set_id, href=path("sets", row.set_id))
    yield "Status", row.status
    yield "Seed", str(row.seed)
    yield "Manifest", row.manifest_digest
    for name in ("code_version", "clearance_digest", "parent"):
        if row.record.get(name):
            yield name.replace("_", " ").capitalize(), str(row.record[name])
    yield (
        "Lineage",
        [
            Link(text="what it came from", href=path("lineage", id=row.run_id, way="up")),
            Link(text="what came of it", href=path("lineage", id=row.run_id, way="down")),
        ],
    )


def _checkpoints(view: View, run_id: str) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = checkpoints_page(view.session, window, run_id=run_id)
        rows: list[Row] = [
            {"checkpoint": _checkpoint_link(one.checkpoint_id), "step": one.step,
             "run": _run_link(one.run_id), "digest": one.digest}
            for one in found
        ]  # fmt: skip
        return rows, after

    columns = (
        Column(name="checkpoint", title="Checkpoint", kind="code"),
        Column(name="step", title="Step", kind="number"),
        Column(name="run", title="Run", kind="code"),
        Column(name="digest", title="Digest", kind="code"),
    )
    return Table(name="checkpoints", title="Checkpoints", columns=columns, read=read,
                 empty="None was sealed.")  # fmt: skip


def _releases(view: View, of: CheckpointRow | None) -> Table:
    found = (
        releases.releases(view.session) if of is None
        else releases.releases_of(view.session, [of.checkpoint_id])
    )  # fmt: skip
    rows: list[Row] = [
        {"release": one.release_id, "how": one.release, "licence": one.out_licence,
         "published": str(one.published or ""),
         "checkpoint": _checkpoint_link(one.checkpoint_id), "uris": one.uris}
        for one in found
    ]  # fmt: skip
    columns = (
        Column(name="release", title="Release"), Column(name="how", title="Given as"),
        Column(name="licence", title="Licence"), Column(name="published", title="Published"),
        Column(name="checkpoint", title="Checkpoint", kind="code"),
        Column(name="uris", title="Where"),
    )  # fmt: skip
    return Table(name="releases", title="Releases", columns=columns, read=fixed(rows),
                 empty="Nothing was published.")  # fmt: skip


def _flat(doc: Mapping[str, Any], above: str = "") -> list[Row]:
    """Every value of a document under its dotted name."""
    found: list[Row] = []
    for name, value in doc.items():
        if isinstance(value, Mapping):
            found += _flat(value, f"{above}{name}.")
        else:
            told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            found.append({"name": f"{above}{name}", "value": told})
    return found


def _run_link(run_id: str) -> Link:
    return Link(text=run_id[:12], href=path("runs", run_id))


def _checkpoint_link(checkpoint_id: str) -> Link:
    return Link(text=checkpoint_id[:12], href=path("checkpoints", checkpoint_id))
