"""A decision in words.

`explain` reads the proof only, so that the paragraph and the proof cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from licensing.facts import Decision, Verdict

_WORDS: Final = {
    "ACTION_NOT_GRANTED": "the agreement does not name this use",
    "ACTION_NOT_NAMED": "the agreement names a wider use, not this one",
    "BREACH": "the licence ended with a breach that was not cured in time",
    "CAPACITY": "the person could not consent",
    "CHAIN_BROKEN": "the papers do not lead from the holder to whoever granted it to us",
    "CHAIN_CYCLIC": "the chain of sublicences runs in a circle",
    "CONDITION_PRECEDENT": "something must be done before the agreement grants it",
    "CONFLICT": "two statements contradict each other and a person must settle which one holds",
    "CONSENT_WITHDRAWN": "the person has withdrawn consent",
    "CUSTOM_TEXT_UNREAD": "nobody has read the holder's own terms yet",
    "ERASURE": "the person has asked for erasure",
    "EVIDENCE_GRADE": "the permissive statement rests on weak evidence",
    "EXPIRED": "the agreement has ended",
    "HIGHER_GRADE_RESTRICTS": "better evidence restricts what a weaker statement allows",
    "INCOMPATIBLE_SA": "no licence satisfies both share-alike licences at once",
    "LICENCE_UNKNOWN": "the licence is not in the rulebook",
    "LIKENESS_CONSENT": "the person shown has given no consent",
    "LIKENESS_UNKNOWN": "it is not known whether a person shown has consented",
    "MEDIA_LAYER_UNKNOWN": "nothing is known about the rights in the media itself",
    "NC": "the licence allows non-commercial use only",
    "NOT_YET_VALID": "the agreement has not begun",
    "NO_GRANT": "it is known that nobody granted anything",
    "NO_LAYERS": "no right is on record for what is asked",
    "NO_LICENCE_EVIDENCE": "no licence is on record",
    "NO_SUBLICENCE": "the agreement does not allow to pass the material on",
    "OBLIGATION_BREACHED": "a duty under the agreement was broken",
    "OBLIGATION_OVERDUE": "a duty under the agreement is overdue",
    "OBLIGATION_UNKNOWN": "nobody has read what the agreement demands of us",
    "OUT_LICENCE_UNKNOWN": "it is not stated under which licence the result goes out",
    "PURPOSE": "the use lies outside the agreed purpose",
    "RESEARCH_ONLY": "the licence allows research only",
    "RESTRICTED": "the agreement bars this use",
    "RESTRICTION_UNKNOWN": "it is not known whether the agreement bars this use",
    "SA_DATA": "adapted data may go out only under a licence that share-alike allows",
    "SA_OUTPUT": "weights may go out only under a licence that share-alike allows",
    "SIGNAL_RESERVED": "the holder has reserved this use",
    "TAKEDOWN_SIGNAL": "the source was taken down",
    "TDM_NOT_ENABLED": "no counsel has enabled the statutory exception",
    "TDM_RESERVED": "the holder has reserved text and data mining",
    "TERM_UNMAPPED": "the agreement holds a term that nobody has mapped to the request yet",
    "TERRITORY": "the use lies outside the territory",
    "TERRITORY_UNKNOWN": "the territory of the use is not stated",
    "TIME_UNKNOWN": "a dated fact decides and the request has no date",
    "UNANSWERED": "nobody has answered this question of the checklist yet",
    "VOICE_CONSENT": "the person heard has given no consent",
}
_VERDICTS: Final = {
    "permit": "The use is permitted",
    "deny": "The use is denied",
    "undetermined": "The use is not cleared: a fact is missing or contested",
}


def explain(decision: Decision) -> str:
    """One paragraph: the verdict, why, on which licences and clauses it rests, what is owed."""
    request = decision.proof["request"]
    value = "commercial" if request["commercial"] else "non-commercial"
    if request["commercial"] is None:
        value = "commercial or non-commercial"
    sentences = [
        f"{_VERDICTS[decision.verdict.word]} ({value} {request['action'].replace('_', ' ')},"
        f" profile {decision.profile})."
    ]
    deciding = [
        one
        for one in decision.proof["layers"]
        if decision.verdict is Verdict.PERMIT or set(one["codes"]) & set(decision.reasons)
    ]
    sentences += [_layer_sentence(one) for one in deciding if one["value"] != "T"]
    if decision.verdict is Verdict.PERMIT:
        grounds = sorted({_ground(basis) for one in deciding for basis in one["bases"]})
        sentences.append(f"It rests on {_listed(grounds)}.")
    for code in decision.reasons:
        if code in {"NO_LAYERS", "INCOMPATIBLE_SA"}:
            sentences.append(f"{_told(code)} [{code}].".capitalize())
    if decision.obligations:
        sentences.append(f"Duties: {_listed(decision.obligations)}.")
    if decision.clearable and decision.verdict is not Verdict.PERMIT:
        sentences.append(f"Cleared alone: {_listed(decision.clearable)}.")
    sentences.append(f"Rulebook {decision.rulebook_digest[:8]}; not legal advice.")
    return " ".join(sentences)


def _layer_sentence(proof: dict[str, Any]) -> str:
    facts = proof["facts"]
    place = " ".join(facts[key] for key in ("item", "part", "stream") if key in facts)
    name = facts["layer"].replace("_", " ") + (f" of the {place}" if place else "")
    told = "; ".join(f"{_told(code)} [{code}]" for code in proof["codes"])
    cited = sorted(
        {
            f"{basis['id']} s.{step['cite']}"
            for basis in proof["bases"]
            for step in basis["steps"]
            if basis["id"] and step.get("cite") and step.get("code") in proof["codes"]
        }
    )
    return f"For the {name}: {told}{f' ({_listed(cited)})' if cited else ''}."


def _told(code: str) -> str:
    return _WORDS.get(code.partition(":")[0], code.partition(":")[0].replace("_", " ").lower())


def _ground(basis: dict[str, Any]) -> str:
    return str(basis["id"] or basis["type"].replace("_", " "))


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
