"""The access log: who signed in from where, and what was refused to whom."""

from typing import Annotated, Final, Literal

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog.pages.access import KINDS, access_page
from pipelines.console.api.answering import computed
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Instant, Listed, Page, Shape, Words, listed, made
from pipelines.console.view import View

ROUTER: Final = about("access")


class AccessEntry(Shape):
    """A sign-in, or what was refused."""

    at: Instant = Field(description="When.")
    account: str = Field(description="The account that asked, as it was named.")
    what: str = Field(description="What was asked for.", examples=["sign in", "revoke"])
    outcome: str = Field(description="What came of it, as a code.", examples=["SIGNED_IN"])
    subject: str = Field(description="The address that was asked.")
    origin: str = Field(description="The address that it came from.")


@get(ROUTER, "/access", Listed[AccessEntry])
def access(
    request: Request,
    page: Page,
    *,
    q: Words = "",
    kind: Annotated[Literal[KINDS], Query(description="Of this kind alone.")] = "",  # type: ignore[valid-type]
) -> Response:
    """List the newest 10,000 entries of the access log, the newest first."""

    def build(view: View) -> Listed[AccessEntry]:
        rows, after = access_page(view.session, page, words=q, kind=kind)
        return listed(Listed[AccessEntry], [made(AccessEntry, one, at=at) for at, one in rows],
                      after)  # fmt: skip

    return computed(request, build)
