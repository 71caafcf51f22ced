"""The station: record that a checkpoint was published, and what its training set was cleared for.

A release is a fact: one that goes beyond the request that its sets were cleared for is recorded,
and said to do so. Without a record nobody would find it when a right ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from catalog import releases, runs, training_sets
from catalog.engine import open_catalog, reading, transaction
from catalog.releases import ReleaseRow
from licensing.expression import normalise
from licensing.request import not_covered, read_request
from pipelines.errors import RegistrationError
from pipelines.heads import checkpoint

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings

HOW: Final = ("weights", "api", "internal", "dataset")
PROPRIETARY: Final = "proprietary"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What somebody says of a release; `checkpoint` is an id or RUN/STEP."""

    name: str
    checkpoint: str
    version: str = "1"
    out_licence: str = PROPRIETARY
    release: str = "internal"
    published: date | None = None
    uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A release, and in what it goes beyond what the set of its run was cleared for."""

    row: ReleaseRow
    change: str
    set_id: str
    beyond: tuple[str, ...]

    def line(self) -> dict[str, Any]:
        """The JSON line of `release record|list|show`."""
        said = asdict(self.row) | {"uris": list(self.row.uris), "set": self.set_id}
        return said | {"beyond": list(self.beyond), "change": self.change}

    def summary(self) -> str:
        """Say it in one line, and a second where it goes beyond its clearance."""
        row = self.row
        lines = [
            f"release {row.release_id}: checkpoint {row.checkpoint_id[:12]} of run {row.run_id}, "
            f"{row.release} under {row.out_licence}, {self.change}"
        ]
        if self.beyond:
            lines.append(
                f"it goes beyond what {self.set_id} was cleared for: {', '.join(self.beyond)}"
            )
        return "\n".join(lines)


def record(settings: Settings, told: Told, *, now: datetime, dry_run: bool = False) -> Released:
    """Record a release; the same again changes nothing.

    Raises:
        RegistrationError: RELEASE_UNREADABLE, a name, a way or a licence that is none.
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID: the checkpoint.
        Contradiction: RELEASE_TAKEN, the name and version have another content.
    """
    out_licence = _checked(told)
    if dry_run:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            row = _row(session, told, out_licence=out_licence)
            change = str(releases.change_of(session, row))
            return _released(session, row, change=change)
    with transaction(open_catalog(settings.catalog_url)) as session:
        row = _row(session, told, out_licence=out_licence)
        change = str(releases.record_release(session, row, now=now))
        done = _released(session, row, change=change)
    checkpoint(settings, now=now)
    return done


def recorded(settings: Settings, wanted: str = "") -> tuple[Released, ...]:
    """Return every release, or the one with this id.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        rows = (releases.release(session, wanted),) if wanted else releases.releases(session)
        return tuple(_released(session, row, change="on record") for row in rows)


def _checked(told: Told) -> str:
    """The licence in its canonical form."""
    licence = told.out_licence
    found = licence if licence == PROPRIETARY else normalise(licence).licence
    for word, is_good, expected in (
        (told.name, _NAME.fullmatch(told.name), "a name of letters, digits, `.`, `_` and `-`"),
        (told.version, _NAME.fullmatch(told.version), "a version of the same signs"),
        (told.release, told.release in HOW, f"one of {', '.join(HOW)}"),
        (licence, found, "`proprietary` or a licence of SPDX"),
    ):
        if not is_good:
            raise RegistrationError(
                f"release {told.name!r}: got {word!r}, expected {expected}",
                code="RELEASE_UNREADABLE",
                subject=told.name,
                way_out="`clearway release record --help` names what is asked for",
            )
    return str(found)


def _row(session: Session, told: Told, *, out_licence: str) -> ReleaseRow:
    point = releases.point_of(session, told.checkpoint)
    return ReleaseRow(
        release_id=f"{told.name}@{told.version}",
        name=told.name,
        version=told.version,
        checkpoint_id=point.checkpoint_id,
        run_id=point.run_id,
        digest=point.digest,
        release=told.release,
        out_licence=out_licence,
        published=told.published,
        uris=tuple(sorted(set(told.uris))),
    )


def _released(session: Session, row: ReleaseRow, *, change: str) -> Released:
    set_id = runs.run(session, row.run_id).set_id
    sets = training_sets.training_sets_with(session, [set_id])
    beyond = sorted({word for one in sets for word in _beyond(one.request, row)})
    return Released(row=row, change=change, set_id=set_id, beyond=tuple(beyond))


def _beyond(request: Mapping[str, Any], row: ReleaseRow) -> Iterator[str]:
    cleared = read_request(request)
    done = replace(cleared, release=row.release, out_licence=row.out_licence)
    yield from not_covered(cleared, done)
