"""What a job of the Launchpad says at its end, and the day that its form names."""

from datetime import date

import dagster as dg

from pipelines.defs.resources import links
from pipelines.errors import RevocationError


def tell(
    context: dg.OpExecutionContext,
    said: str,
    *,
    source: str = "",
    console: str = "",
    **report: object,
) -> None:
    """Say what came of it in the log, and keep it beside the run with a link into the console."""
    context.log.info(said)
    pages = links(console if source else "", {"source": f"sources/{source}"})
    told = {"report": dg.MetadataValue.json(report)} if report else {}
    context.add_output_metadata({"said": said, **told, **pages})


def day_of(said: str, today: date) -> date:
    """The day that a form names; an empty one is today.

    Raises:
        RevocationError: OPTION_INVALID for what is no day.
    """
    try:
        return date.fromisoformat(said) if said else today
    except ValueError as error:
        raise RevocationError(
            f"at is {said!r}, expected a day such as 2026-01-01",
            code="OPTION_INVALID",
            subject=said,
            way_out="write year, month and day, or leave it empty for today",
        ) from error
