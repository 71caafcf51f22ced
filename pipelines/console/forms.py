"""What a form of ours sends, and what the access log says of whoever sent it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from catalog.accounts import Access, log_access
from catalog.engine import open_catalog, transaction
from pipelines.accounts.visits import Visitor
from pipelines.attach.papers import Paper
from pipelines.console.rights import LARGEST
from pipelines.errors import ConsoleError

MOST_FIELDS: Final = 50
LONGEST_NAME: Final = 200  # characters of a file's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form as it was filled in."""

    fields: Mapping[str, str]
    paper: Paper | None = None


async def filled(request: Request) -> Filled:
    """The form that a page of ours sends."""
    return Filled(fields=await form_of(request))


async def with_paper(request: Request) -> Filled:
    """The form that a page of ours sends with a file; one that cannot be read is empty."""
    try:
        async with request.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=LARGEST) as form:
            paper = form.get("paper")
            fields = {name: _bare(said) for name, said in form.items() if isinstance(said, str)}
            if not isinstance(paper, UploadFile):
                return Filled(fields=fields)
            name = file_name(paper.filename or "")
            kept = Paper(name=name, found=name, content=await paper.read())
            return Filled(fields=fields, paper=kept if kept.content else None)
    except HTTPException:
        return Filled(fields={})


def file_name(said: str) -> str:
    """The name of a file that somebody sends: no folder of it, nothing that cannot be seen."""
    last = said.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in last if one.isprintable())[:LONGEST_NAME].strip() or "unnamed"


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; the gate has seen that it is not too large.

    One with more fields than a form of ours has is empty.
    """
    raw = (await request.body()).decode("utf-8", "replace")
    try:
        said = parse_qs(raw, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return {}
    return {name: _bare(values[-1]) for name, values in said.items()}


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


def _bare(said: str) -> str:
    """Without what no database takes."""
    return said.replace("\x00", "")
