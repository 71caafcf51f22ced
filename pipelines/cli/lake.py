"""`clearway ingest` and `clearway quarantine …`: recordings into the lake, and what stayed out."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge
from pipelines.errors import PipelineError
from pipelines.settings import Settings

quarantine = typer.Typer(no_args_is_help=True, help="Files that no reader could take, and why.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.command("ingest")(ingest)
    app.add_typer(quarantine, name="quarantine")


def ingest(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources to ingest.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every registered source.")] = False,
    report: Annotated[Path | None, typer.Option(help="Write one JSON line a file.")] = None,
    no_decode: Annotated[
        bool, typer.Option("--no-decode", help="Skip decoding: neither checks nor measures.")
    ] = False,
    by: Annotated[
        str,
        typer.Option(
            "--cut",
            help="fixed[:SECONDS], shots or events:FIELD[=VALUE], this once;"
            " else as each source says.",
        ),
    ] = "",
    at_once: Annotated[
        int | None, typer.Option(min=0, help="Files at once in Ray; 0 works here, without Ray.")
    ] = None,
    as_json: edge.Json = False,
) -> None:
    """Scan, ingest, cut, assess and filter; only what is new.

    Bad files are quarantined, never dropped. Clips that a filter does not keep are counted.
    """
    if report is not None and not report.absolute().parent.is_dir():
        raise typer.BadParameter(f"--report: the folder of {report} is not there")
    settings = edge.here()
    names = _names(settings, sources or [], everything=everything)
    rows = _run(settings, names, by=by, at_once=at_once, decode=not no_decode)
    if report is not None:
        _write_report(settings, names, report)
    columns = tuple(rows[0]) if rows else ("source",)
    edge.show(rows, columns, as_json=as_json)


@quarantine.command("list")
def quarantine_list(
    source: Annotated[str | None, typer.Argument(help="Only this source.")] = None,
    *,
    as_json: edge.Json = False,
) -> None:
    """List the files that were set aside, with their reasons."""
    from catalog.quarantine import quarantined

    with edge.records(edge.here()) as session:
        rows = [
            {
                "source": one.source_id,
                "path": one.path,
                "reason": one.reason,
                "sha256": one.sha256,
                "evidence": dict(one.evidence),
                "retryable": one.retryable,
            }
            for one in quarantined(session, source)
        ]
    edge.show(rows, ("source", "path", "reason", "evidence"), as_json=as_json)


@quarantine.command("show")
def quarantine_show(
    source: Annotated[str, typer.Argument(help="Source.")],
    path: Annotated[str, typer.Argument(help="Path of the file, relative to the source.")],
) -> None:
    """Show one file that was set aside, with all its evidence, as one JSON line."""
    from dataclasses import asdict

    from catalog.quarantine import quarantined

    with edge.records(edge.here()) as session:
        rows = [asdict(one) for one in quarantined(session, source) if one.path == path]
    if not rows:
        raise _not_held(source, path)
    edge.show(rows, (), as_json=True)


@quarantine.command("release")
def quarantine_release(
    source: Annotated[str, typer.Argument(help="Source.")],
    path: Annotated[str, typer.Argument(help="Path of the file, relative to the source.")],
) -> None:
    """Queue a file again: the next `ingest` tries it, and its history stays."""
    from catalog.quarantine import release

    at = edge.now()
    with edge.writing(edge.here()) as session:
        found = release(session, source, path, run_id=edge.run_id(at), now=at)
    if not found:
        raise _not_held(source, path)
    edge.say(f"{source}/{path}: queued for the next ingest")


def _not_held(source: str, path: str) -> PipelineError:
    return PipelineError(
        f"source {source} holds no {path!r} in quarantine", code="UNKNOWN_ID", subject=path,
        way_out="`clearway quarantine list` shows what is held",
    )  # fmt: skip


def _names(settings: Settings, given: list[str], *, everything: bool) -> list[str]:
    from catalog import sources

    if bool(given) == everything:
        raise typer.BadParameter("name the sources, or give --all")
    with edge.records(settings) as session:
        if everything:
            return [one.source_id for one in sources.sources(session)]
        return [sources.source(session, name).source_id for name in given]


def _run(
    settings: Settings, names: list[str], *, by: str, at_once: int | None, decode: bool
) -> list[dict[str, object]]:
    from pipelines.ingest.standing import keep, recalled, standing

    at = edge.now()
    rows: list[dict[str, object]] = []
    for name in names:
        before = standing(name, settings, decode=decode, now=at)
        row = None if by else recalled(settings, before)
        if row is None:
            row, is_whole = _travel(settings, name, at, by=by, at_once=at_once, decode=decode)
            after = standing(name, settings, decode=decode, now=at)
            if is_whole and not by:
                keep(settings, before, after, figures=row | {"worked": 0})
        rows.append(row)
    return rows


def _travel(
    settings: Settings, name: str, at: datetime, *, by: str, at_once: int | None, decode: bool
) -> tuple[dict[str, object], bool]:
    """Take a source through its stations; return its figures, and whether nothing failed."""
    from pipelines import workers
    from pipelines.assess import assess
    from pipelines.cut import cut
    from pipelines.ingest.station import ingest as read_files

    run, failed = edge.run_id(at), 0
    tasks = workers.default_at_once() if at_once is None else at_once
    with edge.progress() as show:
        done = read_files(
            name, settings, at_once=tasks, run_id=run, now=at, decode=decode, progress=show
        )
        clips = cut(name, settings, by=by, at_once=tasks, run_id=run, now=at, progress=show)
        kept, reasons = clips.num_kept, dict(clips.reasons)
        if decode:
            measured = assess(name, settings, at_once=tasks, run_id=run, now=at, progress=show)
            kept, reasons = measured.num_kept, {**reasons, **measured.reasons}
            failed = measured.num_failed
    counts = {key.removeprefix("num_"): count for key, count in done.counts().items()}
    said = ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
    return {"source": name, **counts, "clips": kept, "filtered": said}, not failed


def _write_report(settings: Settings, names: list[str], path: Path) -> None:
    from catalog import files

    with edge.records(settings) as session, path.open("w", encoding="utf-8") as out:
        for name in names:
            for one in files.files_of(session, name):
                out.write(json.dumps(files.file_line(one), ensure_ascii=False) + "\n")
