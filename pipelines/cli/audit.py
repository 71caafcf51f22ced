"""`clearway audit …`: what happened, and why."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import changes, edge, replay, trace
from pipelines.cli.listing import AS_KNOWN, LISTS

audit = typer.Typer(no_args_is_help=True, help="Read the record: lists, lineage, the log.")
log = typer.Typer(no_args_is_help=True, help="The append-only log.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    audit.command("replay")(replay.audit_replay)
    audit.command("trace")(trace.audit_trace)
    audit.command("diff")(changes.audit_diff)
    audit.add_typer(log, name="log")
    app.add_typer(audit, name="audit")


@audit.command("list")
def audit_list(
    kind: Annotated[str, typer.Argument(help=", ".join(LISTS))],
    *,
    known: Annotated[
        str, typer.Option(help=f"As known at an instant: {', '.join(AS_KNOWN)} only.")
    ] = "",
    as_json: edge.Json = False,
) -> None:
    """List the records of one kind."""
    if kind not in LISTS:
        raise typer.BadParameter(f"{kind!r}: expected one of {', '.join(LISTS)}")
    if known and kind not in AS_KNOWN:
        raise typer.BadParameter(f"--known: expected one of {', '.join(AS_KNOWN)}, got {kind}")
    then = edge.instant(known) if known else None
    with edge.records(edge.here()) as session:
        rows = list(AS_KNOWN[kind](session, known=then) if then else LISTS[kind](session))
    columns = tuple(rows[0])[:6] if rows else ("id",)
    edge.show(rows, columns, as_json=as_json)


@audit.command("seen")
def audit_seen(
    checkpoint: Annotated[str, typer.Argument(help="RUN/STEP, or a checkpoint's id or its start.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """List the windows that a checkpoint was trained on, in the order of delivery."""
    from pipelines.seen import windows_seen

    rows = windows_seen(checkpoint, edge.here())
    columns = ("step", "slot", "source", "clip_id", "start_frame", "num_frames")
    edge.show(rows, columns, as_json=as_json)


@log.command("verify")
def log_verify(*, as_json: edge.Json = False) -> None:
    """Read everything again; exit 1 and name table and key where something is wrong."""
    from pipelines import heads

    with edge.progress() as told:
        report = heads.verify(edge.here(), progress=told)
    row = {"size": report.size, "root": report.root, "broken": list(report.broken)}
    if as_json:
        edge.show([row], (), as_json=True)
    else:
        edge.say(
            f"log of {report.size} entries, root {report.root[:16]}: "
            + ("whole" if not report.broken else "BROKEN")
        )
        for one in report.broken:
            edge.say(f"  {one}")
    if report.broken:
        raise typer.Exit(1)


@log.command("checkpoint")
def log_checkpoint() -> None:
    """Print the signed head of the log; sign it first if anything was appended."""
    from pipelines.heads import checkpoint

    sys.stdout.write(checkpoint(edge.here(), now=edge.now()))


@log.command("prove")
def log_prove(
    what: Annotated[
        str, typer.Argument(help="Id of a decision, source, set, run …; its start is enough.")
    ] = "",
    *,
    older: Annotated[
        Path | None,
        typer.Option(
            "--from", exists=True, dir_okay=False, help="A checkpoint that this log must continue."
        ),
    ] = None,
    to: Annotated[Path, typer.Option(dir_okay=False, help="The file to write.")] = Path(
        "proof.json"
    ),
) -> None:
    """Write a proof that `clearway verify` checks with a public key alone."""
    from pipelines.heads import prove

    if not what and older is None:
        raise typer.BadParameter("give an id, or --from CHECKPOINT, or both")
    note = "" if older is None else older.read_text(encoding="utf-8", errors="replace")
    proof = prove(what, edge.here(), older=note, now=edge.now())
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(proof)
    edge.say(f"wrote {to}")
