"""What every answer says to the browser, and which questions are not answered at all.

Nothing on a page may come from elsewhere, run inside the markup, or be framed; a page that holds
names is kept in no cache. A question by a name that is not ours is refused: another site may lead
its own name here.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.console.problems import problem, problem_answer

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer, a form of ours has Origin: null
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
SANDBOXED = {"content-security-policy": "default-src 'none'; sandbox"}  # bytes of anybody
LONGEST_ADDRESS = 4_000  # bytes
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})


class Guarded:
    """The application behind what is asked of every question and said with every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one question."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def said(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    found.setdefault(name, value)
            await send(message)

        refused = None if scope["type"] != "http" else _refused(scope)
        if refused is not None:
            await refused(scope, receive, said)
        elif scope["type"] == "http":
            await self._app(scope, receive, said)
        else:  # a websocket: there is none
            await send({"type": "websocket.close", "code": 1008})


_HOST_UNKNOWN = 421, "HOST_UNKNOWN"
_ADDRESS_TOO_LONG = 414, "ADDRESS_TOO_LONG"
_NUL_REFUSED = 400, "NUL_REFUSED"


def _refused(scope: Scope) -> Response | None:
    host = Headers(scope=scope).get("host", "").lower()
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    path, asked = scope["raw_path"] or b"", scope["query_string"]
    if name not in NAMES:
        return _refusal(
            scope, _HOST_UNKNOWN, "This console answers by 127.0.0.1 or localhost only."
        )
    if len(path) + len(asked) > LONGEST_ADDRESS:
        return _refusal(scope, _ADDRESS_TOO_LONG, "The address is too long.")
    if b"%00" in path or b"%00" in asked:  # and no database takes one
        return _refusal(scope, _NUL_REFUSED, "No name holds a NUL.")
    return None


def _refusal(scope: Scope, told: tuple[int, str], words: str) -> Response:
    status, code = told
    if scope["path"].startswith("/api/"):
        return problem_answer(problem(status, words, code=code, way_out="correct the address"))
    return PlainTextResponse(f"{words}\n", status)
