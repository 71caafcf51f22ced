"""The act of revoking, when what is revoked is typed again.

The station that `clearway revoke` calls does it; who asked stands in the log beside it.
"""

from collections.abc import Callable
from datetime import date, datetime
from threading import Lock
from typing import Final

from fastapi import FastAPI

from pipelines.console.acting import Asked, add_act, check_typed, day_of, word_of
from pipelines.console.alone import held
from pipelines.console.blocks import Field, Form, Link, Page, Words
from pipelines.console.view import View
from pipelines.documents.revocation import REASONS, Revoked
from pipelines.revoke import revoke
from pipelines.settings import Settings

ADDRESS: Final = "/revoke"


def add_revoking(
    app: FastAPI, settings: Settings, *, clock: Callable[[], datetime], alone: Lock
) -> None:
    """Give the application the address that revokes; `alone` is held by heavy work."""

    def do(asked: Asked) -> Page:
        check_typed(asked, asked.sent.fields.get("what", ""), "nothing was revoked")
        done = _revoked(asked, alone)
        return Page(
            title="Revoked", trail=(Link(text="Log", href="/log"),),
            lead=f"{done.kind} {done.subject}, by {asked.visitor.account}",
            blocks=(Words(title="What it ended", paragraphs=tuple(done.summary().splitlines())),),
        )  # fmt: skip

    add_act(app, ADDRESS, "revoke", do=do, settings=settings, clock=clock)


def revoke_forms(
    view: View, *, of: str, what: str, reason: str = "ended", at: date | None = None
) -> tuple[Form, ...]:
    """The form that revokes, for who may and is signed in; none for anybody else."""
    word = word_of(view, "revoke")
    if not word:
        return ()
    return (
        Form(
            title=f"Revoke this {of}", action=ADDRESS, button="Revoke for good", word=word,
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


def _revoked(asked: Asked, alone: Lock) -> Revoked:
    now = asked.now
    with held(alone):
        return revoke(
            asked.sent.fields["what"], asked.settings, reason=asked.text("reason"),
            at=day_of(asked, "at"), now=now, run_id=f"console-{now:%Y%m%dT%H%M%S%f}",
            of=asked.text("of"), actor=asked.visitor.account,
        )  # fmt: skip
