"""The decision: layers and a request come in, a verdict with its proof goes out; pure and total."""

from licensing.decide.cases import decide_case
from licensing.decide.layers import bases_in_order
from licensing.decide.whole import decide

__all__ = ["bases_in_order", "decide", "decide_case"]
