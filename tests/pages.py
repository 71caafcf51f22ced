"""The commands that a page of the documentation shows under a mark, for tests that run them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def commands(page: str, part: str) -> list[str]:
    """Return the lines under `<!-- part: run by a test -->`."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"<!-- {part}: run by a test -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found
    return found.group(1).splitlines()
