"""What reaches what: lineage, one file, what a checkpoint saw, what if; and papers to save."""

from typing import Annotated, Final, Literal

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog import runs as trained
from catalog.coverage import cover_of
from catalog.files import held_with
from catalog.reach import blast_radius
from pipelines.audit.tracing import trace_of
from pipelines.console.api.answering import alone, recorded, saved
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Count, Day, Said, Shape
from pipelines.console.evidence import paper
from pipelines.console.models import seen_by_source
from pipelines.console.record import proof
from pipelines.console.sets import document
from pipelines.console.view import View
from pipelines.console.what_if import KINDS
from pipelines.documents.revocation import REASONS
from pipelines.heads import verify
from pipelines.revoke import revoke

ROUTER: Final = about("reach")
_Wanted = Annotated[Said, Query(min_length=1, max_length=400, description="Its id, or its start.")]


class Thing(Shape):
    """One thing in a lineage, or several of a kind that are alike."""

    node: str = Field(description="What edges call it: its kind and what tells it apart.")
    kind: str = Field(description="What it is.", examples=["source"])
    id: str = Field(description="Its id; that of several leads nowhere.")
    label: str = Field(description="What it is called.")
    note: str = Field(description="What has become of it, in words, or empty.")
    state: str = Field(description="revoked, cleared or refused, or empty.")
    count: Count = Field(description="How many it stands for.")


class Edge(Shape):
    """From what something came to what came of it."""

    above: str = Field(description="The node that it came from.")
    below: str = Field(description="The node that came of it.")


class Lineage(Shape):
    """Where something came from, or what came of it."""

    roots: list[str] = Field(description="The nodes that were asked for.")
    nodes: list[Thing] = Field(description="What was reached.")
    edges: list[Edge] = Field(description="What came of what.")


class FileReach(Shape):
    """Whether bytes with a sha256 are on record, and which sets and models may hold them."""

    sha256: str = Field(description="The sha256 that was asked for.")
    sources: list[str] = Field(description="Ids of the sources that hold or held it.")
    training_sets: list[str] = Field(description="Ids of the training sets with clips of it.")
    runs: list[str] = Field(description="Ids of the runs on them.")
    checkpoints: list[str] = Field(description="Ids of the checkpoints that may have seen it.")
    releases: list[str] = Field(description="Ids of the models that were published of them.")


class SeenSource(Shape):
    """What of one source was delivered to a checkpoint."""

    source_id: str = Field(description="Id of the source.")
    windows: Count = Field(description="Windows that were delivered.")
    clips: Count = Field(description="Different clips among them.")
    frames: Count = Field(description="Frames that were delivered.")


class Seen(Shape):
    """What a checkpoint saw, replayed from the sealed record of its run."""

    checkpoint_id: str = Field(description="Id of the checkpoint.")
    sources: list[SeenSource] = Field(description="By source, in their order.")


class Checked(Shape):
    """What reading the whole log again found."""

    size: Count = Field(description="How many entries it has.")
    root: str = Field(description="The root of its tree.")
    broken: list[str] = Field(description="Table and key of each fault; none if it is whole.")


class Reached(Shape):
    """What a revocation would end and reach; nothing was changed."""

    kind: str = Field(description="What kind of thing was named.")
    subject: str = Field(description="Its whole id.")
    reason: str = Field(description="Why.")
    at: Day = Field(description="The first day on which the right would be gone.")
    num_facts: Count = Field(description="How many facts would end or close.")
    sources: list[str] = Field(description="Ids of the sources that it lies in.")
    num_clips: Count = Field(description="How many clips it reaches.")
    training_sets: list[str] = Field(description="Ids of the sets that the gate would refuse.")
    runs: list[str] = Field(description="Ids of the runs on them.")
    checkpoints: list[str] = Field(description="Ids of the checkpoints that saw it.")
    last_clean_checkpoint: str | None = Field(description="The last one that saw nothing of it.")
    releases: list[str] = Field(description="Ids of the published models that saw it.")


@get(ROUTER, "/lineage", Lineage, refuses=(404, 409))
def lineage(
    request: Request,
    id: _Wanted,  # noqa: A002 - what the address calls it, as that of the page does
    *,
    way: Annotated[Literal["up", "down"], Query(description="Where from, or what of it.")] = "up",
) -> Response:
    """Trace an id up, to what it came from, or down, to what came of it."""

    def build(view: View) -> Lineage:
        trace = trace_of(view.session, id, downward=way == "down")
        names = {key: " ".join(key) for key in trace.nodes}
        nodes = [
            Thing(node=names[key], kind=one.kind, id=one.node_id, label=one.label, note=one.note,
                  state=one.state, count=one.count)
            for key, one in sorted(trace.nodes.items())
        ]  # fmt: skip
        edges = [Edge(above=names[one], below=names[other]) for one, other in sorted(trace.edges)]
        return Lineage(roots=[names[one] for one in trace.roots], nodes=nodes, edges=edges)

    return recorded(request, build)


@get(ROUTER, "/files/{sha256}", FileReach, refuses=(404,))
def file(request: Request, sha256: str) -> Response:
    """Say where a file lies and what may have seen it; nothing is listed for one not on record."""

    def build(view: View) -> FileReach:
        digest = sha256.lower()
        entries = held_with(view.session, [digest])
        if not entries:
            return FileReach(sha256=digest, sources=[], training_sets=[], runs=[], checkpoints=[],
                             releases=[])  # fmt: skip
        cover = cover_of(view.session, "file", digest, at=view.today)
        radius = blast_radius(view.session, cover.pieces)
        return FileReach(
            sha256=digest, sources=sorted({one.source_id for one in entries}),
            training_sets=list(radius.training_sets), runs=list(radius.runs),
            checkpoints=list(radius.checkpoints),
            releases=[one.release_id for one in radius.releases],
        )  # fmt: skip

    return recorded(request, build)


@get(ROUTER, "/checkpoints/{checkpoint}/seen", Seen, refuses=(404, 409, 429))
def seen(request: Request, checkpoint: str) -> Response:
    """Replay what a checkpoint saw, source by source; one such question at a time."""

    def build(view: View) -> Seen:
        found = trained.checkpoint(view.session, checkpoint).checkpoint_id
        return Seen(checkpoint_id=found, sources=[
            SeenSource(source_id=source, windows=windows, clips=clips, frames=frames)
            for source, windows, clips, frames in seen_by_source(view, found)
        ])  # fmt: skip

    return alone(request, build)


@get(ROUTER, "/verify", Checked, refuses=(429,))
def check(request: Request) -> Response:
    """Read the whole log again, every row that it vouches for and every head that was signed."""

    def build(view: View) -> Checked:
        done = verify(view.settings)
        return Checked(size=done.size, root=done.root, broken=list(done.broken))

    return alone(request, build)


@get(ROUTER, "/what-if", Reached, refuses=(404, 409, 429))
def what_if(
    request: Request,
    what: _Wanted,
    *,
    of: Annotated[Literal[KINDS], Query(description="What kind of thing.")] = "source",  # type: ignore[valid-type]
    reason: Annotated[Literal[tuple(REASONS)], Query(description="Why.")] = "ended",  # type: ignore[valid-type]
    at: Annotated[Day | None, Query(description="From which day on; else from today.")] = None,
) -> Response:
    """Say what a revocation would end and reach, without making it."""

    def build(view: View) -> Reached:
        done = revoke(
            what, view.settings, reason=reason, at=at or view.today, now=view.now,
            run_id="what-if", of=of, dry_run=True,
        )  # fmt: skip
        return Reached(
            kind=done.kind, subject=done.subject, reason=done.reason, at=done.at,
            num_facts=done.facts + done.bars, sources=list(done.sources),
            num_clips=len(done.clips), training_sets=list(done.training_sets),
            runs=list(done.runs),
            checkpoints=[one.checkpoint_id for one in done.checkpoints if not one.is_clean],
            last_clean_checkpoint=done.last_clean_checkpoint,
            releases=[one.release_id for one in done.releases],
        )  # fmt: skip

    return alone(request, build)


@get(ROUTER, "/evidence/{fact}/{sha256}", None, refuses=(404, 409))
def evidence(request: Request, fact: str, sha256: str) -> Response:  # noqa: ARG001 - read by `paper`
    """Give a paper behind a fact, as it was kept; one that was exchanged is refused."""
    return saved(request, paper)


@get(ROUTER, "/sets/{set}/documents/{name}", None, refuses=(404, 409))
def set_document(request: Request, set: str, name: str) -> Response:  # noqa: A002, ARG001 - read by `document`
    """Give a document of a training set, as its manifest lists it."""
    return saved(request, document)


@get(ROUTER, "/log/{entry}/proof", None, refuses=(404, 409))
def entry_proof(request: Request, entry: str) -> Response:  # noqa: ARG001 - read by `proof`
    """Give the proof of an entry under the newest signed head, for a public key alone to check."""
    return saved(request, proof)
