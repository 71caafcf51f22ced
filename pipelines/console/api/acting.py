"""Take an act over the interface: with a token, done by a station, its refusal logged.

The gate has judged before whether account and token may. A session acts by the forms of its pages,
which bring a word that no other site knows; here it is refused. Who sent an act stands in the log
beside what was done, or in the access log beside what was not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from pipelines.console.forms import access, log_refused
from pipelines.errors import ConsoleError
from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """What acts are done with: the home, the clock, the lock of heavy work."""

    settings: Settings
    clock: Callable[[], datetime]
    alone: Lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act: in which home, by whom, when."""

    settings: Settings
    alone: Lock
    actor: str
    now: datetime


def acted(request: Request, do: Callable[[Act], BaseModel]) -> Response:
    """Do an act and answer with what came of it.

    Raises:
        ConsoleError: TOKEN_WANTED.
    """
    found, visitor = _acting(request), request.state.visitor
    if visitor.form:
        raise ConsoleError(
            f"{visitor.account} came with a session, expected a token", code="TOKEN_WANTED",
            subject=visitor.account,
            way_out="use the form of the page, or send `Authorization: Bearer TOKEN`",
        )  # fmt: skip
    act = Act(settings=found.settings, alone=found.alone, actor=visitor.account, now=found.clock())
    said = do(act).model_dump_json(ensure_ascii=True)
    return Response(said, media_type="application/json")


def log_refusal(request: Request, code: str) -> None:
    """Write into the access log that an act was refused; of reading nothing is written."""
    visitor = request.scope.get("state", {}).get("visitor")
    if request.method == "POST" and visitor is not None:
        path, found = request.url.path[:400], _acting(request)
        what = path.rpartition("/")[2][:40]
        entry = access(request, visitor.account, what, outcome=code, subject=path)
        log_refused(found.settings.catalog_url, entry, now=found.clock())


def _acting(request: Request) -> Acting:
    found: Acting = request.app.state.acting
    return found
