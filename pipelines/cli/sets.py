"""`clearway clear`, `clearway set …` and `clearway verify`: decide, export, check."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from licensing.errors import PaperError
from pipelines.cli import edge
from pipelines.cli.listing import LISTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from licensing.explain import Unlock
    from pipelines.clear import Clearance, Nearly
    from pipelines.settings import Settings

NO_SET = "no set of three or fewer"
training_set = typer.Typer(no_args_is_help=True, help="Training sets: export, list, check, renew.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.command("clear")(clear)
    app.add_typer(training_set, name="set")
    app.command("verify")(verify)


def clear(
    request: Annotated[
        str, typer.Argument(help="REQUEST.toml, or the name of a recorded request.")
    ],
    *,
    at: Annotated[str, typer.Option(help="What if it were this day (2026-12-01).")] = "",
    known: Annotated[
        str, typer.Option(help="With what was on record then (2026-11-24T01:00:00Z).")
    ] = "",
    worklist: Annotated[
        bool, typer.Option("--worklist", help="Which new grant or answer frees the most hours.")
    ] = False,
    nearly: Annotated[
        bool, typer.Option("--nearly", help="What one new grant or answer would free.")
    ] = False,
    by: Annotated[
        Literal["verdict", "reason", "source", "modality", "layer"] | None,
        typer.Option(help="Hours, clips and bytes along one dimension."),
    ] = None,
    as_json: edge.Json = False,
) -> None:
    """Decide a request over every source, with reasons and duties."""
    from pipelines import clear as station
    from pipelines import register

    settings, instant = edge.here(), edge.now()
    doc = register.request_of(settings, request, at=edge.day(at).isoformat() if at else "")
    then = edge.instant(known) if known else None
    done = station.clear(doc, settings, now=instant, run_id=edge.run_id(instant), known=then)
    if worklist:
        columns: tuple[str, ...] = ("hours", "keys", "sources")
        _show_unlocks(done, station.worklist, settings, columns=columns, as_json=as_json)
    elif nearly:
        columns = ("source", "verdict", "reasons", "hours", "clips", "keys")
        _show_unlocks(done, station.nearly_cleared, settings, columns=columns, as_json=as_json)
    elif by:
        with edge.records(settings) as session:
            shares = [_rounded(asdict(one)) for one in station.breakdown(session, done, by=by)]
        columns = ("value", "verdict", "hours", "clips", "clip_hours", "num_bytes")
        edge.show(shares, columns, as_json=as_json, title=done.summary())
    else:
        rows = [one.line() for one in done.rows]
        columns = ("source", "verdict", "reasons", "obligations", "clips", "hours")
        edge.show(rows, columns, as_json=as_json, title=done.summary())


@training_set.command("export")
def set_export(
    name: Annotated[str, typer.Argument(help="Name of the training set.")],
    *,
    request: Annotated[str, typer.Option(help="REQUEST.toml or a recorded request.")],
    source: Annotated[
        list[str] | None,
        typer.Option(help="Only these sources, as NAME or NAME=WEIGHT; may be given again."),
    ] = None,
    width: Annotated[int, typer.Option(help="Pixels, a multiple of 16.")] = 64,
    height: Annotated[int, typer.Option(help="Pixels, a multiple of 16.")] = 64,
    fps: Annotated[int, typer.Option(help="Pictures a second.")] = 10,
    at_once: Annotated[
        int | None, typer.Option(min=0, help="Clips at once; 0 without Ray.")
    ] = None,
    as_json: edge.Json = False,
) -> None:
    """Render the cleared clips, sign their clearance; unchanged input is not rendered again."""
    from pipelines import register, workers
    from pipelines.export.mixture import read_mixture
    from pipelines.export.training_set import export_set
    from pipelines.render import RenderSpec

    settings, at = edge.here(), edge.now()
    doc, mixture = register.request_of(settings, request), read_mixture(source or ())
    tasks = workers.default_at_once() if at_once is None else at_once
    with edge.progress() as show:
        done = export_set(
            name,
            doc,
            settings,
            spec=RenderSpec(width=width, height=height, fps=fps),
            at_once=tasks,
            run_id=edge.run_id(at),
            now=at,
            mixture=mixture,
            progress=show,
        )
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())


@training_set.command("list")
def set_list(*, as_json: edge.Json = False) -> None:
    """List the training sets."""
    with edge.records(edge.here()) as session:
        rows = list(LISTS["training-sets"](session))
    edge.show(rows, ("id", "clips", "frames", "sources", "made_at"), as_json=as_json)


@training_set.command("show")
def set_show(name: str, *, as_json: edge.Json = False) -> None:
    """Show one training set: what is in it, under which request, until when."""
    from catalog.training_sets import clearances_of, training_set

    with edge.records(edge.here()) as session:
        one = training_set(session, name)
        clearances = clearances_of(session, one.set_id)
    row = {
        "id": one.set_id,
        "clips": one.num_clips,
        "frames": one.num_frames,
        "sources": list(one.sources),
        "request": one.request,
        "manifest": one.manifest_digest,
        "content": one.content_digest,
        "predecessor": one.predecessor,
        "made_at": one.made_at,
        "not_after": one.not_after,
        "cleared_until": clearances[-1].not_after if clearances else None,
    }
    if as_json:
        edge.show([row], (), as_json=True)
    else:
        pairs = [{"fact": key, "value": value} for key, value in row.items()]
        edge.show(pairs, ("fact", "value"), as_json=False)


@training_set.command("documents")
def set_documents(name: str, *, as_json: edge.Json = False) -> None:
    """List the documents of a training set, with what each leaves open."""
    from pipelines.export.answering import documents_of

    rows = [asdict(one) for one in documents_of(edge.here(), name)]
    edge.show(rows, ("name", "num_bytes", "sha256", "missing"), as_json=as_json)


@training_set.command("check")
def set_check(name: str) -> None:
    """Let the trainer's own gate judge a training set; exit 1 with its code when refused."""
    from pipelines.export.renewal import check_set

    settings = edge.here()
    edge.say(check_set(name, settings, now=edge.now()))


@training_set.command("diff")
def set_diff(
    before: Annotated[str, typer.Argument(help="A training set (name@version).")],
    now: Annotated[str, typer.Argument(help="Another one, or its next version.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """Say what came, what went and why, from one training set to another."""
    from pipelines.export.comparing import compare_sets

    found = compare_sets(edge.here(), before, now)
    if as_json:
        edge.show([asdict(found)], (), as_json=True)
        return
    rows = [asdict(one) for one in found.changes]
    edge.show(rows, ("source", "change", "clips", "why"), as_json=False, title=found.summary())


@training_set.command("pack")
def set_pack(
    what: Annotated[str, typer.Argument(help="Training set: its name, folder or URI.")],
    to: Annotated[str, typer.Argument(help="A folder that does not exist yet.")],
    *,
    as_format: Annotated[
        str, typer.Option("--as", help="lance, lerobot, webdataset or parquet.")
    ] = "lance",
    split: Annotated[str, typer.Option(help="train, val or test alone.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and write nothing.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """Write a training set with its papers for carrying away, in the format asked for."""
    from pipelines.pack import pack_set

    if split not in {"", "train", "val", "test"}:
        raise typer.BadParameter(f"{split!r} is no split, expected train, val or test")
    settings = edge.here()
    with edge.progress() as show:
        done = pack_set(
            what,
            to,
            settings,
            as_format=as_format,
            split=split or None,
            dry_run=dry_run,
            now=edge.now(),
            progress=show,
        )
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())


@training_set.command("renew")
def set_renew(name: str) -> None:
    """Sign a new clearance over the same manifest, after a new decision."""
    from pipelines.export.renewal import renew

    settings, at = edge.here(), edge.now()
    done = renew(name, settings, now=at, run_id=edge.run_id(at))
    edge.say(done.summary())


def verify(
    what: Annotated[str, typer.Argument(help="Training set (folder or URI), or file of a proof.")],
    *,
    key: Annotated[
        Path | None, typer.Option(help="Public key (PEM); default: this home's own.")
    ] = None,
    revocations: Annotated[str | None, typer.Option(help="Signed revocation list.")] = None,
) -> None:
    """Check a training set or a proof with a public key alone; print what is wrong."""
    from pipelines.keys import read_publics, trusted_publics

    keys = read_publics(key) if key is not None else trusted_publics(edge.here())
    if Path(what).is_file():
        _verify_proof(Path(what), keys)
        return
    from training.gate import verify_training_set

    found = verify_training_set(what, keys, now=edge.now(), revocations=revocations)
    edge.say(f"{what}: cleared until {found}")


def _show_unlocks(
    done: "Clearance",
    rank: "Callable[..., Sequence[Unlock | Nearly]]",
    settings: "Settings",
    *,
    columns: tuple[str, ...],
    as_json: bool,
) -> None:
    from catalog.personal import aloud

    with edge.progress() as show:
        ranked = rank(done, told=partial(show, "unlock"))
    with edge.records(settings) as session:
        told = [_rounded(one) for one in aloud(session, [asdict(one) for one in ranked])]
    shown = told if as_json else [{**one, "keys": one["keys"] or NO_SET} for one in told]
    edge.show(shown, columns, as_json=as_json, title=done.summary())


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: round(one, 4) if isinstance(one, float) else one for key, one in row.items()}


def _verify_proof(file: Path, keys: Sequence[bytes]) -> None:
    from licensing.verify import verify_entries

    report = verify_entries(file.read_bytes(), keys)
    for one in report.findings:
        edge.say(f"{one.state} {one.check}: {one.message}")
    for one in report.failed:
        raise PaperError(
            f"{file}: {one.check}: {one.message}",
            code=one.code,
            subject=one.subject,
            way_out="ask the keeper of the log for the proof again, and do not rely on this one",
        )
