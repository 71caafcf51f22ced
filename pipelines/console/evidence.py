"""Evidence: a paper behind a fact, opened at a clause.

A paper is reached through the fact that names its digest, never by a path. Its bytes are hashed
again before they are shown: a paper that was exchanged is refused. What is no text is downloaded.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from catalog import rights
from catalog.errors import NotFound
from catalog.layers import Fact
from pipelines.console.blocks import (
    Block,
    Column,
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
from pipelines.console.overview import source_link
from pipelines.console.view import View
from pipelines.errors import ConsoleError

MOST_SHOWN = 1_000_000  # bytes of a paper that is drawn as text
_SHA256 = re.compile(r"[0-9a-f]{64}")
CLAUSES = ("grants", "restrictions", "terms", "obligations", "on_end")
_SPACE = re.compile(r"[\s*_>#]+")  # what a paper may set between two words of a sentence


def evidence_page(view: View) -> Page:
    """Build the page of a paper: the lines of the clause that is asked for are marked."""
    fact, digest = _named(view)
    _, raw = paper(view)
    clause = view.text("clause")
    asked = [one for one in clauses_of(fact.doc) if not clause or one["clause"] == clause]
    text = _text(raw)
    blocks: list[Block] = [
        Terms(rows=(
            ("Source", source_link(fact.source_id)), ("Fact", fact.kind),
            ("Instrument", str(fact.doc.get("id") or "")), ("sha256", digest),
            ("Bytes", f"{len(raw):,}"),
            ("Download", Link(text="the paper as it was kept",
                              href=path("evidence", fact.fact_id, digest, "bytes"))),
        )),
    ]  # fmt: skip
    if asked:
        blocks.append(clause_table(fact, digest, asked))
    if text is None:
        blocks.append(Words(paragraphs=("This paper is no plain text: download it to read it.",),
                            tone="note"))  # fmt: skip
    else:
        lines = tuple(text.splitlines())
        quoted = [str(one["says"]) for one in asked] if clause else []
        blocks.append(Lines(title="The paper", lines=lines, marked=marked(lines, quoted)))
    return Page(
        title=f"Evidence: {fact.doc.get('id') or digest[:12]}",
        lead=f"Clause {clause}" if clause else "",
        trail=(Link(text="Sources", href="/sources"), source_link(fact.source_id)),
        blocks=tuple(blocks),
    )


def paper(view: View) -> tuple[str, bytes]:
    """Return name and bytes of the paper that the address names.

    Raises:
        NotFound: UNKNOWN_ID.
        ConsoleError: PAPER_UNKNOWN, PAPER_MISSING, PAPER_CHANGED.
    """
    fact, digest = _named(view)
    place = view.settings.home / "evidence" / digest
    if not place.is_file():
        raise ConsoleError(
            f"the paper {digest[:16]} of {fact.source_id} is not kept in this home",
            code="PAPER_MISSING", subject=digest, way_out="attach it with --evidence",
        )  # fmt: skip
    raw = place.read_bytes()
    if hashlib.sha256(raw).hexdigest() != digest:
        raise ConsoleError(
            f"the paper {digest[:16]} of {fact.source_id} is not the one that was kept: its bytes "
            "have changed",
            code="PAPER_CHANGED", subject=digest, way_out="restore it from a backup",
        )  # fmt: skip
    return f"{digest[:16]}.bin", raw


def clauses_of(said: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Yield the clauses of an instrument as they were read from its paper."""
    for kind in CLAUSES:
        for one in said.get(kind) or ():
            if isinstance(one, Mapping) and one.get("clause"):
                yield {"clause": str(one["clause"]), "kind": kind.replace("_", " "),
                       "says": str(one.get("says") or "")}  # fmt: skip


def clause_table(fact: Fact, digest: str, clauses: list[dict[str, str]]) -> Table:
    """Build the table of clauses, each with the way to its place in the paper."""
    rows: list[Row] = [
        {
            "clause": clause_link(fact.fact_id, digest, one["clause"]) if digest else one["clause"],
            "kind": one["kind"], "says": one["says"],
        }
        for one in clauses
    ]  # fmt: skip
    columns = (
        Column(name="clause", title="Clause"), Column(name="kind", title="What it holds"),
        Column(name="says", title="Words"),
    )  # fmt: skip
    name = str(fact.doc.get("id") or fact.fact_id[:12])
    return Table(name="clauses", title=f"Clauses of {name}", columns=columns, read=fixed(rows))


def clause_link(fact_id: str, digest: str, clause: str) -> Link:
    """A clause, as a link to its place in the paper."""
    return Link(text=clause, href=path("evidence", fact_id, digest, clause=clause))


def digests_of(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the digests of the papers that a fact names."""
    named = [said.get("evidence_sha256"), said.get("sha256")]
    papers = said.get("evidence")
    named += [one.get("digest") for one in papers or () if isinstance(one, Mapping)] if isinstance(
        papers, list
    ) else []  # fmt: skip
    return tuple(
        dict.fromkeys(one for one in named if isinstance(one, str) and _SHA256.fullmatch(one))
    )


def marked(lines: tuple[str, ...], quoted: list[str]) -> frozenset[int]:
    """Return the numbers of the lines, from 1, on which the quoted words lie."""
    words, numbers = [], []
    for number, line in enumerate(lines, 1):
        for word in _SPACE.sub(" ", line).split():
            words.append(word)
            numbers.append(number)
    found = set[int]()
    for quote in quoted:
        wanted = _SPACE.sub(" ", quote).split()
        for start in range(len(words) - len(wanted) + 1 if wanted else 0):
            some = words[start : start + len(wanted)]
            if some[0] == wanted[0] and _same(some, wanted):
                found.update(numbers[start : start + len(wanted)])
                break
    return frozenset(found)


def _same(words: list[str], wanted: list[str]) -> bool:
    """Equal words; the last may be followed by what ends a sentence."""
    *first, last = zip(words, wanted, strict=True)
    return all(one == other for one, other in first) and last[0].startswith(last[1].rstrip(".;,"))


def _named(view: View) -> tuple[Fact, str]:
    wanted, digest = view.path["fact"], view.path["sha256"]
    found = rights.facts_by_id(view.session, [wanted])
    if not found:
        raise NotFound(
            f"facts hold no {wanted[:64]!r}", code="UNKNOWN_ID", subject=wanted[:64],
            way_out="open the paper from the page of its source",
        )  # fmt: skip
    if digest not in digests_of(found[0].doc):
        raise ConsoleError(
            f"fact {found[0].fact_id[:12]} names no paper {digest[:16]!r}",
            code="PAPER_UNKNOWN", subject=digest[:64],
            way_out="open the paper from the page of its source",
        )  # fmt: skip
    return found[0], digest


def _text(raw: bytes) -> str | None:
    if len(raw) > MOST_SHOWN or b"\x00" in raw:
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
