"""What assets are given: the settings of this process, one Ray for a whole run, and the report.

In: the environment. Out: a `Clearway` resource and `each_key`, which calls one station for every
partition of a run. It goes on after a refusal and fails at the end: one bad source must not stop
ten good ones, and must not vanish either. What it logs are ids and counts, never data.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import dagster as dg
from pydantic import Field, PrivateAttr

from licensing.errors import ClearwayError
from pipelines.settings import Settings, read_settings

OWNERS = ["team:data"]
RAY_POOL = "ray"
LOG = logging.getLogger("clearway.defs")
SECONDS_BETWEEN_LINES = 0.5
PLAIN = (int, float, str)
NAMED = {"uri": "dagster/uri"}  # keys that the UI knows

PAGES = {"source_id": "source", "set_id": "set", "checkpoint_id": "checkpoint"}
COUNTED = {  # what a report counts, and the name of its rate
    "num_found": "files",
    "bytes_found": "bytes",
    "num_windows": "clips",
    "num_clips": "clips",
    "num_frames": "frames",
}

Progress = Callable[[str, int, int], None]
Report = TypeVar("Report")
if TYPE_CHECKING:
    Done = dg.MaterializeResult[None]
else:
    Done = dg.MaterializeResult  # Dagster looks for the bare class in an asset's annotation


class Clearway(dg.ConfigurableResource[Any]):
    """Settings of this installation, and one Ray session for all steps of a run."""

    folder: str = Field(default=".", description="Folder whose clearway.toml is read, if any.")
    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _ray_is_up: bool = PrivateAttr(default=False)

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002 - Dagster gives it
    ) -> Iterator["Clearway"]:
        """Live as long as the run's process needs us; end the Ray that we started."""
        with self._stack:
            yield self

    @property
    def settings(self) -> Settings:
        """Where state lives, as this process was told."""
        return read_settings(folder=Path(self.folder))

    @property
    def now(self) -> datetime:
        """The time at this edge; stations take it as an argument."""
        return datetime.now(UTC)

    def workers(self, at_once: int | None) -> int:
        """Say how many tasks run at once, and start Ray for the rest of the run if any does."""
        from pipelines.workers import default_at_once, session  # heavy

        chosen = default_at_once() if at_once is None else at_once
        if chosen and not self._ray_is_up:
            self._stack.enter_context(session(self.settings, at_once=chosen))
            self._ray_is_up = True
        return chosen


def each_key(
    context: dg.AssetExecutionContext, work: Callable[[str, Progress], Report], *, console: str = ""
) -> dict[str, Report]:
    """Call `work` for every partition of this run; refused ones fail the step after the others.

    `console` is where the console is reached, for links to the pages of what a report is about.

    Raises:
        dg.Failure: what was refused, with code and way out per partition.
    """
    done: dict[str, Report] = {}
    refused: dict[str, ClearwayError] = {}
    for key in context.partition_keys:
        began = time.perf_counter()
        with cancel_noted(context):
            say(context, key, "started")
            try:
                done[key] = work(key, progress_of(context, key))
            except ClearwayError as error:
                refused[key] = error
                say(context, key, "refused", code=error.code, error=str(error))
                continue
        speeds = rates(done[key], time.perf_counter() - began)
        told = described(done[key]) | speeds | pages(done[key], console)
        context.add_asset_metadata(told, partition_key=key)
        say(context, key, "done", **numbers(done[key]))
    if refused:
        raise refusal(refused) from next(iter(refused.values()))  # its traceback stands below
    return done


@contextmanager
def refusals_shown(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Turn a station's own error into a headline that says code and way out."""
    with cancel_noted(context):
        try:
            yield
        except ClearwayError as error:
            raise refusal({step_of(context): error}) from error


@contextmanager
def cancel_noted(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[None]:
    """Make a run that a signal ends CANCELED; Dagster alone would call it failed."""
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        run = context.instance.get_run_by_id(context.run.run_id)
        if run is not None and run.status == dg.DagsterRunStatus.STARTED:
            context.instance.report_run_canceling(run, message="stopped by a signal")
        raise


def refusal(refused: Mapping[str, ClearwayError]) -> dg.Failure:
    """Say every refusal in one failure that is not tried again."""
    said = [
        f"{key}: {e.code or type(e).__name__}: {e} (way out: {e.way_out})"
        for key, e in refused.items()
    ]
    codes = {key: error.code or type(error).__name__ for key, error in refused.items()}
    return dg.Failure(
        "\n".join(said), metadata={"refused": dg.MetadataValue.json(codes)}, allow_retries=False
    )


def progress_of(context: dg.AssetExecutionContext | dg.OpExecutionContext, key: str) -> Progress:
    """Make the callback that a station reports to: at most two lines a second, and the last."""
    last = [float("-inf")]

    def told(what: str, done: int, total: int) -> None:
        if done >= total or time.perf_counter() - last[0] > SECONDS_BETWEEN_LINES:
            last[0] = time.perf_counter()
            say(context, key, "progress", what=what, done=done, total=total)

    return told


def step_of(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> str:
    """Name of the asset, or of the op where there is no asset."""
    if isinstance(context, dg.AssetExecutionContext):
        return str(context.asset_key.to_user_string())
    return str(context.op.name)


def numbers(report: object) -> dict[str, int | float | str]:
    """Counts, ids, digests and times of a station's report: what of it is a plain value."""
    if not is_dataclass(report) or isinstance(report, type):
        return {}
    names = [one.name for one in fields(report)]
    names += [name for name, one in vars(type(report)).items() if isinstance(one, property)]
    values = {name: getattr(report, name) for name in names}
    times = {name: one.isoformat() for name, one in values.items() if isinstance(one, datetime)}
    return {name: one for name, one in values.items() if isinstance(one, PLAIN)} | times


def described(report: object) -> dict[str, Any]:
    """The same as metadata of a materialization."""
    return {NAMED.get(name, f"clearway/{name}"): one for name, one in numbers(report).items()}


def pages(report: object, console: str) -> dict[str, Any]:
    """Links to what a report is about in the console: pictures and names are kept there only."""
    told = numbers(report)
    ids = {kind: quote(str(told[name]), safe="@") for name, kind in PAGES.items() if name in told}
    return links(console, {kind: f"{kind}s/{one}" for kind, one in ids.items()})


def links(console: str, places: Mapping[str, str]) -> dict[str, Any]:
    """Links to places of the console by what they show; none where nobody said where it is."""
    return {
        f"console/{name}": dg.MetadataValue.url(f"{console}/{place}")
        for name, place in places.items()
        if console
    }


def rates(report: object, seconds: float) -> dict[str, Any]:
    """How long it took, and how much of what it counts it did in a second: plots of throughput."""
    counted = numbers(report)
    speeds = {
        f"clearway/{name}_per_s": round(float(counted[count]) / seconds, 3)
        for count, name in COUNTED.items()
        if isinstance(counted.get(count), int) and seconds > 0
    }
    return {"clearway/seconds": round(seconds, 3)} | speeds


def say(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, key: str, event: str, **facts: object
) -> None:
    """Write one event of a partition, as a line for people and as JSON."""
    line = {
        "step": step_of(context),
        "key": key,
        "event": event,
        "run_id": context.run.run_id,
    } | facts
    said = ", ".join(f"{name} {value}" for name, value in facts.items())
    LOG.info("%s %s: %s", key, event, said, extra={"clearway": json.dumps(line, default=str)})


@dg.definitions
def resources() -> dg.Definitions:
    """The one resource, under the name that assets ask for."""
    return dg.Definitions(resources={"clearway": Clearway()})
