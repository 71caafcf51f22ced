"""What a form of ours sends, and what the access log says of whoever sent it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from urllib.parse import parse_qs

from starlette.requests import Request

from catalog.accounts import Access, log_access
from catalog.engine import open_catalog, transaction
from pipelines.accounts.visits import Visitor
from pipelines.errors import ConsoleError

LARGEST = 64 * 1024  # bytes of a body


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form as it was filled in."""

    fields: Mapping[str, str]


async def filled(request: Request) -> Filled:
    """The form that a page of ours sends."""
    return Filled(fields=await form_of(request))


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; what is larger than a form may be is none."""
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST:
            return {}
    fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[-1] for name, values in fields.items()}


def check_word(form: Mapping[str, str], visitor: Visitor) -> None:
    """Refuse a form without the word of its session; a token has none, and needs none.

    Raises:
        ConsoleError: FORM_STALE.
    """
    if not compare_digest(form.get("form", "").encode(), visitor.form.encode()):
        raise ConsoleError(
            "this form is not of this session", code="FORM_STALE", subject=visitor.account,
            way_out="load the page again, then send it",
        )  # fmt: skip


def access(request: Request, account: str, what: str, *, outcome: str, subject: str) -> Access:
    """What the access log says of a question: who asked for what, from where, what came of it."""
    origin = request.client.host if request.client else ""
    return Access(account=account, what=what, outcome=outcome, subject=subject, origin=origin)


def log_refused(url: str, entry: Access, *, now: datetime) -> None:
    """Write an entry that stands alone, because nothing else was done."""
    with transaction(open_catalog(url)) as session:
        log_access(session, entry, now=now)
