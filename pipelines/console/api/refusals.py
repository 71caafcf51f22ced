"""Every error of the programming interface as a problem: ours, those of HTTP, and our faults."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from catalog.errors import BadCursor, CatalogUnreachable, NotFound
from licensing.errors import ClearwayError
from pipelines.console.api.acting import log_refusal
from pipelines.console.problems import MEDIA_TYPE, Problem, problem, problem_answer
from pipelines.errors import ConsoleError

READ, DONE = "GET, HEAD", "POST"  # what an address answers: it is read, or it takes an act
_AGAIN = "ask again soon"
_STATUS: Final = {
    "QUERY_INVALID": 422, "PAPER_UNKNOWN": 404, "PAPER_MISSING": 404, "PAPER_CHANGED": 409,
    "BODY_INVALID": 422, "EVIDENCE_MISSING": 422, "NOT_CONFIRMED": 422, "BODY_TOO_LARGE": 413,
    "TOKEN_WANTED": 403,
}  # fmt: skip
_WORDS: Final = {
    404: ("there is no such address", "`/api/v1/openapi.json` lists them"),
    405: (
        "the address is read with GET or HEAD, or takes an act with POST",
        "`/api/v1/openapi.json` says which",
    ),
    429: ("", _AGAIN),
}
EXAMPLES: Final = {
    401: problem(401, "nobody is signed in, and no token that holds was sent",
                 code="SIGN_IN_MISSING", way_out="send `Authorization: Bearer TOKEN`"),
    403: problem(403, "jo may not do this", code="NOT_ALLOWED",
                 way_out="ask an admin for an account or a token that may"),
    404: problem(404, "sources hold no 'nobody'", code="UNKNOWN_ID", subject="nobody",
                 way_out="`clearway source list` lists them"),
    409: problem(409, "'b1' begins several ids", code="AMBIGUOUS_ID", subject="b1",
                 way_out="give more of the id"),
    413: problem(413, "a paper of 20,000,000 bytes, expected at most 16,777,216",
                 code="BODY_TOO_LARGE", subject="paper",
                 way_out="attach it with `clearway rights attach --evidence`"),
    422: problem(422, "limit='0' in the address: expected a number from 1", code="QUERY_INVALID",
                 subject="limit", way_out="correct the address"),
    429: problem(429, "The console is at work on another such question", way_out=_AGAIN),
    503: problem(503, "catalog postgresql://db/clearway does not answer: timeout",
                 code="CATALOG_UNREACHABLE", subject="postgresql://db/clearway",
                 way_out="check the address, the server and its rights, then try again"),
}  # fmt: skip


def tell_problems(app: FastAPI) -> None:
    """Have an application answer every error with a problem."""
    app.add_exception_handler(ClearwayError, _told)
    app.add_exception_handler(HTTPException, _not_answered)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _broken)  # it is raised again once it is answered


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an address may refuse, for the description of the interface, each with an example."""
    found: dict[int | str, dict[str, Any]] = {
        status: _described(EXAMPLES[status].title, EXAMPLES[status])
        for status in sorted({*statuses, 401, 403, 422, 503})
    }
    unlike = problem(405, _WORDS[405][0], way_out=_WORDS[405][1])
    return {**found, "default": _described("Whatever else goes wrong", unlike)}


def _described(words: str, example: Problem) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    content = {"schema": schema, "example": example.model_dump()}
    return {"description": words, "content": {MEDIA_TYPE: content}}


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClearwayError)
    return await _refused(request, _as_problem(error))


async def _refused(request: Request, said: Problem) -> Response:
    """Answer with a problem, once it is logged: where no log can be written, that is told."""
    try:
        await run_in_threadpool(log_refusal, request, said.code)
    except CatalogUnreachable as error:
        said = _as_problem(error)
    return problem_answer(said)


def _as_problem(error: ClearwayError) -> Problem:
    return problem(_status(error), str(error), code=error.code, subject=error.subject,
                   way_out=error.way_out)  # fmt: skip


def _status(error: ClearwayError) -> int:
    if isinstance(error, NotFound):
        return 409 if error.code == "AMBIGUOUS_ID" else 404
    if isinstance(error, CatalogUnreachable):
        return 503
    if isinstance(error, BadCursor):
        return 422
    return _STATUS.get(error.code, 409) if isinstance(error, ConsoleError) else 409


async def _not_answered(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail, way_out = _WORDS.get(error.status_code, ("", ""))
    headers = {name.lower(): said for name, said in (error.headers or {}).items()}
    if error.status_code == 405:
        headers["allow"] = DONE if DONE in headers.get("allow", "") else READ
    told = problem(error.status_code, detail or error.detail, way_out=way_out)
    if error.status_code in {404, 405}:  # there nothing takes an act
        return problem_answer(told, headers)
    answer = await _refused(request, told)
    answer.headers.update(headers)
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name, where = _name(first["loc"]), "body" if first["loc"][0] == "body" else "address"
    got = "" if first["type"] == "missing" else f", got {str(first.get('input'))[:60]!r}"
    code = "BODY_INVALID" if where == "body" else "QUERY_INVALID"
    said = problem(
        422, f"{name} in the {where}: {first['msg']}{got}", code=code, subject=name,
        way_out=f"correct the {where}: `/api/v1/openapi.json` describes it",
    )  # fmt: skip
    return await _refused(request, said)


async def _broken(_request: Request, _error: Exception) -> Response:
    return problem_answer(
        problem(500, "the console failed on this question", code="INTERNAL",
                way_out="its log on the terminal says why; ask again, and report it if it stays")
    )  # fmt: skip


def _name(place: Sequence[int | str]) -> str:
    if place[0] == "body":
        return ".".join(map(str, place[1:])) or "body"
    return str(place[1] if len(place) > 1 else place[0])
