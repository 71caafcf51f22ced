"""SPDX expressions, and licence names as people write them."""

from licensing.expression.names import Normalised, normalise
from licensing.expression.trees import Tree, leaves, parse, spdx_name

__all__ = ["Normalised", "Tree", "leaves", "normalise", "parse", "spdx_name"]
