"""Who may ask what: every question is judged here before any route sees it, known or not.

Without a session or a token nothing is answered but the sign-in and the files that draw it. An
address that no table names may be read by whoever may look, and takes no act from anybody.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from catalog import accounts as stored
from catalog.accounts import Access
from catalog.engine import open_catalog, reading, transaction
from pipelines.accounts import visits
from pipelines.accounts.visits import Visitor
from pipelines.settings import Settings

COOKIE: Final = "clearway-session"
SIGN_IN: Final = "/sign-in"
OPEN: Final = frozenset({SIGN_IN, "/sign-in/link"})  # and whatever lies under /static/
READING: Final = frozenset({"GET", "HEAD"})
LARGEST: Final = 64 * 1024  # bytes of a body
# What reading takes more than the right to look: by the address as its route writes it.
TAKES: Final[Mapping[str, str]] = {
    "/evidence/{fact}/{sha256}": "papers",
    "/evidence/{fact}/{sha256}/bytes": "papers",
    "/sets/{set}/documents/{name}": "papers",
    "/what-if": "compute",
    "/requests/{request}/worklist": "compute",
    "/checkpoints/{checkpoint}/seen": "compute",
    "/log/verify": "compute",
}
# What an act takes: by its method and the address as its route writes it. None else is taken.
ACTS: Final[Mapping[tuple[str, str], str]] = {("POST", "/sign-out"): "look"}


def put_behind_gate(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Judge every question to `app`, below the middleware that it has."""
    app.user_middleware.append(Middleware(Gate, site=app, settings=settings, clock=clock))


class Gate:
    """The application behind the question who asks."""

    def __init__(
        self, app: ASGIApp, *, site: FastAPI, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._app, self._site, self._clock = app, site, clock
        self._url = settings.catalog_url

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
        if _too_large(request.headers):
            return _problem(413, "BODY_TOO_LARGE", f"a body may have {LARGEST:,} bytes")
        if path in OPEN or path.startswith("/static/"):
            return None if method in READING or is_own(request) else _strange()
        visitor = self._visitor(request)
        if visitor is None:
            return _who(request)
        scope.setdefault("state", {})["visitor"] = visitor
        return self._refused(visitor, request)

    def _refused(self, visitor: Visitor, request: Request) -> Response | None:
        is_act, right = self._right(request.scope)
        if not visitor.may(right):
            self._log(visitor, request, "NOT_ALLOWED")
            return _problem(403, "NOT_ALLOWED", f"{visitor.role} may not do this")
        if is_act and visitor.form and not is_own(request):
            self._log(visitor, request, "ORIGIN_OTHER")
            return _strange()
        return None

    def _visitor(self, request: Request) -> Visitor | None:
        now, bearer = self._clock(), request.headers.get("authorization", "")
        with reading(open_catalog(self._url, read_only=True)) as session:
            if bearer:
                secret = bearer.removeprefix("Bearer ").strip()
                return visits.by_token(session, secret, now=now)
            found = visits.by_session(session, request.cookies.get(COOKIE, ""), now=now)
        if found is not None and found.is_unseen:
            with transaction(open_catalog(self._url)) as session:
                stored.touch_visit(session, found.digest, now=now)
        return found

    def _right(self, scope: Scope) -> tuple[bool, str]:
        """Is it an act, and which right does it take; "" is nobody's."""
        for route in self._site.router.routes:
            match, _ = route.matches(dict(scope))
            if match is Match.FULL:
                where = getattr(route, "path", "")
                if scope["method"] in READING:
                    return False, TAKES.get(where, "look")
                return True, ACTS.get((scope["method"], where), "")
        return scope["method"] not in READING, "look"  # the router says 404 or 405

    def _log(self, visitor: Visitor, request: Request, outcome: str) -> None:
        entry = Access(
            account=visitor.account, what=request.method, outcome=outcome,
            subject=request.url.path[:400], origin=request.client.host if request.client else "",
        )  # fmt: skip
        with transaction(open_catalog(self._url)) as session:
            stored.log_access(session, entry, now=self._clock())


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


def _who(request: Request) -> Response:
    wants_page = "text/html" in request.headers.get("accept", "")
    if request.method not in READING or not wants_page or "authorization" in request.headers:
        return _problem(401, "SIGN_IN_MISSING", "sign in, or send a token",
                        headers={"www-authenticate": 'Bearer realm="clearway"'})  # fmt: skip
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{SIGN_IN}?next={quote(way_back(asked), safe='')}", 303)


def _strange() -> Response:
    return _problem(403, "ORIGIN_OTHER", "this form did not come from a page of this console")


def _too_large(headers: Headers) -> bool:
    said = headers.get("content-length", "0")
    return not said.isdecimal() or int(said) > LARGEST


def _problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    doc = {"type": "about:blank", "status": status, "title": detail, "code": code}
    return JSONResponse(
        doc, status, headers=dict(headers or {}), media_type="application/problem+json"
    )
