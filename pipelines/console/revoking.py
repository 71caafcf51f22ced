"""The one act on the record that the console takes: revoke, when what is revoked is typed again.

The station that `clearway revoke` calls does it; who asked stands in the log beside it.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from threading import Lock
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from licensing.errors import ClearwayError
from pipelines.accounts.visits import Visitor
from pipelines.console import showing
from pipelines.console.alone import held
from pipelines.console.blocks import Field, Form, Link, Page, Words
from pipelines.console.forms import access, check_word, form_of, log_refused
from pipelines.console.view import View
from pipelines.documents.revocation import REASONS, Revoked
from pipelines.errors import ConsoleError
from pipelines.revoke import revoke
from pipelines.settings import Settings

ADDRESS: Final = "/revoke"


def add_revoking(
    app: FastAPI, settings: Settings, *, clock: Callable[[], datetime], alone: Lock
) -> None:
    """Give the application the address that revokes; `alone` is held by heavy work."""

    async def revoked(request: Request) -> Response:
        form = await form_of(request)
        return await run_in_threadpool(_act, request, form, settings, now=clock(), alone=alone)

    app.add_api_route(ADDRESS, revoked, methods=["POST"])


def revoke_forms(
    view: View, *, of: str, what: str, reason: str = "ended", at: date | None = None
) -> tuple[Form, ...]:
    """The form that revokes, for who may and is signed in; none for anybody else."""
    if view.who is None or not view.who.form or not view.who.may("revoke"):
        return ()
    return (
        Form(
            title=f"Revoke this {of}", action=ADDRESS, button="Revoke for good", word=view.who.form,
            fields=(
                Field(name="of", label="", value=of, kind="hidden"),
                Field(name="what", label="", value=what, kind="hidden"),
                Field(name="reason", label="Why it ends", value=reason,
                      choices=tuple(REASONS.items())),
                Field(name="at", label="Ends from the day", value=str(at or view.today),
                      kind="date"),
                Field(name="typed", label=f"To confirm, type {what}",
                      hint="nothing takes a revocation back"),
            ),
        ),
    )  # fmt: skip


def _act(
    request: Request, form: Mapping[str, str], settings: Settings, *, now: datetime, alone: Lock
) -> Response:
    visitor: Visitor = request.state.visitor
    try:
        check_word(form, visitor)
        _check(form)
        done = _revoked(form, settings, actor=visitor.account, now=now, alone=alone)
    except ClearwayError as error:  # each refused act is logged, then told as any error is
        entry = access(request, visitor.account, "revoke", outcome=error.code, subject=ADDRESS)
        log_refused(settings.catalog_url, entry, now=now)
        raise
    page = Page(
        title="Revoked", trail=(Link(text="Log", href="/log"),),
        lead=f"{done.kind} {done.subject}, by {visitor.account}",
        blocks=(Words(title="What it ended", paragraphs=tuple(done.summary().splitlines())),),
    )  # fmt: skip
    return HTMLResponse(showing.html(page, at=ADDRESS, asked={}, instant="", who=visitor))


def _revoked(
    form: Mapping[str, str], settings: Settings, *, actor: str, now: datetime, alone: Lock
) -> Revoked:
    with held(alone):
        return revoke(
            form["what"], settings, reason=form.get("reason", ""), at=_day(form.get("at", "")),
            now=now, run_id=f"console-{now:%Y%m%dT%H%M%S%f}", of=form.get("of", ""), actor=actor,
        )  # fmt: skip


def _check(form: Mapping[str, str]) -> None:
    what = form.get("what", "")
    if not what or form.get("typed", "").strip() != what:
        raise ConsoleError(
            f"typed {form.get('typed', '')[:60]!r}, expected {what[:60]!r}: nothing was revoked",
            code="NOT_CONFIRMED", subject=what[:60], way_out="go back and type exactly what ends",
        )  # fmt: skip


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ConsoleError(
            f"at={said[:20]!r}: expected a day such as 2026-12-31", code="QUERY_INVALID",
            subject="at", way_out="go back and choose a day",
        ) from error  # fmt: skip
