"""The act of attaching: a paper that is brought in the browser, and what it grants.

The station that `clearway rights attach` calls records it. The paper is kept under its sha256;
the name that it came under is a word on record, never a path.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from fastapi import FastAPI

from catalog import sources
from catalog.engine import open_catalog, reading
from licensing.facts.vocabulary import GRADES, LAYER_KINDS, STREAMS
from pipelines.attach.papers import Paper
from pipelines.attach.station import attach_terms
from pipelines.attach.terms import Terms
from pipelines.console.acting import Asked, add_act, check_typed, word_of
from pipelines.console.blocks import Block, Field, Form, Link, Page, Words, path
from pipelines.console.blocks import Terms as Listed
from pipelines.console.forms import with_paper
from pipelines.console.overview import source_link
from pipelines.console.rights import LARGEST_PAPER
from pipelines.console.settling import DECIDE
from pipelines.console.view import View
from pipelines.errors import ConsoleError
from pipelines.settings import Settings

ADDRESS: Final = "/sources/{source}/attach"
KINDS: Final = {
    "licence": "a public licence",
    "contract": "a signed agreement",
    "consent": "a consent of a person",
}
_GRADES: Final = {
    "": "as usual: E3 of a licence, E1 of the others",
    "E0": "E0: signed original, or captured by us",
    "E1": "E1: signed agreement",
    "E2": "E2: archived primary source",
    "E3": "E3: what somebody else states",
    "E4": "E4: a tag of an aggregator",
}
assert set(_GRADES) == {"", *GRADES}


def add_attaching(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Give the application the address that attaches a paper to a source."""
    add_act(app, ADDRESS, "attach", do=_do, settings=settings, clock=clock, read=with_paper)


def attach_page(view: View) -> Page:
    """Build the form by which whom may attaches a paper to a source."""
    found = sources.source(view.session, view.path["source"])
    word = word_of(view, "attach")
    blocks: tuple[Block, ...] = (_form(found.source_id, word),) if word else (
        Words(paragraphs=("Only a steward, counsel or an admin who signed in attaches papers.",),
              tone="note"),
    )  # fmt: skip
    return Page(
        title="Attach a paper", lead=found.title or found.source_id, blocks=blocks,
        trail=(Link(text="Sources", href="/sources"), source_link(found.source_id)),
    )  # fmt: skip


def check_paper(paper: Paper | None) -> Paper:
    """Return the paper that was sent.

    Raises:
        ConsoleError: EVIDENCE_MISSING, BODY_TOO_LARGE.
    """
    if paper is None:
        raise ConsoleError(
            "no paper was sent, or an empty one", code="EVIDENCE_MISSING", subject="paper",
            way_out="go back and choose the file that proves the right",
        )  # fmt: skip
    if len(paper.content) > LARGEST_PAPER:
        raise ConsoleError(
            f"a paper of {len(paper.content):,} bytes, expected at most {LARGEST_PAPER:,}",
            code="BODY_TOO_LARGE", subject="paper",
            way_out="attach it with `clearway rights attach --evidence`",
        )  # fmt: skip
    return paper


def _form(source_id: str, word: str) -> Form:
    return Form(
        title="What it is, and what it grants", button="Attach it", word=word,
        action=path("sources", source_id, "attach"),
        fields=(
            Field(name="kind", label="Kind of instrument", value="licence",
                  choices=tuple(KINDS.items())),
            Field(name="said", label="Licence, number or actions",
                  hint="the licence as written, the number of the agreement, or the actions that "
                  "a person consented to"),
            Field(name="paper", label="The paper", kind="file",
                  hint=f"up to {LARGEST_PAPER >> 20} MiB; kept under its sha256"),
            Field(name="grade", label="Strength of the evidence", value="",
                  choices=tuple(_GRADES.items())),
            Field(name="layer", label="Right", value="copyright",
                  choices=tuple((one, one.replace("_", " ")) for one in LAYER_KINDS)),
            Field(name="stream", label="Stream", value="",
                  choices=(("", "every stream"), *((one, one) for one in STREAMS))),
            Field(name="actions", label="Actions of an agreement",
                  hint="train_generative, annotate; empty: it sets no limit"),
            Field(name="territory", label="Where", hint="ISO codes or WORLD; empty: no limit"),
            Field(name="valid_from", label="First day", kind="date"),
            Field(name="valid_to", label="First day after the end", kind="date"),
            Field(name="typed", label=f"To confirm, type {source_id}",
                  hint="what is attached stays on record"),
        ),
    )  # fmt: skip


def _do(asked: Asked) -> Page:
    with reading(open_catalog(asked.settings.catalog_url, read_only=True)) as session:
        source_id = sources.source(session, asked.path["source"]).source_id
    check_typed(asked, source_id, "nothing was attached")
    paper, terms = check_paper(asked.sent.paper), _terms(asked)
    done = attach_terms(
        asked.settings, source_id, terms, evidence=paper, now=asked.now,
        actor=asked.visitor.account,
    )  # fmt: skip
    return Page(
        title="Attached", lead=f"To {source_id}, by {asked.visitor.account}",
        trail=(Link(text="Sources", href="/sources"), source_link(source_id)),
        blocks=(
            Listed(rows=(("Paper", paper.name), ("Bytes", f"{len(paper.content):,}"),
                         ("sha256", paper.digest), ("Recorded", done.summary()))),
            Words(paragraphs=(DECIDE,), tone="note"),
        ),
    )  # fmt: skip


def _terms(asked: Asked) -> Terms:
    kind = asked.text("kind")
    if kind not in KINDS:
        raise ConsoleError(
            f"got {kind[:40]!r}, expected one of {', '.join(KINDS)}", code="QUERY_INVALID",
            subject="kind", way_out="go back and choose what the paper is",
        )  # fmt: skip
    said = {one: asked.text("said") if one == kind else "" for one in KINDS}
    return Terms(
        licence=said["licence"], contract=said["contract"], consent=said["consent"],
        grade=asked.text("grade"), layer=asked.text("layer"), stream=asked.text("stream"),
        actions=asked.text("actions"), territory=asked.text("territory"),
        valid_from=asked.text("valid_from"), valid_to=asked.text("valid_to"),
    )  # fmt: skip
