"""The facts about the rights in a source, as tables: layers, papers, clauses, consents, signals."""

from collections.abc import Mapping
from typing import Any

from catalog import rights
from catalog.layers import Fact
from catalog.pages.facts import facts_page
from catalog.pages.paging import Window
from pipelines.audit.signals import ACTION, signal_rows
from pipelines.console.blocks import Column, Link, Row, Table, fixed, path
from pipelines.console.evidence import clause_link, clauses_of, digests_of
from pipelines.console.sources import party_link
from pipelines.console.view import View

_PLACES = ("item", "part", "stream", "span", "region")
_STATES = ("withdrawn", "taken_down", "breach", "minor")
_TERMS = ("actions", "territory", "release", "purpose", "streams", "commercial", "sublicense")


def layers_table(layers: list[dict[str, Any]]) -> Table:
    """Build the table of layers, with open questions among them."""
    rows: list[Row] = [
        {
            "layer": str(one["layer"]).replace("_", " "),
            "covers": places(one) or "the whole source",
            "grounds": [_ground(basis) for basis in one["basis"]] or "nothing is known",
            "signals": [_signal(said) for said in one["signals"]] if "signals" in one
            else "not captured",
            "state": [f"{name} {one[name]}" for name in _STATES if one.get(name)],
            "id": str(one.get("layer_id") or ""),
        }
        for one in layers
    ]  # fmt: skip
    columns = (
        Column(name="layer", title="Right"), Column(name="covers", title="Covers"),
        Column(name="grounds", title="Grounds"), Column(name="signals", title="Signals"),
        Column(name="state", title="State"), Column(name="id", title="Id", kind="code"),
    )  # fmt: skip
    return Table(name="layers", title="Layers of rights", columns=columns, read=fixed(rows),
                 note="With the questions of the checklist that nobody has answered.",
                 empty="No right is on record: nothing can be cleared.")  # fmt: skip


def instruments_table(view: View, source_id: str) -> Table:
    """Build the table of papers, each with the way to its bytes."""

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = facts_page(
            view.session, source_id, window, kinds=("instrument", "evidence")
        )  # fmt: skip
        return [_instrument(one) for one in found], after

    columns = (
        Column(name="id", title="Paper"), Column(name="kind", title="Kind"),
        Column(name="licence", title="Licence"), Column(name="giver", title="From"),
        Column(name="valid", title="Valid"), Column(name="grade", title="Evidence"),
        Column(name="papers", title="Opened"), Column(name="fact", title="Id", kind="code"),
    )  # fmt: skip
    return Table(name="instruments", title="Instruments and evidence", columns=columns, read=read,
                 empty="No paper is on record.")  # fmt: skip


def clauses_table(view: View, source_id: str) -> Table:
    """Build the table of clauses that were read from papers."""

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = facts_page(view.session, source_id, window, kinds=("instrument",))
        rows: list[Row] = []
        for one in found:
            papers = digests_of(one.doc)
            rows += [
                {
                    "paper": str(one.doc.get("id") or ""),
                    "clause": clause_link(one.fact_id, papers[0], each["clause"]) if papers
                    else each["clause"],
                    "kind": each["kind"], "says": each["says"],
                }
                for each in clauses_of(one.doc)
            ]  # fmt: skip
        return rows, after

    columns = (
        Column(name="clause", title="Clause"), Column(name="paper", title="Paper"),
        Column(name="kind", title="What it holds"), Column(name="says", title="Words"),
    )  # fmt: skip
    return Table(name="clauses", title="Clauses", columns=columns, read=read,
                 empty="No clause of a paper was read.")  # fmt: skip


def consents_table(layers: list[dict[str, Any]]) -> Table:
    """Build the table of what persons consented to."""
    rows: list[Row] = [
        {
            "right": str(layer["layer"]).replace("_", " "),
            "covers": places(layer),
            "scope": basis.get("scope") or "", "specific": _yes(basis.get("specific")),
            "commercial": _yes(basis.get("commercial")), "grade": str(basis.get("grade") or ""),
            "valid": _valid(basis["valid"]) if "valid" in basis else "",
        }
        for layer in layers
        for basis in layer["basis"]
        if basis.get("type") == "consent"
    ]  # fmt: skip
    columns = (
        Column(name="right", title="Right of a person"), Column(name="covers", title="Covers"),
        Column(name="scope", title="Consented to"), Column(name="specific", title="Specific"),
        Column(name="commercial", title="Commercial"), Column(name="grade", title="Evidence"),
        Column(name="valid", title="Valid"),
    )  # fmt: skip
    return Table(name="consents", title="Consents", columns=columns, read=fixed(rows),
                 empty="No consent is on record.")  # fmt: skip


def signals_table(view: View, source_id: str) -> Table:
    """Build the table of what holders stated to machines."""
    rows: list[Row] = [
        {
            "signal": str(one["signal"]), "value": str(one["value"]), "state": str(one["state"]),
            "place": str(one["place"]), "paths": [str(each) for each in one["paths"]],
            "way_out": [*filter(None, [one.get("way_out")]), *_settled_at(one)],
        }
        for one in signal_rows(view.session, source_id)
    ]  # fmt: skip
    columns = (
        Column(name="signal", title="Signal"), Column(name="value", title="States", kind="code"),
        Column(name="state", title=f"For {ACTION}"), Column(name="place", title="Place"),
        Column(name="paths", title="Found in"), Column(name="way_out", title="Way out"),
    )  # fmt: skip
    return Table(name="signals", title="Signals of holders", columns=columns, read=fixed(rows),
                 empty="No signal was found, or none was looked for.")  # fmt: skip


def settled_table(view: View, source_id: str) -> Table:
    """Build the table of answered questions."""

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = facts_page(view.session, source_id, window, kinds=("settled",))
        rows: list[Row] = [
            {"asked": str(heading), "answer": str(words), "day": str(one.recorded_at.date())}
            for one in found
            for heading, words in one.doc.items()
        ]
        return rows, after

    columns = (
        Column(name="asked", title="Question"), Column(name="answer", title="Answer"),
        Column(name="day", title="Recorded"),
    )  # fmt: skip
    return Table(name="settled", title="Checklist", columns=columns, read=read,
                 empty="No question of the checklist was answered.")  # fmt: skip


def ends_table(view: View, source_id: str) -> Table:
    """Build the table of what was ended, withdrawn or void."""
    facts = rights.facts_of(view.session, source_id)
    rows: list[Row] = [
        {
            "at": str(one.ends_at), "kind": one.kind, "reason": one.reason,
            "recorded": f"{one.recorded_at:%Y-%m-%d %H:%M} UTC", "fact": one.fact_id,
        }
        for one in rights.ends_of(view.session, (each.fact_id for each in facts))
    ]  # fmt: skip
    columns = (
        Column(name="at", title="From"), Column(name="kind", title="What"),
        Column(name="reason", title="Reason"), Column(name="recorded", title="Recorded"),
        Column(name="fact", title="Fact", kind="code"),
    )  # fmt: skip
    return Table(name="ends", title="Ends and withdrawals", columns=columns, read=fixed(rows),
                 empty="Nothing was ended.")  # fmt: skip


def places(layer: Mapping[str, Any]) -> list[str]:
    """Which parts of a source a layer covers; none for the whole of it."""
    return [f"{name} {layer[name]}" for name in _PLACES if name in layer]


def _ground(basis: Mapping[str, Any]) -> str:
    name = basis.get("id") or basis.get("instrument_id") or ""
    words = [str(basis.get("type", "")).replace("_", " "), str(name)]
    if basis.get("grade"):
        words.append(f"evidence {basis['grade']}")
    if "valid" in basis:
        words.append(_valid(basis["valid"]))
    for key in _TERMS:
        if key in basis:
            said = basis[key]
            told = " ".join(map(str, said)) if isinstance(said, list) else str(said)
            words.append(f"{key} {told}")
    return ", ".join(filter(None, words))


def _valid(valid: Any) -> str:  # noqa: ANN401 - a JSON value
    if not valid:
        return "never valid"
    start, end = (*valid, None, None)[:2]
    return f"from {start or 'ever'} until {end or 'ever'}"


def _signal(said: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in said.items())


def _instrument(fact: Fact) -> Row:
    said, shown = fact.doc, fact.doc.get("evidence")
    grade = shown.get("grade") if isinstance(shown, Mapping) else said.get("grade")
    found = shown.get("found") if isinstance(shown, Mapping) else said.get("found")
    return {
        "id": str(said.get("id") or said.get("file") or found or ""),
        "kind": str(said.get("kind") or fact.kind),
        "licence": [one for one in (str(said.get("licence") or ""), str(said.get("url") or ""))
                    if one],
        "giver": party_link(str(said.get("from") or "")),
        "valid": _valid(said["valid"]) if "valid" in said else "",
        "grade": str(grade or ""),
        "papers": [Link(text=f"paper {one[:8]}", href=path("evidence", fact.fact_id, one))
                   for one in digests_of(said)],
        "fact": fact.fact_id,
    }  # fmt: skip


def _settled_at(row: Mapping[str, Any]) -> list[Link]:
    """Where a person may say what a statement says that no reader could take."""
    if row["signal"] != "unread":
        return []
    return [Link(text="read it, and say what it says", href=path("signals", row["fact"]))]


def _yes(said: object) -> str:
    return "not stated" if said is None else "yes" if said else "no"
