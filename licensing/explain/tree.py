"""The proof of a decision as an indented tree: verdict, layer, basis, condition, evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from licensing.facts import Decision

_TRUTHS = {"T": "holds", "F": "fails", "U": "unknown"}
_VALUES = {"T": "permit", "F": "deny", "U": "undetermined"}
_PLACES = ("item", "part", "stream", "span", "region")


def proof_lines(decision: Decision) -> Iterator[str]:
    """Yield the lines of the tree; it says what the proof says and nothing beside it."""
    proof = decision.proof
    yield f"{proof['verdict']}: {', '.join(proof['reasons'])}"
    asked = ", ".join(f"{key} {_plain(value)}" for key, value in proof["request"].items())
    yield f"  request {decision.request_digest[:16]}: {asked}"
    for layer in proof["layers"]:
        yield f"  {_named(layer['facts'])}: {_VALUES[layer['value']]}{_coded(layer['codes'])}"
        stated = {one.get("id"): one for one in layer["facts"]["basis"]}
        for basis in layer["bases"]:
            yield from _basis_lines(basis, stated.get(basis["id"], {}))
    for facts in proof["out_of_scope"]:
        yield f"  {_named(facts)}: not asked for"
    yield f"  facts {decision.facts_digest[:16]}, rulebook {decision.rulebook_digest[:16]}"


def _basis_lines(basis: Mapping[str, Any], stated: Mapping[str, Any]) -> Iterator[str]:
    name = " ".join(str(one) for one in (basis["type"], basis["id"]) if one)
    weak = ", below the evidence that counts" if basis["low"] else ""
    forbids = ", forbids" if basis["forbids"] == "T" else ""
    yield f"    {name}, rank {basis['rank']}: {_TRUTHS[basis['grant']]}{forbids}{weak}"
    for step in basis["steps"]:
        cited = f", {step['cite']}" if step.get("cite") else ""
        code = f" {step['code']}" if step.get("code") else ""
        yield f"      {step['rule']}: {_TRUTHS[step['truth']]}{code}{cited}"
    for paper in stated.get("evidence", ()):
        told = ", ".join(f"{key} {value}" for key, value in paper.items())
        yield f"      evidence: {told}"


def _named(facts: Mapping[str, Any]) -> str:
    where = " ".join(f"{key} {_plain(facts[key])}" for key in _PLACES if key in facts)
    return f"{facts['layer']}{f' ({where})' if where else ''}"


def _coded(codes: list[str]) -> str:
    return f" {', '.join(codes)}" if codes else ""


def _plain(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
