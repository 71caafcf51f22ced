"""Which recorded decisions would come out otherwise under another rulebook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from licensing.decide import decide
from licensing.errors import BadCase
from licensing.facts import Decision, read_layers
from licensing.request import read_request
from licensing.rulebook import Rulebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One recorded decision: verdict, reasons and duties under the first and the second book."""

    name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def changed_decisions(
    recorded: Iterable[tuple[str, Mapping[str, Any]]], before: Rulebook, after: Rulebook
) -> Iterator[Changed]:
    """The decisions (name, document) that the two rulebooks decide differently.

    The facts come from the proofs, which hold every layer that was in scope.
    """
    for name, doc in recorded:
        proof = doc.get("proof")
        if not isinstance(proof, Mapping) or not isinstance(proof.get("layers"), list):
            raise BadCase(
                f"decision {name}: no proof to decide again", code="BAD_CASE:proof", subject=name
            )
        layers = read_layers([one["facts"] for one in proof["layers"]])
        request = read_request(proof["request"])
        first, second = (_told(decide(layers, request, book)) for book in (before, after))
        if first != second:
            yield Changed(name=name, before=first, after=second)


def _told(decision: Decision) -> dict[str, Any]:
    return {
        "verdict": decision.verdict.word,
        "reasons": list(decision.reasons),
        "obligations": list(decision.obligations),
    }
