"""What Dagster shows of single files: an event for each that was worked, and a table of quarantine.

Files appear by their sha256 and never by name: Dagster's history is not erased with the data.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import dagster as dg

from pipelines.defs.resources import links, numbers, refusals_shown, say
from pipelines.defs.sources import catalog_read
from pipelines.errors import PipelineError
from pipelines.settings import Settings

if TYPE_CHECKING:
    from catalog.quarantine import QuarantineEntry

SHORTEST = 4  # digits of a sha256 by which a file is named
SHOWN = 1_000  # files of a source, and rows of a table
BLOCKS = "·▁▂▃▄▅▆▇█"  # the first for none
MEASURED = ("measure", "unit", "clips", "5 %", "median", "95 %", "least to greatest")
COLUMNS = ("source", "sha256", "reason", "reader", "retryable")


def tell_files(context: dg.AssetExecutionContext, source_id: str, settings: Settings) -> None:
    """Say of each file what this run made of it; of more than `SHOWN` only how many there are."""
    from catalog.files import recorded_by

    with catalog_read(settings) as session:
        found = recorded_by(session, source_id, context.run.run_id)
    for one in found[:SHOWN]:
        say(
            context, source_id, "file", sha256=one.sha256[:16], status=one.status,
            reason=one.reason, frames=one.num_frames, messages=one.num_messages,
            bytes=one.size_bytes,
        )  # fmt: skip
    if len(found) > SHOWN:
        say(context, source_id, "files", more=len(found) - SHOWN)


class Conserved(Protocol):
    """A report whose counts add up, or do not."""

    @property
    def conserved(self) -> bool:
        """Whether nothing that came in was lost."""


def conserved(name: str, done: Mapping[str, Conserved]) -> dg.AssetCheckResult:
    """The check that the counts of each report add up; it shows the counts."""
    lost = [key for key, one in done.items() if not one.conserved]
    counts = {key: numbers(one) for key, one in done.items()}
    return dg.AssetCheckResult(
        check_name=name,
        passed=not lost,
        description=f"the counts do not add up of {', '.join(lost)}" if lost else None,
        metadata={"counts": dg.MetadataValue.json(counts)},
    )


def quality(source_id: str, settings: Settings) -> dict[str, Any]:
    """What the clips of a source measure: a table with histograms, and medians as trends."""
    from pipelines.assess.spread import spreads

    found = list(spreads(source_id, settings))
    rows = [
        (
            *(one.measure, one.unit, str(one.num_clips)),
            *(f"{value:.4g}" for value in (one.p05, one.median, one.p95)),
            f"{one.least:.4g} {drawn(one.bars)} {one.greatest:.4g}",
        )
        for one in found
    ]
    trends = {f"clearway/median_{one.measure}": float(f"{one.median:.4g}") for one in found}
    return {"measures": table(MEASURED, rows)} | trends if found else {}


def table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> dg.TableMetadataValue:
    """A table as the UI shows it."""
    return dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name) for name in columns]),
    )


def drawn(bars: tuple[int, ...]) -> str:
    """Draw counts as a row of blocks, the tallest for the greatest."""
    most = max(bars)
    return "".join(BLOCKS[math.ceil(one * (len(BLOCKS) - 1) / most)] for one in bars)


def release_held(
    context: dg.AssetExecutionContext, wanted: list[str], settings: Settings, *, now: datetime
) -> None:
    """Queue files of this run's sources again, as `clearway quarantine release` does; tell which.

    Raises:
        dg.Failure: QUARANTINE_UNKNOWN where something asked for names nothing that is held.
    """
    from catalog.engine import open_catalog, transaction
    from catalog.quarantine import release_files

    if not wanted:
        return
    run_id, found = context.run.run_id, list["QuarantineEntry"]()
    with refusals_shown(context), transaction(open_catalog(settings.catalog_url)) as session:
        for key in context.partition_keys:
            found += release_files(session, key, wanted, run_id=run_id, now=now)
        _refuse_unknown(wanted, found)
    for one in found:
        say(context, one.source_id, "released", sha256=one.sha256[:16], reason=one.reason)


def _refuse_unknown(wanted: list[str], found: "list[QuarantineEntry]") -> None:
    for asked in wanted:
        short = len(asked) < SHORTEST
        if short or not any(one.reason == asked or one.sha256.startswith(asked) for one in found):
            raise PipelineError(
                f"no file of these sources is held in quarantine as {asked!r}, expected the start"
                f" of a sha256 ({SHORTEST} digits or more) or a reason",
                code="QUARANTINE_UNKNOWN",
                subject=asked,
                way_out="take it from the table of the check none_quarantined",
            )


def none_quarantined(source_ids: list[str], settings: Settings) -> dg.AssetCheckResult:
    """Show what is set aside of these sources; a warning, for the rest goes on without it."""
    from catalog.quarantine import quarantined

    with catalog_read(settings) as session:
        held = [one for name in source_ids for one in quarantined(session, name)]
    rows = [
        (one.source_id, one.sha256[:16], one.reason, one.reader, str(one.retryable))
        for one in held[:SHOWN]
    ]
    return dg.AssetCheckResult(
        check_name="none_quarantined",
        passed=not held,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(held)} files are set aside: `clearway quarantine list` names them,"
        " a run with the option `release` of streams tries them again" if held else None,
        metadata={
            "quarantined": table(COLUMNS, rows), "num_quarantined": len(held),
            **links(settings.console_url, {"quarantine": "quarantine"}),
        },
    )  # fmt: skip
