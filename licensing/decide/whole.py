"""The verdict of the whole: the least of its layers, and the largest part that alone would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import rfc8785

from licensing import compose
from licensing.decide.layers import Judged, LayerVerdict, judge_layer
from licensing.decide.matter import Matter, asked_of
from licensing.facts import Decision, Layer, Verdict, doc_digest, layer_doc
from licensing.facts.vocabulary import LAYER_KINDS, STREAMS
from licensing.logic import Step, Truth
from licensing.request import Request, request_digest, request_doc
from licensing.rulebook import Rulebook
from licensing.signals import read_signals

_DIMENSIONS: Final = ("item", "part")


def decide(layers: Sequence[Layer], request: Request, rulebook: Rulebook) -> Decision:
    """Permit `request` when every layer in scope does; otherwise say every reason why not."""
    ordered = _in_order(layers)
    judged = _judge(ordered, request, rulebook)
    verdict, reasons = _together(judged, request)
    duties = (
        compose.duties((duty for one in judged for duty in one.duties), request)
        if verdict is Verdict.PERMIT
        else compose.consequences(
            duty for one in judged if one.value is Truth(int(verdict)) for duty in one.consequences
        )
    )
    return Decision(
        verdict=verdict,
        reasons=reasons,
        obligations=duties,
        clearable=_clearable(ordered, request, rulebook),
        request_digest=request_digest(request),
        facts_digest=doc_digest([layer_doc(one) for one in ordered]),
        rulebook_digest=rulebook.digest,
        profile=request.profile,
        proof=_proof(judged, request, verdict=verdict, reasons=reasons),
    )


def _in_order(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Every layer once, kinds in a fixed order: the order of the facts must not matter."""
    alone = {(LAYER_KINDS.index(one.layer), rfc8785.dumps(layer_doc(one))): one for one in layers}
    return tuple(alone[key] for key in sorted(alone))


def _judge(
    layers: Sequence[Layer], request: Request, rulebook: Rulebook
) -> tuple[LayerVerdict, ...]:
    asked = asked_of(request, rulebook)
    return tuple(
        judge_layer(
            Matter(
                request=request,
                asked=asked,
                layer=one,
                signals=read_signals(one.signals or (), request.action, request.profile),
                rulebook=rulebook,
            )
        )
        for one in layers
        if _in_scope(one, request)
    )


def _in_scope(layer: Layer, request: Request) -> bool:
    """Is the layer about what is asked for? An unmapped stream always is."""
    if layer.layer == "tool" and layer.covers_output is False:
        return False
    asked = request.streams or STREAMS
    return layer.stream is None or layer.stream in asked or layer.stream not in STREAMS


def _together(judged: Sequence[LayerVerdict], request: Request) -> tuple[Verdict, tuple[str, ...]]:
    if not judged:
        return Verdict.UNDETERMINED, ("NO_LAYERS",)
    worst = min(one.value for one in judged)
    codes = [code for one in judged if one.value is worst for code in one.codes]
    broken = compose.incompatible([held for one in judged for held in one.bound], request)
    verdict = Verdict.DENY if broken else Verdict(int(worst))
    return verdict, compose.reasons(codes, first=broken)


def _clearable(layers: Sequence[Layer], request: Request, rulebook: Rulebook) -> tuple[str, ...]:
    """The items, parts and streams that alone permit."""
    found = []
    for dimension in _DIMENSIONS:
        labels = sorted({label for one in layers if (label := getattr(one, dimension))})
        for label in labels:
            own = [one for one in layers if getattr(one, dimension) in {None, label}]
            if _permits(own, request, rulebook):
                found.append(f"{dimension}:{label}")
    if any(one.stream for one in layers):
        streams = request.streams or STREAMS
        alone = {one: replace(request, streams=(one,)) for one in streams}
        found += [f"stream:{one}" for one in streams if _permits(layers, alone[one], rulebook)]
    return tuple(found)


def _permits(layers: Sequence[Layer], request: Request, rulebook: Rulebook) -> bool:
    verdict, _ = _together(_judge(layers, request, rulebook), request)
    return verdict is Verdict.PERMIT


def _proof(
    judged: Sequence[LayerVerdict],
    request: Request,
    *,
    verdict: Verdict,
    reasons: tuple[str, ...],
) -> dict[str, Any]:
    """The tree: verdict -> layer -> basis -> condition, each with what it rests on."""
    return {
        "verdict": verdict.word,
        "reasons": list(reasons),
        "request": request_doc(request),
        "layers": [_layer_proof(one) for one in judged],
    }


def _layer_proof(one: LayerVerdict) -> dict[str, Any]:
    return {
        "facts": layer_doc(one.layer),
        "value": one.value.name,
        "codes": list(one.codes),
        "duties": list(one.duties),
        "bases": [_basis_proof(basis) for basis in one.bases],
    }


def _basis_proof(one: Judged) -> dict[str, Any]:
    return {
        "type": one.basis.type,
        "id": one.basis.id,
        "rank": one.rank,
        "low": one.low,
        "grant": one.outcome.grant.name,
        "forbids": one.outcome.forbids.name,
        "codes": list(one.outcome.codes),
        "steps": [_step_proof(step) for step in one.outcome.steps],
    }


def _step_proof(step: Step) -> dict[str, Any]:
    doc = {"rule": step.rule, "truth": step.truth.name}
    if step.truth is not Truth.T:
        doc["code"] = step.code
    return doc | ({"cite": step.cite} if step.cite else {})
