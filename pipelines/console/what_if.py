"""What if this is revoked: what would end, what it reaches, what it turns. Nothing is changed.

The station that revokes says it itself, as in `clearway revoke --dry-run`; the verdicts are decided
again as if the ends had come.
"""

from collections.abc import Iterator, Sequence

from catalog import requests
from catalog.coverage import cover_of
from licensing.request import Request, read_request
from pipelines.audit.what_if import Loss, turns
from pipelines.console.blocks import (
    Block,
    Column,
    Field,
    Figure,
    Figures,
    Form,
    Link,
    Page,
    Read,
    Row,
    Table,
    Terms,
    Words,
    fixed,
    listed,
    path,
)
from pipelines.console.granting import grant_form, worklists
from pipelines.console.overview import source_link
from pipelines.console.revoking import revoke_forms
from pipelines.console.view import View
from pipelines.documents.revocation import REASONS, Revoked, Seen
from pipelines.revoke import revoke

KINDS = ("source", "party", "instrument", "file")
_HINT = "an id; of a file SOURCE/PATH or its sha256"


def what_if(view: View) -> Page:
    """Build the question, and its answer if one is asked."""
    kind = view.choice("of", KINDS)
    reason = view.choice("reason", ("ended", *(one for one in REASONS if one != "ended")))
    wanted, at = view.text("what"), view.day("at") or view.today
    ask = Form(
        title="Revoke, without doing it", action="/what-if", button="Show what would change",
        fields=(
            Field(name="of", label="What kind", value=kind,
                  choices=tuple((one, one) for one in KINDS)),
            Field(name="what", label="What", value=wanted, hint=_HINT),
            Field(name="reason", label="Why", value=reason, choices=tuple(REASONS.items())),
            Field(name="at", label="From the day", value=str(at), kind="date"),
        ),
    )  # fmt: skip
    if not wanted:
        return Page(title="What if", blocks=(ask, grant_form(view), worklists(view)))
    done = revoke(
        wanted, view.settings, reason=reason, at=at, now=view.now, run_id="what-if", of=kind,
        dry_run=True,
    )  # fmt: skip
    cover = cover_of(view.session, kind, wanted, at=at)
    return Page(
        title="What if",
        lead=f"{done.kind} {done.subject}, {REASONS[reason]}, from {at} on",
        blocks=(
            ask,
            *_answer(done),
            *revoke_forms(view, of=kind, what=wanted, reason=reason, at=at),
            *_verdicts(view, Loss(cover=cover, reason=reason, at=at, now=view.now)),
        ),
    )


def _answer(done: Revoked) -> Iterator[Block]:
    yield Words(paragraphs=("A what-if: nothing was changed.",), tone="note")
    saw = [one for one in done.checkpoints if not one.is_clean]
    numbers = (
        (done.facts + done.bars, "facts would end or close"), (len(done.sources), "sources"),
        (len(done.clips), "clips"), (len(done.shards), "shards"),
        (len(done.training_sets), "training sets"), (len(done.runs), "runs"),
        (len(saw), "checkpoints saw it"), (len(done.releases), "releases saw it"),
    )  # fmt: skip
    yield Figures(title="What it reaches", figures=tuple(
        Figure(number=f"{number:,}", says=says) for number, says in numbers
    ))  # fmt: skip
    clean = done.last_clean_checkpoint
    yield Terms(rows=(
        ("Last clean checkpoint", "none" if clean is None
         else Link(text=clean[:12], href=path("checkpoints", clean))),
        ("Windows to deliver again", "not known" if done.samples is None
         else f"{done.samples:,}"),
        ("Layers that stay", f"{len(done.kept)}: another ground carries them"),
    ))  # fmt: skip
    yield _checkpoints(done)
    yield _retrain(done)
    yield _sets(done)


def _checkpoints(done: Revoked) -> Table:
    rows: list[Row] = [
        {
            "checkpoint": Link(text=one.checkpoint_id[:12],
                               href=path("checkpoints", one.checkpoint_id)),
            "step": one.step, "saw": _saw(one),
            "rows": one.rows, "frames": one.frames, "windows": one.windows,
        }
        for one in done.checkpoints
    ]  # fmt: skip
    columns = (
        Column(name="checkpoint", title="Checkpoint", kind="code"),
        Column(name="step", title="Step", kind="number"), Column(name="saw", title="Is it clean?"),
        Column(name="rows", title="Rows", kind="number"),
        Column(name="frames", title="Frames", kind="number"),
        Column(name="windows", title="Windows", kind="number"),
    )  # fmt: skip
    return Table(name="checkpoints", title="Checkpoints of the runs that it reaches",
                 columns=columns, read=fixed(rows), empty="It reaches no run.")  # fmt: skip


def _saw(one: Seen) -> str:
    """Whether a checkpoint is clean; the numbers stand beside it."""
    if one.is_clean:
        return "clean"
    return one.dropping() if one.adapter else one.why or "saw it"


def _retrain(done: Revoked) -> Table:
    rows: list[Row] = [
        {
            "run": Link(text=one.run_id[:12], href=path("runs", one.run_id)), "set": one.set_id,
            "start": "the start" if one.from_checkpoint is None
            else Link(text=one.from_checkpoint[:12], href=path("checkpoints", one.from_checkpoint)),
            "steps": one.to_step - one.from_step, "samples": one.samples,
        }
        for one in done.retrain
    ]  # fmt: skip
    columns = (
        Column(name="run", title="Run", kind="code"), Column(name="set", title="Training set"),
        Column(name="start", title="From"), Column(name="steps", title="Steps", kind="number"),
        Column(name="samples", title="Windows", kind="number"),
    )  # fmt: skip
    return Table(name="retrain", title="To train again", columns=columns, read=fixed(rows),
                 empty="Nothing.")  # fmt: skip


def _sets(done: Revoked) -> Table:
    rows: list[Row] = [
        {"set": Link(text=one, href=path("sets", one)),
         "shards": sum(1 for set_id, _ in done.shards if set_id == one)}
        for one in done.training_sets
    ]  # fmt: skip
    columns = (Column(name="set", title="Training set"),
               Column(name="shards", title="Shards", kind="number"))  # fmt: skip
    return Table(name="sets", title="Training sets that the gate would refuse", columns=columns,
                 read=fixed(rows), empty="None.")  # fmt: skip


def _verdicts(view: View, loss: Loss) -> Iterator[Table]:
    columns = (
        Column(name="source", title="Source"),
        Column(name="before", title="Without it", kind="verdict"),
        Column(name="after", title="With it", kind="verdict"),
        Column(name="reasons", title="Reasons", kind="code"),
    )
    for number, asked in enumerate(requests.requests(view.session)):
        yield Table(
            name=f"verdicts-{number}", title=f"Under {asked.name}, on {loss.at}", columns=columns,
            read=_turning(view, loss, read_request(asked.doc)),
        )  # fmt: skip


def _turning(view: View, loss: Loss, request: Request) -> Read:
    def draw(sources: Sequence[str]) -> list[Row]:
        return [
            {"source": source_link(one.source_id), "before": one.before, "after": one.after,
             "reasons": one.reasons}
            for one in turns(view.session, loss, request, sources=sources)
        ]  # fmt: skip

    return listed(sorted(loss.cover.sources), draw)
