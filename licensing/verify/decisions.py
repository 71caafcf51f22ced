"""Verify a stored decision by its proof: does the verdict follow from what the proof says it saw?

In: the document of a decision (`facts.decision_doc`). Out: a report. The rules of combination are
stated here a second time, in the shortest form that cannot be too lax: whatever the engine did, a
verdict freer than its own proof supports is found. How one basis was read is not judged again; the
facts in the proof let a person do that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from licensing.facts.vocabulary import LAYER_KINDS, STREAMS
from licensing.manifest import canonical, digest
from licensing.verify.report import Finding, Report, failed, passed

_TRUTHS = {"F": 0, "U": 1, "T": 2}
_VERDICTS = ("deny", "undetermined", "permit")
_STRICT = ("likeness", "voice", "biometric")  # evidence E1 at least, all others E2
_OF_THE_WHOLE = ("NO_LAYERS", "INCOMPATIBLE_SA")  # reasons that no single layer gives


def verify_decision(doc: Mapping[str, Any]) -> Report:
    """Judge the document of a decision by the proof that it carries."""
    try:
        findings = tuple(_faults(doc, doc["proof"]))
        layers = len(doc["proof"]["layers"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        said = f"the proof cannot be read: {type(error).__name__} {error}"
        return Report(
            findings=(failed("proof", code="PROOF_MALFORMED", subject="proof", message=said),)
        )
    if findings:
        return Report(findings=findings)
    return Report(findings=(passed("proof", f"{doc['verdict']} follows from {layers} layers"),))


def _faults(doc: Mapping[str, Any], proof: Mapping[str, Any]) -> Iterator[Finding]:
    layers: Sequence[Mapping[str, Any]] = proof["layers"]
    if digest(proof["request"]) != doc["request_digest"]:
        yield _fault("REQUEST", "the proof", "is about another request")
    yield from _facts(doc, proof)
    if doc["verdict"] != proof["verdict"] or list(doc["reasons"]) != list(proof["reasons"]):
        yield _fault("VERDICT", "the decision", "says something else than its proof")
    for layer in layers:
        yield from _layer(layer, proof["request"])
    least = min((_TRUTHS[layer["value"]] for layer in layers), default=1)
    broken = "INCOMPATIBLE_SA" in doc["reasons"]
    if _VERDICTS.index(doc["verdict"]) != (0 if broken else least):
        yield _fault("LEAST", "the decision", f"is not that of its least layer, {_VERDICTS[least]}")
    yield from _reasons(doc, [layer for layer in layers if _TRUTHS[layer["value"]] == least])
    if doc["verdict"] == "permit":
        yield from _duties(doc, layers)


def _facts(doc: Mapping[str, Any], proof: Mapping[str, Any]) -> Iterator[Finding]:
    """The proof holds every fact that was decided on, and leaves out only what was not asked."""
    unasked = list(proof["out_of_scope"])
    every = [layer["facts"] for layer in proof["layers"]] + unasked
    every.sort(key=lambda one: (LAYER_KINDS.index(one["layer"]), canonical(one)))
    if digest(every) != doc["facts_digest"]:
        yield _fault("FACTS", "the proof", "does not hold the facts that were decided on")
    asked = proof["request"].get("streams", STREAMS)
    for facts in unasked:
        elsewhere = facts.get("stream") in STREAMS and facts["stream"] not in asked
        if not elsewhere and not (facts["layer"] == "tool" and facts.get("covers_output") is False):
            yield _fault("SCOPE", str(facts["layer"]), "is left out although it is asked for")


def _layer(layer: Mapping[str, Any], request: Mapping[str, Any]) -> Iterator[Finding]:
    facts, value = layer["facts"], _TRUTHS[layer["value"]]
    name = str(facts["layer"])
    forbids = max((_TRUTHS[basis["forbids"]] for basis in layer["bases"]), default=0)
    if value > 2 - forbids:
        yield _fault("FORBIDDEN", name, "is freer than a basis that forbids allows")
    for basis in layer["bases"]:
        if _TRUTHS[basis["grant"]] > min(
            (_TRUTHS[one["truth"]] for one in basis["steps"]), default=2
        ):
            yield _fault("STEP", f"{name}, {basis['type']}", "grants against one of its conditions")
    if value == 2:
        yield from _permitted(layer, request, name)


def _permitted(
    layer: Mapping[str, Any], request: Mapping[str, Any], name: str
) -> Iterator[Finding]:
    facts = layer["facts"]
    grounds = {(one["type"], one["id"]) for one in layer["bases"] if one["grant"] == "T"}
    floor = "E1" if name in _STRICT else "E2"
    good = {
        (one["type"], one.get("id"))
        for one in facts["basis"]
        if one.get("grade", floor) <= floor and one["type"] != "aggregator_claim"
        if "SURVIVAL" in layer["codes"] or not _barred(one, request)
    }
    if not grounds & good:
        yield _fault("GROUNDLESS", name, "permits without a basis that grants on enough evidence")
    if facts.get("taken_down"):
        yield _fault("TAKEN_DOWN", name, "permits what was taken down")
    if facts.get("stream", STREAMS[0]) not in STREAMS:
        yield _fault("UNMAPPED", name, f"permits the unmapped stream {facts['stream']}")


def _barred(basis: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """Do the plain terms of an agreement or consent, read without the engine, bar the request?"""
    named = basis.get("scope") if basis["type"] == "consent" else basis.get("actions")
    if named is not None and not {"use", request["action"]} & set(named):
        return True
    if basis.get("commercial") is False and request["commercial"] is not False:
        return True
    if "recorded" in basis and request.get("known", basis["recorded"]) < basis["recorded"]:
        return False  # the end was not yet on record
    if "valid" not in basis:
        return False
    start, end = basis["valid"] or (None, None)
    at = request.get("at")
    return at is None or start is None or end is None or not start <= at < end


def _reasons(doc: Mapping[str, Any], holding: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    given = {code for layer in holding for code in layer["codes"]}
    loose = [one for one in doc["reasons"] if one not in given and one not in _OF_THE_WHOLE]
    if loose or not doc["reasons"]:
        named = ", ".join(loose) or "none"
        yield _fault("REASON", "the decision", f"gives reasons that no layer holds: {named}")


def _duties(doc: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    kept = {_key(duty) for duty in doc["obligations"]}
    for layer in layers:
        lost = sorted({_key(duty) for duty in layer["duties"]} - kept)
        if lost:
            name = str(layer["facts"]["layer"])
            yield _fault("DUTY", name, f"has duties that the decision lost: {', '.join(lost)}")


def _key(duty: str) -> str:
    """A duty without its parameter: the strictest of several stands for all."""
    return duty.partition(":")[0]


def _fault(code: str, subject: str, why: str) -> Finding:
    return failed("proof", code=f"PROOF_{code}", subject=subject, message=f"{subject} {why}")
