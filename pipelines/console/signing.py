"""Sign in, by password or by a link of one use, and sign out.

Each sign-in, and each that is refused, is in the access log. A sign-in begins a new session,
whatever cookie the browser had: nobody can prepare one for another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from catalog import accounts as stored
from catalog.engine import open_catalog, reading, transaction
from pipelines.accounts import visits
from pipelines.accounts.visits import LINK_ADDRESS as LINK
from pipelines.accounts.visits import Visitor
from pipelines.console import showing
from pipelines.console.attempts import WITHIN, Attempts
from pipelines.console.forms import access, check_word, form_of, log_refused
from pipelines.console.gate import COOKIE, SIGN_IN, way_back
from pipelines.errors import ConsoleError
from pipelines.settings import Settings

SIGNING_IN: Final = "sign in"  # as the access log calls it
_WAIT: Final = "Too many sign-ins failed: wait a quarter of an hour, or use a link"
_OVER: Final = "This link holds no more: it works once, and for a quarter of an hour"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Where people sign in to one home."""

    url: str
    clock: Callable[[], datetime]
    attempts: Attempts


def add_sign_in(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Give the application the addresses where one signs in and out."""
    desk = _Desk(url=settings.catalog_url, clock=clock, attempts=Attempts())

    def asked(request: Request) -> Response:
        query = request.query_params
        link = query.get("code", "") if request.url.path == LINK else ""
        return _page(200, way=query.get("next", "/"), link=link[:100])

    async def signed_in(request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(_sign_in, desk, request, form)

    async def linked(request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(_follow_link, desk, request, form)

    async def signed_out(request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(_sign_out, desk, request, form)

    for address, answer in ((SIGN_IN, signed_in), (LINK, linked)):
        app.add_api_route(address, asked, methods=["GET", "HEAD"])
        app.add_api_route(address, answer, methods=["POST"])
    app.add_api_route("/sign-out", signed_out, methods=["POST"])


def _sign_in(desk: _Desk, request: Request, form: Mapping[str, str]) -> Response:
    name, now, way = form.get("name", "")[:64], desk.clock(), form.get("next", "/")
    error = visits.refused()
    entry = access(request, name, SIGNING_IN, outcome=error.code, subject=SIGN_IN)
    keys = f"name {name}", f"from {entry.origin}"
    if desk.attempts.must_wait(*keys, now=now):
        answer = _page(429, way=way, name=name, wrong=_WAIT)
        answer.headers["retry-after"] = str(round(WITHIN.total_seconds()))
        return answer
    with reading(open_catalog(desk.url, read_only=True)) as session:
        is_known = visits.knows(session, name, form.get("password", ""))
    if not is_known:
        desk.attempts.failed(*keys, now=now)
        log_refused(desk.url, entry, now=now)
        return _page(403, way=way, name=name, wrong=str(error))
    return _let_in(desk, request, name, way=way)


def _follow_link(desk: _Desk, request: Request, form: Mapping[str, str]) -> Response:
    with transaction(open_catalog(desk.url)) as session:
        name = visits.take_link(session, form.get("link", ""), now=desk.clock())
    if not name:
        return _page(403, way="/", wrong=_OVER)
    return _let_in(desk, request, name, way="/")


def _let_in(desk: _Desk, request: Request, name: str, *, way: str) -> Response:
    now, before = desk.clock(), request.cookies.get(COOKIE, "")
    entry = access(request, name, SIGNING_IN, outcome="SIGNED_IN", subject=SIGN_IN)
    with transaction(open_catalog(desk.url)) as session:
        secret = visits.begin(session, name, now=now, instead_of=before)
        stored.log_access(session, entry, now=now)
    answer = RedirectResponse(way_back(way), 303)
    answer.set_cookie(
        COOKIE, secret, httponly=True, samesite="lax", path="/",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


def _sign_out(desk: _Desk, request: Request, form: Mapping[str, str]) -> Response:
    visitor: Visitor = request.state.visitor
    try:
        check_word(form, visitor)
    except ConsoleError as error:
        path = request.url.path
        entry = access(request, visitor.account, "sign out", outcome=error.code, subject=path)
        log_refused(desk.url, entry, now=desk.clock())
        raise
    with transaction(open_catalog(desk.url)) as session:
        stored.end_visit(session, visitor.digest)
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def _page(
    status: int, *, way: str, name: str = "", wrong: str = "", link: str = ""
) -> HTMLResponse:
    action = LINK if link else SIGN_IN
    drawn = showing.sign_in(action, way=way_back(way), name=name, wrong=wrong, link=link)
    return HTMLResponse(drawn, status)
