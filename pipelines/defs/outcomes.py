"""What Dagster shows of single files: an event for each that was worked, and a table of quarantine.

Files appear by their sha256 and never by name: Dagster's history is not erased with the data.
"""

import dagster as dg

from pipelines.defs.resources import say
from pipelines.defs.sources import catalog_read
from pipelines.settings import Settings

SHOWN = 1_000  # files of a source, and rows of a table
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


def none_quarantined(source_ids: list[str], settings: Settings) -> dg.AssetCheckResult:
    """Show what is set aside of these sources; a warning, for the rest goes on without it."""
    from catalog.quarantine import quarantined

    with catalog_read(settings) as session:
        held = [one for name in source_ids for one in quarantined(session, name)]
    rows = [
        (one.source_id, one.sha256[:16], one.reason, one.reader, str(one.retryable))
        for one in held[:SHOWN]
    ]
    table = dg.MetadataValue.table(
        [dg.TableRecord(dict(zip(COLUMNS, row, strict=True))) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name) for name in COLUMNS]),
    )
    return dg.AssetCheckResult(
        check_name="none_quarantined",
        passed=not held,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(held)} files are set aside: `clearway quarantine list` names them,"
        " `clearway quarantine release` has them tried again" if held else None,
        metadata={"quarantined": table, "num_quarantined": len(held)},
    )  # fmt: skip
