"""What a grant would change: hours under each request, source by source, and what is still missing.

The engine decides as if the ground stood; nothing is recorded.
"""

from collections.abc import Iterator, Sequence

from catalog import requests
from licensing.request import read_request
from pipelines.audit.what_if import Gain, Gained, gains
from pipelines.console.blocks import Block, Column, Link, Row, Table, fixed, listed, path
from pipelines.console.overview import source_link
from pipelines.console.sums import VERDICTS
from pipelines.console.view import View

FEW = 3  # sets that a line names


def gain_blocks(view: View, gain: Gain) -> Iterator[Block]:
    """Build what a grant would change under each request: the hours, then source by source."""
    found = [
        (asked.name, gains(view.session, gain, read_request(asked.doc)))
        for asked in requests.requests(view.session)
    ]
    yield _hours([(name, done) for name, done in found])
    for number, (name, done) in enumerate(found):
        yield _by_source(f"gained-{number}", f"Under {name}, on {gain.at}", done)


def _hours(found: Sequence[tuple[str, Sequence[Gained]]]) -> Table:
    rows: list[Row] = []
    for name, done in found:
        row: dict[str, Link | float] = {
            "request": Link(text=name, href=path("requests", name)),
            "turned": sum(one.hours for one in done if one.before != one.after),
        }
        for verdict in VERDICTS:
            row[f"{verdict}-before"] = sum(one.hours for one in done if one.before == verdict)
            row[f"{verdict}-after"] = sum(one.hours for one in done if one.after == verdict)
        rows.append(row)
    columns = (
        Column(name="request", title="Request"),
        Column(name="turned", title="Would turn", kind="hours"),
        *(
            Column(name=f"{verdict}-{when}", title=f"{verdict} {said}", kind="hours")
            for verdict in VERDICTS
            for when, said in (("before", "without it"), ("after", "with it"))
        ),
    )
    return Table(name="hours", title="Hours that it would change", columns=columns,
                 read=fixed(rows), empty="No request is on record.")  # fmt: skip


def _by_source(name: str, title: str, found: Sequence[Gained]) -> Table:
    def draw(some: Sequence[Gained]) -> list[Row]:
        return [
            {
                "source": source_link(one.source_id), "hours": one.hours, "before": one.before,
                "after": one.after, "reasons": one.reasons,
                "missing": [" and ".join(each) for each in one.missing()[:FEW]],
            }
            for one in some
        ]  # fmt: skip

    columns = (
        Column(name="source", title="Source"),
        Column(name="hours", title="Recordings", kind="hours"),
        Column(name="before", title="Without it", kind="verdict"),
        Column(name="after", title="With it", kind="verdict"),
        Column(name="reasons", title="Reasons", kind="code"),
        Column(name="missing", title="Would still take one of"),
    )
    return Table(name=name, title=title, columns=columns, read=listed(tuple(found), draw),
                 empty="It reaches no source.")  # fmt: skip
