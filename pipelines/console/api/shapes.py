"""What every answer is made of: closed shapes, lists that come in pages, parameters in common."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from catalog.pages.paging import MOST, SHOWN, Window
from pipelines.console.view import LONGEST

Verdict = Literal["permit", "undetermined", "deny", "undecided"]
Count = Annotated[int, Field(ge=0)]
Doc = dict[str, Any]
Instant = Annotated[datetime, Field(examples=["2026-12-01T09:30:00Z"])]
Day = Annotated[date, Field(examples=["2026-12-01"])]
Hours = Annotated[float, Field(ge=0)]


class Shape(BaseModel):
    """A part of an answer: its fields are all there, and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Item = TypeVar("Item")
Made = TypeVar("Made", bound=Shape)


class Listed(Shape, Generic[Item]):
    """A page of a list, in a fixed order; `next` is null on the last."""

    items: list[Item] = Field(description="What the page holds.")
    next: str | None = Field(description="Give it as `after` for the page that follows.")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name a list by what it is of."""
        return f"{params[0].__name__}List"


def listed(kind: type[Listed[Item]], items: Sequence[Item], after: str) -> Listed[Item]:
    """Make a page of a list from its items and the cursor of the next page, "" at the end."""
    return kind(items=list(items), next=after or None)


def made(shape: type[Made], row: object, **other: object) -> Made:
    """A shape of the fields that a row has under the same names, and of those that are given."""
    said = {name: getattr(row, name) for name in shape.model_fields if name not in other}
    return shape.model_validate(
        {name: list(one) if isinstance(one, tuple) else one for name, one in said.items()} | other
    )


Said = Annotated[str, StringConstraints(strip_whitespace=True)]
Words = Annotated[Said, Query(max_length=LONGEST, description="Words to look for, in any case.")]
Under = Annotated[
    Said,
    Query(alias="request", max_length=LONGEST, description="Name of the request; else the first."),
]
_After = Annotated[Said, Query(max_length=2_000, description="`next` of the page before.")]
_Limit = Annotated[int, Query(ge=1, le=MOST, description="The most items of a page.")]


def _window(after: _After = "", limit: _Limit = SHOWN) -> Window:
    return Window(after=after, limit=limit)


Page = Annotated[Window, Depends(_window)]
