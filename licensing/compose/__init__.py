"""How rights compose: the outcomes of many layers, and the layers of what is made from others."""

from licensing.compose.derive import Derivation, derivation_doc, derive, read_derivation
from licensing.compose.whole import consequences, duties, incompatible, reasons

__all__ = [
    "Derivation",
    "consequences",
    "derivation_doc",
    "derive",
    "duties",
    "incompatible",
    "read_derivation",
    "reasons",
]
