"""Training sets and what was made of them: runs, checkpoints, releases; and the log."""

from typing import Annotated, Final, Literal

from fastapi import Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog import releases as published
from catalog import runs as trained
from catalog import training_sets
from catalog.pages.log import KINDS, Leaf, document_of, leaf, leaves_page
from catalog.pages.nouns import checkpoints_page, runs_page, sets_page
from catalog.pages.shards import shards_page
from pipelines.console.api.answering import recorded
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import (
    Count,
    Day,
    Doc,
    Instant,
    Listed,
    Page,
    Said,
    Shape,
    Words,
    listed,
    made,
)
from pipelines.console.view import View

ROUTER: Final = about("training")
_Id = Annotated[str, Field(description="Its id.")]
_SetId = Annotated[str, Field(description="Id of the training set.")]
_RunId = Annotated[str, Field(description="Id of the run.")]
_Of = Annotated[Said, Query(max_length=400, description="Of this one alone, by its whole id.")]


class SetLine(Shape):
    """One version of a training set."""

    set_id: _Id
    request_name: str = Field(description="Name of the request that it was exported under.")
    num_clips: Count = Field(description="How many clips it holds.")
    num_frames: Count = Field(description="How many frames it holds.")
    made_at: Instant = Field(description="When it was made.")
    not_after: Day = Field(description="The first end of a right in it.")
    manifest_digest: str = Field(description="sha256 of its manifest.")
    predecessor: str | None = Field(description="Digest of the manifest that it replaces.")
    sources: list[str] = Field(description="Ids of the sources in it.")
    decisions: list[str] = Field(description="Ids of the decisions that it rests on.")


class Cleared(Shape):
    """A signed clearance."""

    statement_digest: str = Field(description="sha256 of the signed statement.")
    not_before: Instant = Field(description="From when it holds.")
    not_after: Instant = Field(description="When it ends.")


class SetFull(SetLine):
    """A training set with its clearances."""

    clearances: list[Cleared] = Field(description="Its signed clearances, oldest first.")


class ShardShown(Shape):
    """A shard: clips of one source."""

    shard: Count = Field(description="Its number.")
    source_id: str = Field(description="Id of the source.")
    num_clips: Count = Field(description="How many clips it holds.")


class RunShown(Shape):
    """A training run."""

    run_id: _Id
    set_id: _SetId
    manifest_digest: str = Field(description="sha256 of the manifest that it was trained on.")
    status: str = Field(description="How it stands.", examples=["done"])
    seed: str = Field(description="The seed of its order, as text: it may be a large number.")
    config: Doc = Field(description="Its configuration.")


class CheckpointShown(Shape):
    """A sealed state of a model."""

    checkpoint_id: _Id
    run_id: _RunId
    step: Count = Field(description="The step at which it was sealed.")
    digest: str = Field(description="sha256 of its state.")
    metrics: Doc = Field(description="What was measured.")


class ReleaseShown(Shape):
    """A published model."""

    release_id: _Id
    checkpoint_id: str = Field(description="Id of the checkpoint.")
    run_id: _RunId
    release: str = Field(description="How it is given away.", examples=["api"])
    out_licence: str = Field(description="The licence that it is given under.")
    published: Day | None = Field(description="The day; null where nobody said it.")
    uris: list[str] = Field(description="Where it is.")


class ReleasesShown(Shape):
    """All releases on record."""

    items: list[ReleaseShown] = Field(description="The releases.")


class Entry(Shape):
    """One entry of the log."""

    index: Count = Field(description="Its place in the log.")
    kind: str = Field(description="What kind of record it is.")
    key: str = Field(description="What it is about.")
    digest: str = Field(description="sha256 of its document.")
    leaf_hash: str = Field(description="Hash of the leaf, RFC 9162.")
    recorded_at: Instant = Field(description="When it was recorded.")


class EntryFull(Entry):
    """An entry with its document."""

    document: Doc | None = Field(description="As it was recorded; null for a paper or small rows.")


@get(ROUTER, "/sets", Listed[SetLine])
def sets(request: Request, page: Page, *, q: Words = "") -> Response:
    """List the versions of training sets, the newest first."""

    def build(view: View) -> Listed[SetLine]:
        rows, after = sets_page(view.session, page, words=q)
        return listed(Listed[SetLine], [made(SetLine, one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/sets/{name}", SetFull, refuses=(404, 409))
def one_set(request: Request, name: str) -> Response:
    """Show one version of a training set, or the last one of a name."""

    def build(view: View) -> SetFull:
        found = training_sets.training_set(view.session, name)
        signed = training_sets.clearances_of(view.session, found.set_id)
        return made(SetFull, found, clearances=[made(Cleared, one) for one in signed])

    return recorded(request, build)


@get(ROUTER, "/sets/{name}/shards", Listed[ShardShown], refuses=(404, 409))
def shards(request: Request, name: str, page: Page) -> Response:
    """List the shards of a training set in order."""

    def build(view: View) -> Listed[ShardShown]:
        found = training_sets.training_set(view.session, name)
        rows, after = shards_page(view.session, page, set_id=found.set_id)
        return listed(Listed[ShardShown], [made(ShardShown, one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/runs", Listed[RunShown])
def runs(request: Request, page: Page, *, of: Annotated[_Of, Query(alias="set")] = "") -> Response:
    """List the training runs, the newest first."""

    def build(view: View) -> Listed[RunShown]:
        rows, after = runs_page(view.session, page, set_id=of)
        return listed(Listed[RunShown], [_run(one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/runs/{run}", RunShown, refuses=(404, 409))
def one_run(request: Request, run: str) -> Response:
    """Show one training run."""
    return recorded(request, lambda view: _run(trained.run(view.session, run)))


@get(ROUTER, "/checkpoints", Listed[CheckpointShown])
def checkpoints(request: Request, page: Page, *, run: _Of = "") -> Response:
    """List the checkpoints, the newest first."""

    def build(view: View) -> Listed[CheckpointShown]:
        rows, after = checkpoints_page(view.session, page, run_id=run)
        return listed(Listed[CheckpointShown], [made(CheckpointShown, one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/checkpoints/{checkpoint}", CheckpointShown, refuses=(404, 409))
def one_checkpoint(request: Request, checkpoint: str) -> Response:
    """Show one checkpoint."""
    return recorded(
        request, lambda view: made(CheckpointShown, trained.checkpoint(view.session, checkpoint))
    )


@get(ROUTER, "/releases", ReleasesShown)
def releases(request: Request) -> Response:
    """List the published models."""

    def build(view: View) -> ReleasesShown:
        rows = published.releases(view.session)
        return ReleasesShown(items=[made(ReleaseShown, one) for one in rows])

    return recorded(request, build)


@get(ROUTER, "/log", Listed[Entry])
def log(
    request: Request,
    page: Page,
    *,
    q: Words = "",
    kind: Annotated[
        Literal[KINDS] | None,  # type: ignore[valid-type]
        Query(description="Of this kind alone."),
    ] = None,
) -> Response:
    """List the entries of the log, the newest first: those with the words in their key."""

    def build(view: View) -> Listed[Entry]:
        rows, after = leaves_page(view.session, page, words=q, kind=kind or "")
        return listed(Listed[Entry], [made(Entry, one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/log/{entry}", EntryFull, refuses=(404,))
def one_entry(
    request: Request, entry: Annotated[int, Path(ge=0, le=2**62, description="Its place.")]
) -> Response:
    """Show one entry of the log with its document."""

    def build(view: View) -> EntryFull:
        found: Leaf = leaf(view.session, entry)
        doc = document_of(view.session, found)
        return made(EntryFull, found, document=None if doc is None else dict(doc))

    return recorded(request, build)


def _run(one: trained.RunRow) -> RunShown:
    return made(RunShown, one, seed=str(one.seed))
