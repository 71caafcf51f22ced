"""What a form of ours sends: its fields, and the word that only pages of its session know."""

from collections.abc import Mapping
from hmac import compare_digest
from urllib.parse import parse_qs

from starlette.requests import Request

from pipelines.accounts.visits import Visitor
from pipelines.console.gate import LARGEST


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; what is larger than a form may be is none."""
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST:
            return {}
    fields = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    return {name: values[-1] for name, values in fields.items()}


def is_of_session(form: Mapping[str, str], visitor: Visitor) -> bool:
    """Does the form bring the word of this session? A token has none, and needs none."""
    return compare_digest(form.get("form", "").encode(), visitor.form.encode())
