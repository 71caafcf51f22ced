"""Take an act: a form of this session, done by a station, its refusal logged, its outcome a page.

The gate has judged before whether the role may; here the form shows that it is of the session, and
whoever sent it stands in the log beside what was done, or in the access log beside what was not.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from licensing.errors import ClearwayError
from pipelines.accounts.visits import Visitor
from pipelines.console import showing
from pipelines.console.blocks import Page
from pipelines.console.forms import Filled, access, check_word, filled, log_refused
from pipelines.console.view import View
from pipelines.errors import ConsoleError
from pipelines.settings import Settings

Read = Callable[[Request], Coroutine[Any, Any, Filled]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An act that is asked for: the form, the names in its address, who sends it, when."""

    sent: Filled
    path: Mapping[str, str]
    visitor: Visitor
    settings: Settings
    now: datetime

    def text(self, name: str) -> str:
        """Return what a field of the form says, without the space around it."""
        return self.sent.fields.get(name, "").strip()


def add_act(  # noqa: PLR0913 - what an act is made of
    app: FastAPI,
    address: str,
    name: str,
    *,
    do: Callable[[Asked], Page],
    settings: Settings,
    clock: Callable[[], datetime],
    read: Read = filled,
) -> None:
    """Give the application an address that takes an act, which the access log calls `name`."""

    async def acted(request: Request) -> Response:
        asked = Asked(
            sent=await read(request), path=request.path_params, visitor=request.state.visitor,
            settings=settings, now=clock(),
        )  # fmt: skip
        return await run_in_threadpool(_act, request, asked, name=name, do=do)

    app.add_api_route(address, acted, methods=["POST"])


def word_of(view: View, right: str) -> str:
    """The word that a form of this session brings, "" for whom the act is not."""
    return view.who.form if view.who is not None and view.who.may(right) else ""


def check_typed(asked: Asked, expected: str, undone: str) -> None:
    """Refuse an act whose subject was not typed again; `undone` says what was not done.

    Raises:
        ConsoleError: NOT_CONFIRMED.
    """
    typed = asked.text("typed")
    if not expected or typed != expected:
        raise ConsoleError(
            f"typed {typed[:60]!r}, expected {expected[:60]!r}: {undone}", code="NOT_CONFIRMED",
            subject=expected[:60], way_out="go back and type exactly what is asked",
        )  # fmt: skip


def day_of(asked: Asked, name: str) -> date:
    """Return the day that a field says.

    Raises:
        ConsoleError: QUERY_INVALID.
    """
    said = asked.text(name)
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ConsoleError(
            f"{name}={said[:20]!r}: expected a day such as 2026-12-31", code="QUERY_INVALID",
            subject=name, way_out="go back and choose a day",
        ) from error  # fmt: skip


def _act(request: Request, asked: Asked, *, name: str, do: Callable[[Asked], Page]) -> Response:
    path, visitor = request.url.path[:400], asked.visitor
    try:
        check_word(asked.sent.fields, visitor)
        page = do(asked)
    except ClearwayError as error:  # each refused act is logged, then told as any error is
        entry = access(request, visitor.account, name, outcome=error.code, subject=path)
        log_refused(asked.settings.catalog_url, entry, now=asked.now)
        raise
    return HTMLResponse(showing.html(page, at=path, asked={}, instant="", who=visitor))
