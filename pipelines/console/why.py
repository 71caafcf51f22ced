"""Why: a decision as its proof, in words and as a tree, with its evidence at the clause.

The page reads the recorded proof. As of another day, or with what was known at another time, the
engine decides again; that is a what-if and is recorded nowhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from catalog import decisions, personal
from catalog.decisions import DecisionRow
from catalog.rights import facts_about
from licensing.explain import decision_unlocks, explain
from licensing.facts import Decision, Verdict
from licensing.rulebook import load_rulebook
from pipelines.audit.replay import decided_as_of
from pipelines.audit.standing import standings
from pipelines.console.blocks import (
    Block,
    Branch,
    Column,
    Field,
    Form,
    Link,
    Page,
    Row,
    Table,
    Terms,
    Tree,
    Words,
    fixed,
    path,
)
from pipelines.console.evidence import clause_link, clauses_of, digests_of
from pipelines.console.granting import grant_link
from pipelines.console.overview import source_link
from pipelines.console.rights_tables import places
from pipelines.console.view import View

_TRUTHS = {"T": "holds", "F": "fails", "U": "is unknown"}
_VALUES = {"T": "permit", "F": "deny", "U": "undetermined"}


def why(view: View) -> Page:
    """Build the page of one decision."""
    row = decisions.decision(view.session, view.path["decision"])
    (standing,) = standings(view.session, [row])
    decision = _decision(view, row.doc)
    papers = tuple(_papers(view, decision))
    blocks: list[Block] = [
        Words(paragraphs=(explain(decision), f"Standing: {standing.words()}."), title="In words",
              tone="plain" if standing.state == "stands" else "warning"),
        *_unlocking(decision, row.source_id),
        _terms(row),
        _tree("Proof", decision, papers),
        _evidence(papers),
        _ask(view, row),
        *_as_of(view, row),
    ]  # fmt: skip
    return Page(
        title=f"Why {row.verdict}: {row.source_id}",
        lead=f"Decision {row.decision_id}",
        trail=(Link(text="Sources", href="/sources"), source_link(row.source_id)),
        blocks=tuple(blocks),
    )


def as_of(
    view: View, row: DecisionRow, *, valid: date | None, known: date | None
) -> tuple[Decision, datetime]:
    """Decide again for another day, or with what was on record at the end of one, and say when."""
    then = view.now
    if known is not None and known < view.today:
        then = datetime.combine(known + timedelta(days=1), time.min, tzinfo=UTC)
    made = decided_as_of(view.session, row, valid=valid or row.valid, known=then)
    said = personal.aloud(view.session, dict(made.proof))
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return Decision(**{**fields, "proof": said}), then


def _decision(view: View, doc: Mapping[str, Any]) -> Decision:
    said = personal.aloud(view.session, dict(doc))
    return Decision(**{**said, "verdict": Verdict.of_word(doc["verdict"])})


def _unlocking(decision: Decision, source_id: str) -> list[Block]:
    if decision.verdict is Verdict.PERMIT:
        return []
    sets = decision_unlocks(decision, load_rulebook())
    action = str(decision.proof["request"]["action"])
    rows: list[Row] = [
        {
            "number": len(one), "needs": [each.replace("/", ": ", 1) for each in one],
            "try": [link for each in one if (link := grant_link(source_id, each, action=action))],
        }
        for one in sets
    ]  # fmt: skip
    columns = (
        Column(name="needs", title="New grants or answers, all of a line together"),
        Column(name="number", title="How many", kind="number"),
        Column(name="try", title="What each would change"),
    )
    return [
        Table(name="unlock", title="What would permit it", columns=columns, read=fixed(rows),
              empty="No set of three or fewer new grants or answers would permit it.")
    ]  # fmt: skip


def _terms(row: DecisionRow) -> Terms:
    return Terms(
        title="On record",
        rows=(
            ("Source", source_link(row.source_id)),
            ("Request", Link(text=row.request_name or row.request_digest[:12],
                             href=path("sources", request=row.request_name))
             if row.request_name else row.request_digest[:12]),
            ("Decided for", str(row.valid)),
            ("With what was known at", f"{row.known:%Y-%m-%d %H:%M:%S} UTC"),
            ("Reasons", row.reasons), ("Duties", row.obligations or "none"),
            ("Profile", row.profile), ("Rights key", row.rights_key),
            ("Rulebook", row.rulebook_digest[:16]),
            ("Digest of the facts", str(row.doc["facts_digest"])[:16]),
        ),
    )  # fmt: skip


def _tree(title: str, decision: Decision, papers: Iterable[Row]) -> Tree:
    opened = {str(one["digest"]): one for one in papers}
    proof = decision.proof
    roots = [
        Branch(
            text=_coded(_named(layer["facts"]), layer["codes"]),
            verdict=_VALUES[layer["value"]],
            below=tuple(_bases(layer, opened)),
        )
        for layer in proof["layers"]
    ]
    roots += [Branch(text=f"{_named(one)}: not asked for") for one in proof["out_of_scope"]]
    return Tree(title=title, roots=tuple(roots))


def _bases(layer: Mapping[str, Any], opened: Mapping[str, Row]) -> Iterator[Branch]:
    stated = layer["facts"]["basis"]
    for at, basis in enumerate(layer["bases"]):
        own = stated[at] if at < len(stated) else {}
        name = " ".join(
            str(one).replace("_", " ")
            for one in (basis["type"], basis["id"] or own.get("instrument_id")) if one
        )  # fmt: skip
        said = f"{name}, rank {basis['rank']}: the grant {_TRUTHS[basis['grant']]}"
        said += ", it forbids" if basis["forbids"] == "T" else ""
        said += ", below the evidence that counts" if basis["low"] else ""
        links = tuple(
            link for one in own.get("evidence", ())
            if isinstance(link := opened.get(str(one.get("digest")), {}).get("paper"), Link)
        )  # fmt: skip
        steps = tuple(Branch(text=_step(one)) for one in basis["steps"])
        yield Branch(text=said, links=links, below=steps)


def _step(step: Mapping[str, Any]) -> str:
    cited = f" ({step['cite']})" if step.get("cite") else ""
    code = f": {step['code']}" if step.get("code") else ""
    return f"{step['rule']} {_TRUTHS[step['truth']]}{code}{cited}"


def _named(facts: Mapping[str, Any]) -> str:
    where = ", ".join(places(facts))
    return f"{str(facts['layer']).replace('_', ' ')}{f' ({where})' if where else ''}"


def _coded(name: str, codes: Iterable[str]) -> str:
    said = ", ".join(codes)
    return f"{name}: {said}" if said else name


def _papers(view: View, decision: Decision) -> Iterator[Row]:
    """The papers that a proof names, once each, with the fact by which each is opened."""
    named = {
        str(one["digest"]): (basis, one)
        for layer in decision.proof["layers"]
        for basis in layer["facts"]["basis"]
        for one in basis.get("evidence", ())
        if one.get("digest")
    }
    holders = set(decisions.sources_of(view.session, [view.path["decision"]]).values())
    facts = {
        digest: fact
        for kind in ("basis", "evidence", "instrument")
        for fact in facts_about(view.session, holders, kind=kind)
        for digest in digests_of(fact.doc)
    }
    for digest, (basis, paper) in named.items():
        fact = facts.get(digest)
        clauses = () if fact is None else tuple(dict.fromkeys(
            one["clause"] for one in clauses_of(fact.doc)
        ))  # fmt: skip
        yield {
            "digest": digest,
            "what": str(basis.get("instrument_id") or basis.get("id") or basis.get("type")),
            "grade": str(paper.get("grade") or basis.get("grade") or ""),
            "found": [str(paper[one]) for one in ("found", "url", "observed") if paper.get(one)],
            "paper": digest[:12] if fact is None
            else Link(text=f"paper {digest[:8]}", href=path("evidence", fact.fact_id, digest)),
            "clauses": [] if fact is None
            else [clause_link(fact.fact_id, digest, one) for one in clauses],
        }  # fmt: skip


def _evidence(papers: tuple[Row, ...]) -> Table:
    columns = (
        Column(name="what", title="Ground"), Column(name="paper", title="Paper"),
        Column(name="clauses", title="Opened at clause"), Column(name="grade", title="Grade"),
        Column(name="found", title="Found"),
    )  # fmt: skip
    return Table(name="evidence", title="Evidence", columns=columns, read=fixed(papers),
                 empty="No paper is kept for what it rests on.")  # fmt: skip


def _ask(view: View, row: DecisionRow) -> Form:
    fields = (
        Field(name="valid", label="On the day", value=view.text("valid"), kind="date"),
        Field(name="known", label="With what was known at the end of", value=view.text("known"),
              kind="date"),
    )  # fmt: skip
    return Form(title="As of another date", action=path("decisions", row.decision_id),
                fields=fields, button="Decide")  # fmt: skip


def _as_of(view: View, row: DecisionRow) -> list[Block]:
    valid, known = view.day("valid"), view.day("known")
    if valid is None and known is None:
        return []
    shown, then = as_of(view, row, valid=valid, known=known)
    told = f"For {valid or row.valid}, with what was on record by {then:%Y-%m-%d %H:%M} UTC:"
    note = ("A what-if: it is decided again now, on the layers that the decision above names, and "
            "recorded nowhere.")  # fmt: skip
    return [
        Words(title=f"As of that date: {shown.verdict.word}",
              paragraphs=(told, explain(shown), note), tone="note"),
        _tree("Proof as of that date", shown, ()),
    ]  # fmt: skip
