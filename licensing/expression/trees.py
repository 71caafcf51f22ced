"""SPDX expressions as trees; the library's parser is called here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, TypeAlias

from license_expression import ExpressionError, Licensing, get_spdx_licensing

Tree: TypeAlias = "str | tuple[str, tuple[Tree, ...]]"

_LONGEST: Final = 1_000
_WORDS: Final = frozenset({"and", "or", "with"})
_PARSER: Final = Licensing()
_DATED: Final = re.compile(r"(?!LicenseRef-)\S*\d\S*")  # an old id that states a version


def parse(text: str) -> Tree | None:
    """The tree of an SPDX expression: a licence, or AND / OR over trees; None if it is none.

    An exception (`WITH`) of the SPDX list only widens, so its licence stands for it; another may
    narrow, and makes the text no expression. Operators are upper case: the words in prose are none.
    """
    if len(text) > _LONGEST:
        return None
    words = text.replace("(", " ").replace(")", " ").split()
    if not all(word.isupper() for word in words if word.casefold() in _WORDS):
        return None
    try:
        node = _PARSER.parse(text)
    except ExpressionError:
        return None
    if node is None or not all(str(one).casefold() in _exceptions() for one in _added(node)):
        return None
    return _tree(node)


def leaves(tree: Tree) -> tuple[str, ...]:
    """The licences that `tree` names, in order."""
    if isinstance(tree, str):
        return (tree,)
    return tuple(name for part in tree[1] for name in leaves(part))


def spdx_name(text: str) -> str:
    """How SPDX documents name a licence: an expression of ids on its list, or a `LicenseRef-`."""
    tree = parse(text)
    if tree is not None and all(one.casefold() in spdx_ids() for one in leaves(tree)):
        return spdx_ids()[tree.casefold()] if isinstance(tree, str) else text
    plain = re.sub(r"[^A-Za-z0-9.-]+", "-", text.removeprefix("LicenseRef-")).strip("-")
    return f"LicenseRef-{plain or 'unnamed'}"


@cache
def spdx_ids() -> dict[str, str]:
    """Casefolded SPDX id or deprecated id -> the id in use; an old id without version is none."""
    found: dict[str, str] = {}
    for symbol in get_spdx_licensing().known_symbols.values():
        if not symbol.is_exception and not symbol.key.startswith("LicenseRef-"):
            names = (symbol.key, *symbol.aliases)
            found |= {
                name.casefold(): symbol.key
                for name in names
                if name == symbol.key or _DATED.fullmatch(name)
            }
    return found


@cache
def _exceptions() -> frozenset[str]:
    known = get_spdx_licensing().known_symbols.values()
    return frozenset(one.key.casefold() for one in known if one.is_exception)


def _added(node: Any) -> Iterator[Any]:  # noqa: ANN401  the library has no types
    for leaf in node.get_literals():
        if hasattr(leaf, "exception_symbol"):
            yield leaf.exception_symbol.key


def _tree(node: Any) -> Tree:  # noqa: ANN401  the library has no types
    if node.isliteral is False:
        return (str(node.operator).strip(), tuple(_tree(one) for one in node.args))
    return str(getattr(node, "license_symbol", node).key)
