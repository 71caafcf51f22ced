"""Merkle trees of RFC 9162 (section 2.1): heads, inclusion proofs and consistency proofs.

In: leaf hashes of 32 bytes, made with `leaf_hash`, in the order of the log. Out: tree heads, proofs
and yes or no. For a log too long to be read, a proof is a list of spans of leaves, and a span is
the join of a few full subtrees: whoever keeps the heads of those reads some twenty in a million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from licensing.errors import PaperError

Span = tuple[int, int]  # the leaves [start, end)
Subtree = tuple[int, int]  # its last leaf, and its level: it is full and has 2**level leaves


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry; its prefix keeps a leaf from passing for an inner node."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The head over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_head(leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over `leaf_hashes`; that of no leaves is the hash of nothing."""
    if not leaf_hashes:
        return hashlib.sha256(b"").digest()
    level = list(leaf_hashes)
    while len(level) > 1:  # pairing level by level gives the RFC's split at powers of two
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The siblings on the way from leaf `index` up to the head of the whole tree.

    Raises:
        PaperError: LEAF_UNKNOWN if there is no leaf of that index.
    """
    spans = inclusion_spans(index, len(leaf_hashes))
    return tuple(tree_head(leaf_hashes[start:end]) for start, end in spans)


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """The nodes that show the first `old_size` leaves to be the older tree, unchanged.

    Raises:
        PaperError: LEAF_UNKNOWN if `old_size` is not between 1 and the number of leaves.
    """
    spans = consistency_spans(old_size, len(leaf_hashes))
    return tuple(tree_head(leaf_hashes[start:end]) for start, end in spans)


def inclusion_spans(index: int, size: int) -> tuple[Span, ...]:
    """The spans whose heads are the inclusion proof of leaf `index` in a tree of `size` leaves.

    Raises:
        PaperError: LEAF_UNKNOWN if there is no leaf of that index.
    """
    if not 0 <= index < size:
        raise _no_such_leaf(index, size)
    spans, start, end = list[Span](), 0, size
    while end - start > 1:
        cut = start + _split(end - start)
        if index < cut:
            spans.append((cut, end))
            end = cut
        else:
            spans.append((start, cut))
            start = cut
    return tuple(reversed(spans))


def consistency_spans(old_size: int, new_size: int) -> tuple[Span, ...]:
    """The spans whose heads are the consistency proof between trees of these sizes.

    Raises:
        PaperError: LEAF_UNKNOWN if `old_size` is not between 1 and `new_size`.
    """
    if not 1 <= old_size <= new_size:
        raise _no_such_leaf(old_size - 1, new_size)
    spans, start, end = list[Span](), 0, new_size
    while end > old_size:
        cut = start + _split(end - start)
        if old_size <= cut:
            spans.append((cut, end))
            end = cut
        else:
            spans.append((start, cut))
            start = cut
    if start:  # else it is the old tree itself, whose head is known
        spans.append((start, end))
    return tuple(reversed(spans))


def subtrees(start: int, end: int) -> tuple[Subtree, ...]:
    """The full subtrees that make up a span of a proof, or a whole tree, from left to right."""
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        start += 1 << level
        found.append((start - 1, level))
    return tuple(found)


def join(heads: Sequence[bytes]) -> bytes:
    """The head over full subtrees, given from left to right; that of none is the hash of nothing.

    This is `tree_head` for whoever has the heads of `subtrees`.
    """
    if not heads:
        return tree_head(())
    joined = heads[-1]
    for one in reversed(heads[:-1]):
        joined = node_hash(one, joined)
    return joined


def grown(
    size: int, heads: Sequence[bytes], leaf_hashes: Iterable[bytes]
) -> Iterator[tuple[Subtree, bytes]]:
    """The subtrees of more than one leaf that become full when leaves are added, with their heads.

    `heads` are those of `subtrees(0, size)`. A million leaves added add a million, less a few.
    """
    open_heads = list(heads)
    for index, leaf in enumerate(leaf_hashes, size):
        node = leaf
        for level in range(1, (~index & index + 1).bit_length()):  # one for each trailing 1 bit
            node = node_hash(open_heads.pop(), node)
            yield (index, level), node
        open_heads.append(node)


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
            node = node_hash(sibling, node)
            while not low & 1 and low:
                low, last = low >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
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
            old, new = node_hash(node, old), node_hash(node, new)
            while not low & 1 and low:
                low, last = low >> 1, last >> 1
        else:
            new = node_hash(new, node)
        low, last = low >> 1, last >> 1
    return (old, new) if last == 0 else None


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _no_such_leaf(index: int, size: int) -> PaperError:
    return PaperError(
        f"leaf {index} does not exist in a tree of {size}",
        code="LEAF_UNKNOWN",
        subject=str(index),
        way_out="ask for a size or an index that the log has reached",
    )
