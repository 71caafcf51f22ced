"""Answer a question with JSON and a tag by which the asker knows later whether it still holds.

The tag of what is read from the catalog alone is made of the state of its log, before anything
else is read: an unchanged answer costs a few looks into one table. The tag of whatever else
counts, files or the hour, is the digest of the answer. A tag holds for one address and as long
as the process that gave it, because rules and code may differ in the next.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import Response

from catalog.pages.state import state
from pipelines.console.alone import held, refuse_led_here
from pipelines.console.headers import SANDBOXED
from pipelines.console.view import View

Look = Callable[[Request, Callable[[View], Any]], Any]
Build = Callable[[View], BaseModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What answers are made with: looks at the record, the lock of heavy work, a secret of tags."""

    look: Look
    alone: Lock
    secret: bytes


def recorded(request: Request, build: Build) -> Response:
    """Answer with what is on record, and today alone; 304 if the asker has it already."""

    def told(view: View) -> Response:
        now = state(view.session)
        tag = None if now is None else _tag(request, f"{now} {view.today}")
        if tag is not None and tag in _known(request):
            return _unchanged(tag)
        made = build(view)
        if tag is not None and "*" in _known(request):  # whatever is there, and now it is
            return _unchanged(tag)
        headers = {} if tag is None else {"etag": tag}
        return _json(request, made, said=_bytes(made), headers=headers)

    answer: Response = _asking(request).look(request, told)
    return answer


def computed(request: Request, build: Build) -> Response:
    """Answer with what files, the hour or the engine have a part in; 304 for the same answer."""
    made: BaseModel = _asking(request).look(request, build)
    said = _bytes(made)
    return _digested(request, said, lambda tag: _json(request, made, said=said, headers=tag))


def alone(request: Request, build: Build) -> Response:
    """Answer what takes the engine or a replay: one at a time, and for no other site."""
    refuse_led_here(request, "ask from a program")
    with held(_asking(request).alone):
        return computed(request, build)


def saved(request: Request, make: Callable[[View], tuple[str, bytes]]) -> Response:
    """Answer with bytes to be saved, never to be shown; 304 if the asker has them already."""
    _, raw = _asking(request).look(request, make)
    headers = {"content-disposition": "attachment", **SANDBOXED}
    return _digested(request, raw, lambda tag: Response(
        raw, media_type="application/octet-stream", headers=headers | tag,
    ))  # fmt: skip


def tagged(request: Request, said: bytes) -> Response:
    """Answer with JSON that is the same for everybody; 304 if the asker has it already."""
    return _digested(
        request, said, lambda tag: Response(said, media_type="application/json", headers=tag)
    )


def _asking(request: Request) -> Asking:
    found: Asking = request.app.state.asking
    return found


def _digested(
    request: Request, said: bytes, answer: Callable[[dict[str, str]], Response]
) -> Response:
    """Tag an answer by its content; 304 if the asker has it already."""
    tag = _tag(request, hashlib.sha256(said).hexdigest())
    if _known(request) & {tag, "*"}:
        return _unchanged(tag)
    return answer({"etag": tag})


def _json(request: Request, made: BaseModel, *, said: bytes, headers: dict[str, str]) -> Response:
    if (after := getattr(made, "next", None)) is not None:
        headers |= {"link": f'<{_following(request, str(after))}>; rel="next"'}
    return Response(said, media_type="application/json", headers=headers)


def _bytes(made: BaseModel) -> bytes:
    """JSON whose every character can be seen: a name cannot turn the direction of a terminal."""
    return made.model_dump_json(ensure_ascii=True).encode()


def _unchanged(tag: str) -> Response:
    return Response(status_code=304, headers={"etag": tag})


def _known(request: Request) -> frozenset[str]:
    """The tags of the answers that the asker has; ours hold no comma."""
    said = request.headers.get("if-none-match", "")
    return frozenset(one.strip().removeprefix("W/") for one in said.split(","))


def _tag(request: Request, state_of: str) -> str:
    said = (request.scope["raw_path"] or b"", request.scope["query_string"], state_of.encode())
    digest = hashlib.blake2b(key=_asking(request).secret, digest_size=16)
    for one in said:
        digest.update(len(one).to_bytes(4, "big") + one)
    return f'"{digest.hexdigest()}"'


def _following(request: Request, after: str) -> str:
    asked = dict(request.query_params) | {"after": after}
    return f"{request.scope['raw_path'].decode('ascii', 'replace')}?{urlencode(asked)}"
