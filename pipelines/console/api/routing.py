"""Register addresses: each says what it gives, and takes no unknown word.

One answers GET and HEAD, or takes an act by POST, never both.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from pipelines.console.api.refusals import described
from pipelines.errors import ConsoleError

PREFIX: Final = "/v1"
Answer = TypeVar("Answer", bound=Callable[..., Response])
_UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The asker has this answer already: `If-None-Match` names its tag."}
}
_SAVED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes, to be saved.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def about(tag: str) -> APIRouter:
    """Make the router of the addresses about one kind of things."""
    return APIRouter(prefix=PREFIX, tags=[tag])


def get(
    router: APIRouter, path: str, gives: type[BaseModel] | None, *, refuses: tuple[int, ...] = ()
) -> Callable[[Answer], Answer]:
    """Have a function answer an address: with JSON of a shape, or with bytes if there is none."""
    saved = _SAVED if gives is None else {}
    responses = described(*refuses) | _UNCHANGED | saved

    def register(answer: Answer) -> Answer:
        router.add_api_route(
            path, answer, methods=["GET"], response_model=gives, responses=responses,
            response_class=Response, operation_id=answer.__name__,
        )  # fmt: skip
        router.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
        return answer

    return register


def post(
    router: APIRouter, path: str, gives: type[BaseModel], *, refuses: tuple[int, ...]
) -> Callable[[Answer], Answer]:
    """Have a function take an act: JSON of a shape in, JSON of a shape out; a token alone may."""

    def register(answer: Answer) -> Answer:
        router.add_api_route(
            path, answer, methods=["POST"], response_model=gives, responses=described(*refuses),
            response_class=Response, operation_id=answer.__name__,
            openapi_extra={"security": [{"token": []}]},
        )  # fmt: skip
        return answer

    return register


def refuse_unknown(request: Request) -> None:
    """Refuse words in an address that it does not take: a misspelt filter would filter nothing.

    Raises:
        ConsoleError: QUERY_INVALID.
    """
    method = "post" if request.method == "POST" else "get"
    where = request.app.state.document["paths"][request.scope["route"].path_format][method]
    known = [one["name"] for one in where.get("parameters", ()) if one["in"] == "query"]
    asked = [name for name, _ in request.query_params.multi_items()]
    for name in asked:
        if name not in known or asked.count(name) > 1:
            raise ConsoleError(
                f"{name[:60]!r} in the address: expected each of {', '.join(known) or 'nothing'} "
                "at most once",
                code="QUERY_INVALID", subject=name[:60],
                way_out="correct the address: `/api/v1/openapi.json` describes it",
            )  # fmt: skip
