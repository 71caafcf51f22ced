"""A case as a document: layers and a request together, as `clearway rights decide` reads them."""

from __future__ import annotations

from typing import Any, Final

from licensing.decide.whole import decide
from licensing.errors import BadCase
from licensing.facts import Verdict, read_layers, reading
from licensing.request import read_request
from licensing.rulebook import Rulebook

_FOR_PEOPLE: Final = frozenset(
    {"title", "source", "checked", "expect", "reason", "obligations", "other_profiles"}
)


def decide_case(doc: Any, rulebook: Rulebook) -> dict[str, Any]:  # noqa: ANN401  whatever JSON held
    """The answer to one case; one that cannot be read is undetermined, never an error."""
    name = doc.get("id") if isinstance(doc, dict) else None
    answer = {"id": name if isinstance(name, str) else None}
    try:
        case = reading.mapping(doc, "case")
        reading.known_keys(case, {"id", "layers", "request"} | _FOR_PEOPLE)
        reading.text(name, "id")
        layers = read_layers(case.get("layers"))  # type: ignore[arg-type]
        request = read_request(case.get("request"))
    except BadCase as error:
        return answer | {
            "verdict": Verdict.UNDETERMINED.word,
            "reasons": [error.code],
            "obligations": [],
            "clearable": [],
            "message": str(error),
        }
    decision = decide(layers, request, rulebook)
    return answer | {
        "verdict": decision.verdict.word,
        "reasons": list(decision.reasons),
        "obligations": list(decision.obligations),
        "clearable": list(decision.clearable),
    }
