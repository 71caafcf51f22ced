"""The decision: layers and a request come in, a verdict with its proof goes out; pure and total."""

from licensing.decide.cases import decide_case
from licensing.decide.whole import decide

__all__ = ["decide", "decide_case"]
