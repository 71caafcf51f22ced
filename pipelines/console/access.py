"""The access log: who signed in from where, what was refused to whom, for those who watch."""

from catalog.pages.access import KINDS, access_page
from catalog.pages.paging import Window
from pipelines.console.blocks import Column, Field, Form, Link, Page, Row, Table
from pipelines.console.view import View

ADDRESS = "/access"


def access_list(view: View) -> Page:
    """Build the access log, newest first."""
    words, kind = view.text("q"), view.choice("kind", KINDS)

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = access_page(view.session, window, words=words, kind=kind)
        rows: list[Row] = [
            {
                "at": f"{at:%Y-%m-%d %H:%M:%S} UTC", "account": one.account, "what": one.what,
                "outcome": one.outcome, "subject": one.subject, "origin": one.origin,
            }
            for at, one in found
        ]  # fmt: skip
        return rows, after

    columns = (
        Column(name="at", title="When"), Column(name="account", title="Account"),
        Column(name="what", title="What"), Column(name="outcome", title="Outcome", kind="code"),
        Column(name="subject", title="Address"), Column(name="origin", title="From", kind="code"),
    )  # fmt: skip
    ask = Form(
        title="", action=ADDRESS, button="Search",
        fields=(
            Field(name="q", label="Words in account or address", value=words),
            Field(name="kind", label="Entries", value=kind,
                  choices=tuple((one, one or "all") for one in KINDS)),
        ),
    )  # fmt: skip
    return Page(
        title="Access log", trail=(Link(text="Log", href="/log"),), blocks=(ask, Table(
            name="access", title="Sign-ins, and what was refused", columns=columns, read=read,
            empty="No entry is so.", note="The newest 10,000 entries. What was done is in the log.",
        )),
    )  # fmt: skip
