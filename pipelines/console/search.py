"""Search by whatever a person has in hand, and what became of one file.

A sha256 leads to the page of that file: where it lies, and which training sets and models may have
seen it. A file itself is hashed in the browser and never sent.
"""

import re
from collections.abc import Iterator

from catalog.coverage import cover_of
from catalog.files import FileEntry, held_with
from catalog.pages.nouns import parties_page, sources_page
from catalog.pages.paging import Window
from catalog.pages.search import beginning_with, files_named
from catalog.reach import BlastRadius, blast_radius
from pipelines.console.blocks import (
    SECTION_OF,
    Block,
    Column,
    Drop,
    Field,
    Figure,
    Figures,
    Form,
    Link,
    Page,
    Row,
    Table,
    Terms,
    Words,
    fixed,
    path,
)
from pipelines.console.overview import source_link
from pipelines.console.view import View

SHORTEST = 2  # characters of an id to look for
SHORTEST_NAME = 3  # characters of the name of a file to look for
FEW = 20
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def search(view: View) -> Page:
    """Build the answers to what somebody looks for."""
    words = view.text("q")
    ask = Form(
        title="Look for", action="/search", button="Search",
        fields=(Field(name="q", label="A name (a file's, too), an address, a sha256 or an id",
                      value=words, kind="search"),),
    )  # fmt: skip
    drop = Drop(
        title="Is this file of mine in your models?",
        says="Choose a file or drop it here: its sha256 is computed in the browser, and looked up. "
        "The file is sent nowhere.",
    )
    blocks: list[Block] = [ask, drop]
    if words:
        rows = list(_rows(view, words))
        columns = (Column(name="what", title="Found"), Column(name="kind", title="Kind"),
                   Column(name="says", title="What it is"))  # fmt: skip
        blocks.insert(1, Table(name="found", title=f"On record for “{words}”", columns=columns,
                               read=fixed(rows), empty="Nothing on record is so."))  # fmt: skip
    return Page(title="Search", blocks=tuple(blocks))


def file_page(view: View) -> Page:
    """Build the answer to whether bytes with a sha256 are in any source, set or model."""
    digest = view.path["sha256"].lower()
    entries = held_with(view.session, [digest]) if _SHA256.fullmatch(digest) else ()
    if not entries:
        said = ("No source of this installation holds, or has held, a file with this sha256.",
                "So no training set and no model on record was made from these bytes. Whether "
                "another copy of the same recording was, a sha256 cannot tell.")  # fmt: skip
        return Page(title="This file is not on record", lead=digest, trail=(_HOME,),
                    blocks=(Words(paragraphs=said),))  # fmt: skip
    cover = cover_of(view.session, "file", digest, at=view.today)
    radius = blast_radius(view.session, cover.pieces)
    return Page(
        title="This file is on record",
        lead=digest,
        trail=(_HOME,),
        blocks=(
            Words(paragraphs=_answer(radius), tone="warning" if radius.points else "plain"),
            _numbers(entries, radius),
            _places(entries),
            _sets(radius),
            _points(radius),
            _releases(radius),
            Terms(title="Go on", rows=(
                ("What came of it", Link(text="as a picture", href=path("lineage", id=digest,
                                                                         way="down"))),
                ("What a loss would reach", Link(text="what if it is revoked",
                                                 href=path("what-if", of="file", what=digest))),
            )),
        ),
    )  # fmt: skip


_HOME = Link(text="Search", href="/search")


def _rows(view: View, words: str) -> Iterator[Row]:
    for kind, found, says in found_for(view, words):
        if kind == "party":
            href = path("parties", found)
        elif kind in SECTION_OF:
            href = path(SECTION_OF[kind], found)
        else:
            href = path("lineage", id=found, way="up")
        yield {"what": Link(text=found, href=href), "kind": kind, "says": says}


def found_for(view: View, words: str) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, id, what it says of itself) of what words lead to: a few of each kind."""
    if _SHA256.fullmatch(words):
        yield "file", words.lower(), "what became of these bytes"
    for source in sources_page(view.session, Window(limit=FEW), words=words)[0]:
        yield "source", source.source_id, source.title or source.uri
    for party in parties_page(view.session, Window(limit=FEW), words=words)[0]:
        yield "party", party.party_id, party.name
    yield from _by_id(view, words)
    if len(words) >= SHORTEST_NAME and not _SHA256.fullmatch(words):
        for one in files_named(view.session, words):
            yield "file", one.sha256, f"{one.path}, in {one.source_id}"


def _by_id(view: View, words: str) -> Iterator[tuple[str, str, str]]:
    if len(words) < SHORTEST:
        return
    for kind, found in beginning_with(view.session, words):
        if found != words.lower() or kind != "file":
            yield kind, found, ""


def _answer(radius: BlastRadius) -> tuple[str, ...]:
    if radius.points:
        return ("It lies in training sets on which models were trained: the checkpoints below may "
                "have seen it. Which of them did, a what-if of its revocation replays and tells.",
                )  # fmt: skip
    if radius.training_sets:
        return ("It lies in training sets; no run on record was trained on them.",)
    return ("It lies in no training set, so no model on record was trained on it.",)


def _numbers(entries: tuple[FileEntry, ...], radius: BlastRadius) -> Figures:
    numbers = (
        (len({one.source_id for one in entries}), "sources"),
        (len(radius.training_sets), "training sets"),
        (len(radius.runs), "runs"), (len(radius.points), "checkpoints"),
        (len(radius.releases), "releases"),
    )  # fmt: skip
    return Figures(title="Where it is", figures=tuple(
        Figure(number=f"{number:,}", says=says) for number, says in numbers
    ))  # fmt: skip


def _places(entries: tuple[FileEntry, ...]) -> Table:
    rows: list[Row] = [
        {"source": source_link(one.source_id), "path": one.path, "status": one.status,
         "bytes": one.size_bytes}
        for one in entries
    ]  # fmt: skip
    columns = (Column(name="source", title="Source"), Column(name="path", title="File"),
               Column(name="status", title="Status"),
               Column(name="bytes", title="Bytes", kind="number"))  # fmt: skip
    return Table(name="places", title="Sources that hold it", columns=columns, read=fixed(rows))


def _sets(radius: BlastRadius) -> Table:
    rows: list[Row] = [{"set": Link(text=one, href=path("sets", one))}
                       for one in radius.training_sets]  # fmt: skip
    return Table(name="sets", title="Training sets with clips of it", read=fixed(rows),
                 columns=(Column(name="set", title="Training set"),), empty="None.")  # fmt: skip


def _points(radius: BlastRadius) -> Table:
    rows: list[Row] = [
        {"checkpoint": Link(text=one.checkpoint_id, href=path("checkpoints", one.checkpoint_id)),
         "run": Link(text=one.run_id, href=path("runs", one.run_id)), "step": one.step}
        for one in radius.points
    ]  # fmt: skip
    columns = (Column(name="checkpoint", title="Checkpoint", kind="code"),
               Column(name="run", title="Run", kind="code"),
               Column(name="step", title="Step", kind="number"))  # fmt: skip
    return Table(name="checkpoints", title="Checkpoints of runs on these sets", columns=columns,
                 read=fixed(rows), empty="None.")  # fmt: skip


def _releases(radius: BlastRadius) -> Table:
    rows: list[Row] = [
        {"release": one.release_id, "how": one.release,
         "checkpoint": Link(text=one.checkpoint_id, href=path("checkpoints", one.checkpoint_id))}
        for one in radius.releases
    ]  # fmt: skip
    columns = (Column(name="release", title="Release"), Column(name="how", title="Given as"),
               Column(name="checkpoint", title="Checkpoint", kind="code"))  # fmt: skip
    return Table(name="releases", title="Published models of these runs", columns=columns,
                 read=fixed(rows), empty="None.")  # fmt: skip
