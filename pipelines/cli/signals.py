"""What `clearway rights show` prints about signals: the columns, and how a row fits into them."""

from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = ("signal", "value", "state", "place", "found", "way_out")


def shortened(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows as a table shows them: the first path, and how many more there are."""
    return [{**row, "found": _found(row["paths"])} for row in rows]


def _found(paths: list[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}" if paths else ""
