"""What a page is built from: the catalog as it is read, the day, and what the address asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from pipelines.accounts.visits import Visitor
from pipelines.errors import ConsoleError
from pipelines.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

LONGEST = 400  # characters of what an address may ask


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at the record: `now` is when it is taken."""

    session: "Session"
    settings: Settings
    now: datetime
    who: Visitor | None = None
    path: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """The day of `now`, UTC."""
        return self.now.date()

    def text(self, name: str) -> str:
        """Return what the address asks under a name, "" if nothing.

        Raises:
            ConsoleError: QUERY_INVALID if it is too long.
        """
        said = self.asked.get(name, "").strip()
        if len(said) > LONGEST:
            raise _invalid(name, said, f"at most {LONGEST} characters")
        return said

    def day(self, name: str) -> date | None:
        """Return the day that the address asks, None if it asks none.

        Raises:
            ConsoleError: QUERY_INVALID if it is no day.
        """
        said = self.text(name)
        if not said:
            return None
        try:
            return date.fromisoformat(said)
        except ValueError as error:
            raise _invalid(name, said, "a day such as 2026-12-31") from error

    def choice(self, name: str, among: tuple[str, ...]) -> str:
        """Return which of several the address asks, the first if it asks none.

        Raises:
            ConsoleError: QUERY_INVALID if it asks another.
        """
        said = self.text(name) or among[0]
        if said not in among:
            raise _invalid(name, said, f"one of {', '.join(among)}")
        return said


def _invalid(name: str, said: str, expected: str) -> ConsoleError:
    return ConsoleError(
        f"{name}={said[:60]!r} in the address: expected {expected}",
        code="QUERY_INVALID", subject=name, way_out="correct the address, or begin at the overview",
    )  # fmt: skip
