"""The application: addresses, the pages behind them, and what becomes of errors.

Every page is built by one function from one `View`, in one read-only session that sees one state of
the catalog; the same function serves the page, and its tables as CSV and JSON. All of it lies
behind the sign-in. What writes are the sign-in and the acts that forms of the pages ask for.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.staticfiles import StaticFiles

from catalog.engine import open_catalog, reading
from catalog.errors import BadCursor, CatalogUnreachable, NotFound
from licensing.errors import ClearwayError
from pipelines.accounts.visits import Visitor
from pipelines.console import showing
from pipelines.console.access import access_list
from pipelines.console.alone import held, refuse_led_here
from pipelines.console.api.acting import Acting
from pipelines.console.api.app import api
from pipelines.console.approving import add_approving, rule_page, rules_page
from pipelines.console.attaching import add_attaching, attach_page
from pipelines.console.blocks import Page
from pipelines.console.evidence import evidence_page, paper
from pipelines.console.gate import put_behind_gate
from pipelines.console.granting import granted
from pipelines.console.headers import SANDBOXED, Guarded
from pipelines.console.models import checkpoint_page, model_list, run_page, seen_page
from pipelines.console.overview import overview
from pipelines.console.problems import problem, problem_answer
from pipelines.console.record import entry_page, log_list, proof, verify_page
from pipelines.console.requests import request_list, request_page
from pipelines.console.revoking import add_revoking
from pipelines.console.search import file_page, search
from pipelines.console.sets import document, set_list, set_page
from pipelines.console.settling import add_settling, signal_page
from pipelines.console.signing import add_sign_in
from pipelines.console.source import source_page
from pipelines.console.sources import party_list, party_page, quarantine, source_list
from pipelines.console.view import View
from pipelines.console.walk import lineage
from pipelines.console.what_if import what_if
from pipelines.console.why import why
from pipelines.console.worklist import worklist_page
from pipelines.errors import ConsoleError
from pipelines.settings import Settings

Build = Callable[[View], Page]
Answer = Callable[[Request], Response]
Gather = Callable[[Iterator[str]], Iterable[str]]
PAGES: Final[dict[str, Build]] = {
    "/": overview,
    "/sources": source_list,
    "/sources/{source}": source_page,
    "/sources/{source}/attach": attach_page,
    "/sources/{source}/rules": rules_page,
    "/parties": party_list,
    "/parties/{party:path}": party_page,
    "/quarantine": quarantine,
    "/search": search,
    "/files/{sha256}": file_page,
    "/requests": request_list,
    "/requests/{request}": request_page,
    "/sets": set_list,
    "/sets/{set}": set_page,
    "/models": model_list,
    "/runs/{run}": run_page,
    "/checkpoints/{checkpoint}": checkpoint_page,
    "/lineage": lineage,
    "/log": log_list,
    "/log/{entry}": entry_page,
    "/access": access_list,
    "/decisions/{decision}": why,
    "/evidence/{fact}/{sha256}": evidence_page,
    "/signals/{fact}": signal_page,
}
# What takes the engine or a replay over much of the record: one at a time, and asked for from here.
HEAVY: Final[dict[str, Build]] = {
    "/what-if": what_if,
    "/what-if/grant": granted,
    "/sources/{source}/rules/{rule}": rule_page,
    "/requests/{request}/worklist": worklist_page,
    "/checkpoints/{checkpoint}/seen": seen_page,
    "/log/verify": verify_page,
}
FILES: Final[dict[str, Callable[[View], tuple[str, bytes]]]] = {
    "/evidence/{fact}/{sha256}/bytes": paper,
    "/sets/{set}/documents/{name}": document,
    "/log/{entry}/proof": proof,
}
_NOT_FOUND = frozenset({"TABLE_UNKNOWN", "PAPER_UNKNOWN", "PAPER_MISSING"})
_STATUSES = {"FORM_STALE": 403, "BODY_TOO_LARGE": 413}
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def console(settings: Settings, *, clock: Callable[[], datetime] | None = None) -> FastAPI:
    """Make the console of a home.

    Raises:
        CatalogUnreachable: CATALOG_MISSING, CATALOG_UNREACHABLE.
        SchemaMismatch: CATALOG_NEWER, CATALOG_OLDER.
    """
    open_catalog(settings.catalog_url, read_only=True).dispose()  # refused here, not page by page
    app = FastAPI(title="Clearway console", docs_url=None, redoc_url=None, openapi_url=None)
    clock = clock or _now
    app.state.looks = _Looks(settings, clock)
    app.add_middleware(Guarded)
    put_behind_gate(app, settings, clock=clock)
    add_sign_in(app, settings, clock=clock)
    app.add_exception_handler(ClearwayError, _told)
    app.add_exception_handler(HTTPException, _not_answered)
    alone = Lock()
    routes = {
        address: _alone(_answering(build, gather=list), alone) for address, build in HEAVY.items()
    }
    routes |= {address: _answering(build) for address, build in PAGES.items()}
    routes |= {address: _saving(make) for address, make in FILES.items()}
    for address, answer in routes.items():
        app.add_api_route(address, answer, methods=["GET", "HEAD"])
    add_revoking(app, settings, clock=clock, alone=alone)
    add_settling(app, settings, clock=clock)
    add_attaching(app, settings, clock=clock)
    add_approving(app, settings, clock=clock)
    acting = Acting(settings=settings, clock=clock, alone=alone)
    app.mount("/api", api(app.state.looks.through, acting))
    app.mount("/static", StaticFiles(directory=showing.STATIC), name="static")
    return app


class _Looks:
    """Opens looks at the record of one home."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._clock = clock
        self._engine = open_catalog(settings.catalog_url, read_only=True)

    def through(self, request: Request, use: Callable[[View], Any]) -> Any:  # noqa: ANN401
        """Let `use` look at the record as it is now."""
        with self._look(request) as view:
            return use(view)

    def rows_of(self, request: Request, build: Build) -> Iterator[str]:
        """Yield the name of the table that is asked of a page, then its lines, in one look."""
        asked = request.query_params
        write = showing.as_csv if asked["as"] == "csv" else showing.as_json
        with self._look(request) as view:
            table = showing.table_of(build(view), asked.get("table", ""))
            yield table.name
            yield from write(table)

    @contextmanager
    def _look(self, request: Request) -> Iterator[View]:
        with reading(self._engine) as session:
            yield View(
                session=session,
                settings=self._settings,
                now=self._clock(),
                who=_who(request),
                path=request.path_params,
                asked=dict(request.query_params),
            )


def _answering(build: Build, *, gather: Gather = iter) -> Answer:
    """Answer with a page, or with a table of it, whose lines `gather` collects or passes on."""

    def answer(request: Request) -> Response:
        looks: _Looks = request.app.state.looks
        if "as" in request.query_params:
            return _export(request, build, looks, gather=gather)

        def draw(view: View) -> str:
            instant = f"{view.now:%Y-%m-%dT%H:%M:%SZ}"
            at = request.scope["raw_path"].decode("ascii", "replace")  # a quoted / is no border
            who = request.state.visitor
            return showing.html(build(view), at=at, asked=view.asked, instant=instant, who=who)

        return HTMLResponse(looks.through(request, draw))

    return answer


def _export(request: Request, build: Build, looks: _Looks, *, gather: Gather) -> Response:
    kind = request.query_params["as"]
    if kind not in _TYPES:
        raise ConsoleError(
            f"as={kind[:20]!r} in the address: expected csv or json",
            code="QUERY_INVALID", subject="as", way_out="take a table by the links under it",
        )  # fmt: skip

    lines = looks.rows_of(request, build)
    name = next(lines)  # refused before the first byte
    saved = f'attachment; filename="{name}.{kind}"'
    return StreamingResponse(
        gather(lines), media_type=_TYPES[kind], headers={"content-disposition": saved}
    )


def _saving(make: Callable[[View], tuple[str, bytes]]) -> Answer:
    """Give bytes to be saved, never to be shown, whatever they are."""

    def answer(request: Request) -> Response:
        name, raw = request.app.state.looks.through(request, make)
        saved = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_"
                        for one in name)  # fmt: skip
        return Response(
            raw, media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{saved}"', **SANDBOXED},
        )  # fmt: skip

    return answer


def _alone(answer: Answer, lock: Lock) -> Answer:
    """Answer one such question at a time, and none that another site leads a browser to."""

    def one_at_a_time(request: Request) -> Response:
        refuse_led_here(request, "open this page from the console")
        with held(lock):
            return answer(request)

    return one_at_a_time


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClearwayError)
    said = showing.trouble(
        _status(error), str(error), code=error.code, way_out=error.way_out, who=_who(request)
    )
    return HTMLResponse(said, _status(error))


async def _not_answered(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/api/"):  # a line break in a name: no route takes it
        return problem_answer(problem(error.status_code, error.detail, way_out="correct the name"))
    words = {404: "There is no such page", 405: "This address takes no such act"}
    said = showing.trouble(
        error.status_code, words.get(error.status_code, error.detail),
        code="", way_out="begin at the overview" if error.status_code != 429 else "ask again soon",
        who=_who(request),
    )  # fmt: skip
    return HTMLResponse(said, error.status_code, headers=error.headers)


def _who(request: Request) -> Visitor | None:
    """Who asks; nobody where one signs in."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found


def _status(error: ClearwayError) -> int:
    if isinstance(error, NotFound):
        return 300 if error.code == "AMBIGUOUS_ID" else 404
    if isinstance(error, CatalogUnreachable):
        return 503
    if error.code in _STATUSES:
        return _STATUSES[error.code]
    if isinstance(error, ConsoleError):
        return 404 if error.code in _NOT_FOUND else 409 if error.code == "PAPER_CHANGED" else 400
    return 400 if isinstance(error, BadCursor) else 409


def _now() -> datetime:
    return datetime.now(tz=UTC)
