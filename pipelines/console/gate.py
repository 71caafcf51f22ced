"""Who may ask what: every question is judged here before any route sees it, known or not.

Without a session or a token nothing is answered but the sign-in and the files that draw it. An
address that no table names may be read by whoever may look, and takes no act from anybody.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from catalog import accounts as stored
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import CatalogUnreachable
from pipelines.accounts import visits
from pipelines.accounts.visits import Visitor
from pipelines.console import showing
from pipelines.console.forms import access, log_refused
from pipelines.console.problems import problem, problem_answer
from pipelines.console.rights import READING, address_of, largest_of, right_of
from pipelines.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

COOKIE: Final = "clearway-session"
SIGN_IN: Final = "/sign-in"
OPEN: Final = frozenset({SIGN_IN, "/sign-in/link"})  # and whatever lies under /static/


def put_behind_gate(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Judge every question to `app`, below the middleware that it has."""
    record = open_catalog(settings.catalog_url, read_only=True)
    app.user_middleware.append(Middleware(
        Gate, site=app, record=record, url=settings.catalog_url, clock=clock,
    ))  # fmt: skip


class Gate:
    """The application behind the question who asks."""

    def __init__(
        self, app: ASGIApp, *, site: FastAPI, record: "Engine", url: str,
        clock: Callable[[], datetime],
    ) -> None:  # fmt: skip
        self._app, self._site, self._clock = app, site, clock
        self._record, self._url = record, url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        refused = await run_in_threadpool(self._judged, scope)
        await (refused or self._app)(scope, receive, send)

    def _judged(self, scope: Scope) -> Response | None:
        """What is answered in place of the route; None lets the question through."""
        request = Request(scope)
        path, method = scope["path"], scope["method"]
        address = address_of(self._site.router.routes, scope)
        most = largest_of(method, address)
        if not _fits(request.headers, most):
            return _told(request, 413, _large(most))
        if path in OPEN or path.startswith("/static/"):
            return None if method in READING or is_own(request) else _told(request, 403, _STRANGE)
        try:
            visitor = self._visitor(request)
            if visitor is None:
                return _who(request)
            scope.setdefault("state", {})["visitor"] = visitor
            return self._refused(visitor, request, address)
        except CatalogUnreachable as error:  # no handler of the application is around the gate
            return _told(request, 503, (error.code, str(error), error.way_out))

    def _refused(self, visitor: Visitor, request: Request, address: str) -> Response | None:
        is_act, right = right_of(request.method, address)
        if not visitor.may(right):
            self._log(visitor, request, "NOT_ALLOWED")
            return _told(request, 403, (
                "NOT_ALLOWED", f"{visitor.account} may not do this",
                "ask an admin for an account or a token that may",
            ))  # fmt: skip
        if is_act and visitor.form and not is_own(request):
            self._log(visitor, request, "ORIGIN_OTHER")
            return _told(request, 403, _STRANGE)
        return None

    def _visitor(self, request: Request) -> Visitor | None:
        now, bearer = self._clock(), request.headers.get("authorization", "")
        with reading(self._record) as session:
            if bearer:
                secret = bearer.removeprefix("Bearer ").strip()
                return visits.by_token(session, secret, now=now)
            found = visits.by_session(session, request.cookies.get(COOKIE, ""), now=now)
        if found is not None and found.is_unseen:
            with transaction(open_catalog(self._url)) as session:
                stored.touch_visit(session, found.digest, now=now)
        return found

    def _log(self, visitor: Visitor, request: Request, outcome: str) -> None:
        path = request.url.path[:400]
        entry = access(request, visitor.account, request.method, outcome=outcome, subject=path)
        log_refused(self._url, entry, now=self._clock())


def is_own(request: Request) -> bool:
    """Does the question come from a page of ours, or from no browser at all?"""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def way_back(said: str) -> str:
    """The address to go to after the sign-in: one of ours, whatever was asked."""
    is_ours = said.startswith("/") and not said.startswith(("//", "/\\", SIGN_IN))
    return said if is_ours and said.isprintable() and "\\" not in said else "/"


_STRANGE = (
    "ORIGIN_OTHER", "this form did not come from a page of this console",
    "open the page from the console, then send its form",
)  # fmt: skip
_NOBODY = (
    "SIGN_IN_MISSING", "nobody is signed in, and no token that holds was sent",
    "sign in, or send `Authorization: Bearer TOKEN`; `clearway token new` makes one",
)  # fmt: skip


_SAID: Final[dict[int, dict[str, str]]] = {
    401: {"www-authenticate": 'Bearer realm="clearway"'},
    413: {"connection": "close"},  # nobody reads on
}


def _who(request: Request) -> Response:
    """Lead a browser to the sign-in; whatever else asks is told to bring a token."""
    if request.method not in READING or not _wants_page(request):
        return _told(request, 401, _NOBODY)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(way_back(asked), safe='')}", 303)


def _told(request: Request, status: int, words: tuple[str, str, str]) -> Response:
    """Say a refusal, its code and the way out: as a page to a browser, else as a problem."""
    code, detail, way_out = words
    headers = _SAID.get(status, {})
    if not _wants_page(request):
        return problem_answer(problem(status, detail, code=code, way_out=way_out), headers)
    who = request.scope.get("state", {}).get("visitor")
    said = showing.trouble(status, detail, code=code, way_out=way_out, who=who)
    return HTMLResponse(said, status, headers=headers)


def _wants_page(request: Request) -> bool:
    is_program = "authorization" in request.headers or request.url.path.startswith("/api/")
    return not is_program and "text/html" in request.headers.get("accept", "")


def _fits(headers: Headers, most: int) -> bool:
    """Does what is sent along say how long it is, and is that no more than it may be?"""
    said = headers.get("content-length", "0")
    is_said = said.isascii() and said.isdecimal() and "transfer-encoding" not in headers
    return is_said and int(said) <= most


def _large(most: int) -> tuple[str, str, str]:
    words = f"what is sent along may have {most:,} bytes here, and says how many it has"
    return "BODY_TOO_LARGE", words, "send less, and its length"
