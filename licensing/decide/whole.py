"""The verdict of the whole: the least of its layers, and the largest part that alone would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from licensing import compose
from licensing.decide.layers import Judged, LayerVerdict, judge_layer
from licensing.decide.matter import Matter, asked_of
from licensing.facts import Decision, Layer, Verdict, canonical, doc_digest, layer_doc
from licensing.facts.vocabulary import LAYER_KINDS, STREAMS
from licensing.logic import Step, Truth
from licensing.request import Request, request_doc
from licensing.rulebook import Rulebook
from licensing.signals import read_signals

_DIMENSIONS: Final = ("item", "part")


def decide(layers: Sequence[Layer], request: Request, rulebook: Rulebook) -> Decision:
    """Permit `request` when every layer in scope does; otherwise say every reason why not."""
    stated = _in_order(layers)
    ordered = [layer for layer, _ in stated]
    judged = _judge(ordered, request, rulebook)
    verdict, reasons = _together(judged, request)
    duties = (
        compose.duties((duty for one in judged for duty in one.duties), request)
        if verdict is Verdict.PERMIT
        else compose.consequences(
            duty for one in judged if one.value is Truth(int(verdict)) for duty in one.consequences
        )
    )
    asked = request_doc(request)
    proof = {
        "verdict": verdict.word,
        "reasons": list(reasons),
        "request": asked,
        **_layers_proof(stated, judged),
    }
    return Decision(
        verdict=verdict,
        reasons=reasons,
        obligations=duties,
        clearable=_clearable(ordered, judged, request, rulebook=rulebook),
        request_digest=doc_digest(asked),
        facts_digest=doc_digest([doc for _, doc in stated]),
        rulebook_digest=rulebook.digest,
        profile=request.profile,
        proof=proof,
    )


def _in_order(layers: Sequence[Layer]) -> list[tuple[Layer, dict[str, Any]]]:
    """Every layer once with its document, kinds in a fixed order: the order must not matter."""
    stated = ((layer, layer_doc(layer)) for layer in layers)
    alone = {
        (LAYER_KINDS.index(layer.layer), canonical(doc)): (layer, doc) for layer, doc in stated
    }
    return [alone[key] for key in sorted(alone)]


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


def _clearable(
    layers: Sequence[Layer],
    judged: Sequence[LayerVerdict],
    request: Request,
    *,
    rulebook: Rulebook,
) -> tuple[str, ...]:
    """The items, parts and streams that alone permit, and the picture without a masked region."""
    found = []
    for dimension in _DIMENSIONS:
        labels = sorted({label for one in layers if (label := getattr(one, dimension))})
        for label in labels:
            own = [one for one in judged if getattr(one.layer, dimension) in {None, label}]
            if _permits(own, request):
                found.append(f"{dimension}:{label}")
    found += [
        f"without-region:{region}"
        for region in sorted({one.region for one in layers if one.region})
        if _permits([one for one in judged if one.layer.region != region], request)
    ]
    if any(one.stream for one in layers):
        streams = request.streams or STREAMS
        alone = {one: replace(request, streams=(one,)) for one in streams}
        found += [
            f"stream:{one}"
            for one, asked in alone.items()
            if _permits(_judge(layers, asked, rulebook), asked)
        ]
    return tuple(found)


def _permits(judged: Sequence[LayerVerdict], request: Request) -> bool:
    return _together(judged, request)[0] is Verdict.PERMIT


def _layers_proof(
    stated: Sequence[tuple[Layer, dict[str, Any]]], judged: Sequence[LayerVerdict]
) -> dict[str, Any]:
    """The tree: layer -> basis -> condition, each with what it rests on; and what was not asked."""
    said = {id(one.layer): one for one in judged}
    return {
        "layers": [
            _layer_proof(said[id(layer)], doc) for layer, doc in stated if id(layer) in said
        ],
        "out_of_scope": [doc for layer, doc in stated if id(layer) not in said],
    }


def _layer_proof(one: LayerVerdict, doc: dict[str, Any]) -> dict[str, Any]:
    return {
        "facts": doc,
        "value": one.value.name,
        "codes": list(one.codes),
        "duties": list(one.duties),
        "bases": [_basis_proof(basis) for basis in one.bases],
    }


def _basis_proof(one: Judged) -> dict[str, Any]:
    return {
        "type": one.basis.type,
        "id": one.basis.id,
        "evidence": [paper.digest for paper in one.basis.evidence if paper.digest],
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
