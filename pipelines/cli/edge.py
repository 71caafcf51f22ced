"""What every verb needs from the world: the settings, the clock, the catalog, the terminal.

Lists print as a table for people, or with `--json` as one JSON object a line and nothing else.
"""

import json
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.errors import RegistrationError
from pipelines.settings import Settings, read_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout.")]
_BREAKS = {at: f"\\u{at:04x}" for at in (0x85, 0x2028, 0x2029)}
Progress = Callable[[str, int, int], None]


def here() -> Settings:
    """Return the settings of this process."""
    return read_settings()


def now() -> datetime:
    """Return the instant at which this command runs."""
    return datetime.now(tz=UTC)


def day(text: str) -> date:
    """Read a day that was given as an option; anything else is wrong usage."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not a day, expected 2026-12-31") from error


def instant(text: str) -> datetime:
    """Read an instant that was given as an option; without a zone it is wrong usage."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not an instant of RFC 3339") from error
    if found.tzinfo is None:
        raise typer.BadParameter(f"{text!r} has no time zone, expected a Z at its end")
    return found


def run_id(at: datetime) -> str:
    """Return the id under which this command's work is recorded."""
    return f"cli-{at:%Y%m%dT%H%M%S%f}"


def pairs(given: Sequence[str]) -> dict[str, str]:
    """Read KEY=VALUE words."""
    found = {}
    for word in given:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise RegistrationError(
                f"{word!r}: expected KEY=VALUE", code="OPTION_INVALID", subject=word,
                way_out="write for example /camera=video",
            )  # fmt: skip
        found[key] = value
    return found


def toml_pairs(given: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE words whose values are TOML, or plain words."""
    return {key: _toml_value(value) for key, value in pairs(given).items()}


@contextmanager
def records(settings: Settings) -> "Iterator[Session]":
    """Open the catalog for reading."""
    from catalog.engine import open_catalog, reading

    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        yield session


@contextmanager
def writing(settings: Settings) -> "Iterator[Session]":
    """Open the catalog for one transaction."""
    from catalog.engine import open_catalog, transaction

    with transaction(open_catalog(settings.catalog_url)) as session:
        yield session


def show(
    rows: Iterable[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool, title: str = ""
) -> None:
    """Print rows as JSON lines, or the named columns as a table."""
    if as_json:
        for row in rows:
            sys.stdout.write(json_line(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if title:
        say(title)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(column))) for column in columns))
    width = None if sys.stdout.isatty() else 160
    Console(markup=False, highlight=False, width=width).print(table)


def tell(line: Mapping[str, Any], words: str, *, as_json: bool) -> None:
    """Print what an act did: as one JSON object, or in words."""
    if as_json:
        show([line], (), as_json=True)
    else:
        say(words)


def say(text: str) -> None:
    """Print one line for people on stdout."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print one line for people on stderr, out of the way of `--json`."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def progress() -> Iterator[Progress]:
    """Show a bar a kind of work on stderr, with its rate; call it as (what, done, total)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True, markup=False, highlight=False)
    look = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(),
    )
    with Bars(*look, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total, rate="")
            speed = bars.tasks[tasks[what]].speed
            rate = f"{speed:,.1f}/s" if speed else ""
            bars.update(tasks[what], completed=done, total=total, rate=rate)

        yield report


def json_line(row: Mapping[str, Any]) -> str:
    """Return one line for every reader: what else breaks lines, or is no character, is escaped."""
    line = json.dumps(row, default=str, ensure_ascii=False).translate(_BREAKS)
    return line.encode(errors="backslashreplace").decode() + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(one) for one in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _toml_value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
