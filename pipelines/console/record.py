"""The log: what was recorded when, a proof of each entry to carry away, a check of all of it."""

import json

from catalog import heads
from catalog.errors import NotFound
from catalog.pages.decided import log_size
from catalog.pages.log import KINDS, Leaf, document_of, leaf, leaves_page
from catalog.pages.paging import Window
from pipelines.console.blocks import (
    Column,
    Field,
    Form,
    Lines,
    Link,
    Page,
    Row,
    Table,
    Terms,
    Words,
    fixed,
    path,
)
from pipelines.console.view import View
from pipelines.heads import proof_on_record, verify

_PAGES = {
    "sources": "sources", "parties": "parties", "decisions": "decisions", "requests": "requests",
    "training_sets": "sets", "runs": "runs", "checkpoints": "checkpoints",
}  # fmt: skip
_HOME = Link(text="Log", href="/log")


def log_list(view: View) -> Page:
    """Build the log, newest first."""
    words, kind = view.text("q"), view.choice("kind", ("", *KINDS))

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = leaves_page(view.session, window, words=words, kind=kind)
        return [_row(one) for one in found], after

    head = heads.newest_head(view.session)
    choices = tuple((one, one.replace("_", " ") or "any") for one in ("", *KINDS))
    columns = (
        Column(name="entry", title="Entry"), Column(name="recorded", title="Recorded"),
        Column(name="kind", title="Kind"), Column(name="key", title="Of what"),
        Column(name="digest", title="Digest", kind="code"),
    )  # fmt: skip
    return Page(
        title="Log",
        blocks=(
            Terms(rows=(
                ("Entries", f"{log_size(view.session):,}"),
                ("Newest signed head", "none" if head is None else f"over {head.size:,} entries"),
                ("Root", "" if head is None else head.root),
                ("Check", Link(text="verify everything now", href="/log/verify")),
                ("Access", Link(text="who signed in, what was refused", href="/access")
                 if view.who is not None and view.who.may("watch") else None),
            )),
            Form(title="", action="/log", button="Search", fields=(
                Field(name="q", label="Words in the key", value=words),
                Field(name="kind", label="Kind", value=kind, choices=choices),
            )),
            Table(name="log", title="Entries", columns=columns, read=read,
                  empty="No entry is so."),
        ),
    )  # fmt: skip


def entry_page(view: View) -> Page:
    """Build the page of one entry: its digests, its document, its proof."""
    found = _named(view)
    doc = document_of(view.session, found)
    text = "" if doc is None else json.dumps(doc, indent=1, ensure_ascii=False, sort_keys=True)
    blocks = (
        Terms(rows=(
            ("Recorded", f"{found.recorded_at:%Y-%m-%d %H:%M:%S.%f} UTC"),
            ("Kind", found.kind.replace("_", " ")), ("Of what", _subject(found)),
            ("Digest of the document", found.digest), ("Hash of the leaf", found.leaf_hash),
            ("Proof", Link(text="save it, to check with a public key alone",
                           href=path("log", str(found.index), "proof"))),
        )),
        Lines(title="The document as it was recorded", lines=tuple(text.splitlines()))
        if text else Words(paragraphs=("Its document is a paper, or many small rows.",),
                           tone="note"),
    )  # fmt: skip
    return Page(title=f"Entry {found.index}", trail=(_HOME,), blocks=blocks)


def proof(view: View) -> tuple[str, bytes]:
    """Return name and bytes of the proof of one entry under the newest signed head.

    Raises:
        NotFound: UNKNOWN_ID.
        LogBroken: NOT_SIGNED.
    """
    found = _named(view)
    return f"proof-{found.index}.json", proof_on_record(view.session, found.index)


def verify_page(view: View) -> Page:
    """Build the result of reading everything again."""
    report = verify(view.settings)
    rows: list[Row] = [{"what": one} for one in report.broken]
    whole = (f"The log of {report.size:,} entries is whole: every row is the one that was "
             "recorded, and every signed head fits.")  # fmt: skip
    return Page(
        title="The log is whole" if not rows else "The log is BROKEN",
        trail=(_HOME,),
        blocks=(
            Words(paragraphs=(whole if not rows else "Somebody changed what was recorded.",),
                  tone="plain" if not rows else "warning"),
            Terms(rows=(("Entries", f"{report.size:,}"), ("Root", report.root))),
            Table(name="broken", title="What is wrong", read=fixed(rows),
                  columns=(Column(name="what", title="Table and key"),), empty="Nothing."),
        ),
    )  # fmt: skip


def _named(view: View) -> Leaf:
    wanted = view.path["entry"]
    if not wanted.isascii() or not wanted.isdecimal() or len(wanted) > 18:
        raise NotFound(
            f"the log has no entry {wanted[:40]!r}", code="UNKNOWN_ID", subject=wanted[:40],
            way_out="choose one from the log",
        )  # fmt: skip
    return leaf(view.session, int(wanted))


def _row(found: Leaf) -> Row:
    return {
        "entry": Link(text=f"{found.index}", href=path("log", str(found.index))),
        "recorded": f"{found.recorded_at:%Y-%m-%d %H:%M:%S} UTC",
        "kind": found.kind.replace("_", " "), "key": _subject(found), "digest": found.digest[:16],
    }  # fmt: skip


def _subject(found: Leaf) -> "Link | str":
    page = _PAGES.get(found.kind)
    return found.key if page is None else Link(text=found.key, href=path(page, found.key))
