"""Facts about rights as frozen values, their documents, and the closed sets they are made of."""

from licensing.facts.canonical import canonical, doc_digest
from licensing.facts.layers import decision_digest, decision_doc, layer_doc, read_layers
from licensing.facts.model import Basis, Decision, Layer, Signal, Verdict

__all__ = [
    "Basis",
    "Decision",
    "Layer",
    "Signal",
    "Verdict",
    "canonical",
    "decision_digest",
    "decision_doc",
    "doc_digest",
    "layer_doc",
    "read_layers",
]
