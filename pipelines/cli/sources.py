"""`clearway source …` and `clearway party …`: register origins of recordings and who holds them."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge
from pipelines.cli.listing import LISTS
from pipelines.readers import READERS

source = typer.Typer(no_args_is_help=True, help="Register sources and list what they hold.")
party = typer.Typer(no_args_is_help=True, help="Register those who hold, give or receive rights.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(source, name="source")
    app.add_typer(party, name="party")


@source.command("add")
def source_add(
    name: Annotated[
        str | None, typer.Argument(help="Short name, also the prefix in the lake.")
    ] = None,
    *,
    uri: Annotated[str | None, typer.Option(help="Folder that holds the recordings.")] = None,
    modality: Annotated[
        str | None, typer.Option(help="video, game, robot, sensor or synthetic.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Party that holds the rights.")] = "",
    title: Annotated[str, typer.Option(help="A line for people.")] = "",
    attribution: Annotated[str, typer.Option(help="Credit line for notices.")] = "",
    acquisition: Annotated[str, typer.Option(help="How it was come by: public, user …")] = "",
    obtained: Annotated[str, typer.Option(help="The same in words, for documents.")] = "",
    reader: Annotated[
        str, typer.Option(help=f"Reader that is asked first: {', '.join(READERS)}; or `auto`.")
    ] = "auto",
    stream: Annotated[
        list[str] | None,
        typer.Option(help="STREAM=RIGHT, RIGHT of video audio action state event; repeat."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE for the reader (TOML value); repeat.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Describe a whole corpus in one TOML or JSON file.")
    ] = None,
) -> None:
    """Register one source, or with --file a whole corpus; twice the same changes nothing."""
    from pipelines import register

    settings, at = edge.here(), edge.now()
    if file is not None:
        done = register.register_corpus(settings, file, now=at)
        edge.say(done.summary())
        return
    if name is None or uri is None or modality is None:
        raise typer.BadParameter("give NAME, --uri and --modality, or --file")
    described = register.describe_source(
        name,
        uri=uri,
        modality=modality,
        facts={
            "owner": owner, "title": title, "attribution": attribution, "reader": reader,
            "acquisition": acquisition, "obtained": obtained,
        },
        streams=edge.pairs(stream or []),
        config=edge.toml_pairs(option or []),
    )  # fmt: skip
    edge.say(f"source {name}: {register.register_source(settings, described, now=at)}")


@source.command("list")
def source_list(*, as_json: edge.Json = False) -> None:
    """List the registered sources."""
    with edge.records(edge.here()) as session:
        rows = list(LISTS["sources"](session))
    edge.show(rows, ("id", "modality", "owner", "title", "uri"), as_json=as_json)


@source.command("show")
def source_show(name: str, *, as_json: edge.Json = False) -> None:
    """Show one source with its rights facts."""
    from catalog import files, rights, sources

    with edge.records(edge.here()) as session:
        one = sources.source(session, name)
        facts = [
            {"id": fact.fact_id, "kind": fact.kind, "doc": dict(fact.doc)}
            for fact in rights.facts_of(session, one.source_id)
        ]
        num_files = len(files.files_of(session, one.source_id))
    row = {
        **{name: getattr(one, name) for name in ("uri", "modality", "reader", "owner", "title")},
        "attribution": one.attribution,
        "acquisition": one.acquisition,
        "obtained": one.obtained,
        "streams": dict(one.streams),
        "config": {**one.config, **one.clips},
        "files": num_files,
    }
    if as_json:
        edge.show([{"id": one.source_id, **row, "facts": facts}], (), as_json=True)
        return
    told = [{"fact": key, "value": value} for key, value in row.items()]
    edge.show(told, ("fact", "value"), as_json=False, title=name)
    edge.show(facts, ("kind", "doc"), as_json=False, title="rights facts")


@source.command("files")
def source_files(name: str, *, as_json: edge.Json = False) -> None:
    """List every file found in a source, with what became of it."""
    from catalog import files, sources

    with edge.records(edge.here()) as session:
        found = sources.source(session, name)
        rows = [files.file_line(one) for one in files.files_of(session, found.source_id)]
    columns = ("path", "bytes", "status", "reason", "num_frames", "num_messages", "duration_s")
    edge.show(rows, columns, as_json=as_json)


@source.command("clocks")
def source_clocks(name: str, *, as_json: edge.Json = False) -> None:
    """Report the clock of every stream: rate, jitter, gaps, lateness, drift, overlap."""
    from pipelines.assess.skew import report_clocks

    columns = (
        *("stream", "clock", "count", "rate_hz", "jitter_p99_ms", "largest_gap_ms"),
        *("doubles", "backward", "log_late_p50_ms", "drift_ppm", "overlap_s"),
    )
    edge.show(report_clocks(name, edge.here()), columns, as_json=as_json)


@party.command("add")
def party_add(
    name: Annotated[str, typer.Argument(help="Short id.")],
    *,
    full_name: Annotated[str, typer.Option("--name", help="Full name.")] = "",
    kind: Annotated[
        str, typer.Option(help="organisation, person, data subject …")
    ] = "organisation",
    jurisdiction: Annotated[str, typer.Option(help="ISO 3166 code.")] = "",
    fictional: Annotated[bool, typer.Option(help="The party does not exist.")] = False,
) -> None:
    """Register a party; twice the same changes nothing."""
    from catalog.parties import Party, register_party

    with edge.writing(edge.here()) as session:
        change = register_party(
            session,
            Party(
                party_id=name,
                name=full_name or name,
                kind=kind,
                jurisdiction=jurisdiction,
                fictional=fictional,
            ),
            now=edge.now(),
        )
    edge.say(f"party {name}: {change}")


@party.command("list")
def party_list(*, as_json: edge.Json = False) -> None:
    """List the registered parties."""
    from catalog import parties

    with edge.records(edge.here()) as session:
        rows = [
            {"id": one.party_id, "name": one.name, "kind": one.kind, "fictional": one.fictional}
            for one in parties.parties(session)
        ]
    edge.show(rows, ("id", "name", "kind"), as_json=as_json)
