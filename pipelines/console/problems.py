"""An error as a program reads it: a problem of RFC 9457, with our code, its subject, the way out.

In: a status and the words of one of our errors. Out: `application/problem+json`.
"""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong. `code` tells problems apart, `way_out` says what to do about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(default="about:blank", description="As RFC 9457 has it; `code` says more.")
    title: str = Field(description="The words of the status.", examples=["Not Found"])
    status: int = Field(description="The status of the answer.", examples=[404], ge=400, le=599)
    detail: str = Field(description="What, where, got, expected.")
    code: str = Field(description="What kind of problem it is.", examples=["UNKNOWN_ID"])
    subject: str = Field(default="", description="What it is about: an id, or a parameter.")
    way_out: str = Field(default="", description="What to do about it.")


def problem(
    status: int, detail: str, *, code: str = "", subject: str = "", way_out: str = ""
) -> Problem:
    """Say a problem; without a code, that of its status."""
    phrase = HTTPStatus(status).phrase
    return Problem(
        title=phrase, status=status, detail=detail, subject=subject, way_out=way_out,
        code=code or phrase.upper().replace(" ", "_").replace("-", "_"),
    )  # fmt: skip


def problem_answer(said: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a problem; whatever is no ASCII in it is escaped."""
    return Response(
        said.model_dump_json(ensure_ascii=True), said.status, headers=headers,
        media_type=MEDIA_TYPE,
    )  # fmt: skip
