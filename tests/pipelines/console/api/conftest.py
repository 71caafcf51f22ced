"""The interface of a small home, as a program asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.pipelines.console.conftest import World

Asked = Callable[..., Any]


@pytest.fixture
def ask(world: World) -> Asked:
    """Ask the interface of the shared home; the JSON of an answer with the expected status."""

    def asked(address: str, status: int = 200, **params: Any) -> Any:
        answer = world.client.get(f"/api/v1{address}", params=params)
        assert answer.status_code == status, answer.text
        kind = "application/json" if status < 400 else "application/problem+json"
        assert answer.headers["content-type"] == kind
        return answer.json()

    return asked


def every(ask: Asked, address: str, *, limit: int = 2, **params: Any) -> list[Any]:
    """All items of a list, page by page; no page is longer than it may be."""
    found, after = list[Any](), ""
    while True:
        page = ask(address, limit=limit, **(params | ({"after": after} if after else {})))
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        after = page["next"]
