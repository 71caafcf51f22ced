"""Merkle trees of RFC 9162 (section 2.1): heads, inclusion proofs and consistency proofs.

In: leaf hashes of 32 bytes, made with `leaf_hash`, in the order of the log. Out: tree heads, proofs
and yes or no. Everything is recomputed from the leaves: a log of a million entries costs about a
second a head, and no second copy of the tree can drift from it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from licensing.errors import PaperError


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry; its prefix keeps a leaf from passing for an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def tree_head(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over `leaf_hashes`; that of no leaves is the hash of nothing."""
    if not leaf_hashes:
        return hashlib.sha256(b"").digest()
    level = list(leaf_hashes)
    while len(level) > 1:  # pairing level by level gives the RFC's split at powers of two
        paired = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings on the way from leaf `index` up to the head of the whole tree.

    Raises:
        PaperError: LEAF_UNKNOWN if there is no leaf of that index.
    """
    if not 0 <= index < len(leaf_hashes):
        raise _no_such_leaf(index, len(leaf_hashes))
    if len(leaf_hashes) == 1:
        return ()
    cut = _split(len(leaf_hashes))
    left, right = leaf_hashes[:cut], leaf_hashes[cut:]
    if index < cut:
        return (*inclusion_proof(left, index), tree_head(right))
    return (*inclusion_proof(right, index - cut), tree_head(left))


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """The nodes that show the first `old_size` leaves to be the older tree, unchanged.

    Raises:
        PaperError: LEAF_UNKNOWN if `old_size` is not between 1 and the number of leaves.
    """
    if not 1 <= old_size <= len(leaf_hashes):
        raise _no_such_leaf(old_size - 1, len(leaf_hashes))
    return _subproof(leaf_hashes, old_size, known=True)


def inclusion_holds(
    leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], head: bytes
) -> bool:
    """Whether `proof` leads from `leaf` at `index` to the `head` of a tree of `size` leaves."""
    if not 0 <= index < size:
        return False
    node, low, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False  # a proof longer than the tree is high
        if low & 1 or low == last:
            node = _node(sibling, node)
            while not low & 1 and low:
                low, last = low >> 1, last >> 1
        else:
            node = _node(node, sibling)
        low, last = low >> 1, last >> 1
    return last == 0 and node == head


def consistency_holds(
    *, old_size: int, new_size: int, old_head: bytes, new_head: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether `proof` shows that the tree of `new_head` only adds to the tree of `old_head`."""
    if not 1 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_head == new_head
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_head)  # a full subtree: its head is a node of the new tree
    if not path:
        return False
    return _walk(path, old_size - 1, new_size - 1) == (old_head, new_head)


def _walk(path: list[bytes], low: int, last: int) -> tuple[bytes, bytes] | None:
    """The heads of the old and the new tree that `path` adds up to, or None if it does not fit."""
    while low & 1:
        low, last = low >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return None
        if low & 1 or low == last:
            old, new = _node(node, old), _node(node, new)
            while not low & 1 and low:
                low, last = low >> 1, last >> 1
        else:
            new = _node(new, node)
        low, last = low >> 1, last >> 1
    return (old, new) if last == 0 else None


def _subproof(leaves: Sequence[bytes], old_size: int, *, known: bool) -> tuple[bytes, ...]:
    if old_size == len(leaves):
        return () if known else (tree_head(leaves),)
    cut = _split(len(leaves))
    if old_size <= cut:
        return (*_subproof(leaves[:cut], old_size, known=known), tree_head(leaves[cut:]))
    return (*_subproof(leaves[cut:], old_size - cut, known=False), tree_head(leaves[:cut]))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _no_such_leaf(index: int, size: int) -> PaperError:
    return PaperError(
        f"leaf {index} does not exist in a tree of {size}",
        code="LEAF_UNKNOWN",
        subject=str(index),
        way_out="ask for a size or an index that the log has reached",
    )
