"""Refuse what is sent along with a question: the interface reads nothing but addresses."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipelines.console.problems import problem, problem_answer

MOST_BYTES = 4_096  # that a client may send along and nobody reads


class Bodiless:
    """The application behind the refusal of bodies that are long, or do not say how long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        headers = Headers(scope=scope)
        said = headers.get("content-length", "0")
        length = int(said) if said.isascii() and said.isdecimal() else MOST_BYTES + 1
        if length <= MOST_BYTES and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        refused = problem(
            413, f"a body of {said[:20]} bytes, or of a length that is not said: expected none",
            code="BODY_TOO_LARGE", way_out="ask by the address alone",
        )  # fmt: skip
        await problem_answer(refused, {"connection": "close"})(scope, receive, send)
