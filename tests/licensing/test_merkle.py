"""Merkle trees against the vectors of RFC 6962 and against their own definition."""

import hashlib
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.errors import PaperError
from licensing.merkle import (
    consistency_holds,
    consistency_proof,
    consistency_spans,
    grown,
    inclusion_holds,
    inclusion_proof,
    inclusion_spans,
    join,
    leaf_hash,
    subtrees,
    tree_head,
)

# The eight leaves and their heads that the certificate-transparency implementations test with.
LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
HEADS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("size", range(9))
def test_heads_are_those_of_the_known_vectors(size):
    assert tree_head(LEAVES[:size]).hex() == HEADS[size]


def test_a_known_inclusion_proof():
    proof = inclusion_proof(LEAVES, 0)

    assert [node.hex() for node in proof] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]


def test_a_known_consistency_proof():
    proof = consistency_proof(LEAVES, 6)

    assert [node.hex() for node in proof] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def leaves_of(size):
    return [leaf_hash(bytes([at])) for at in range(size)]


@pytest.mark.parametrize("size", range(1, 18))
def test_every_leaf_is_shown_to_be_included_and_no_other(size):
    leaves = leaves_of(size)
    head = tree_head(leaves)
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(leaves, index)
        assert inclusion_holds(leaf, index=index, size=size, proof=proof, head=head)
        assert not inclusion_holds(leaf_hash(b"?"), index=index, size=size, proof=proof, head=head)
        assert not inclusion_holds(leaf, index=size, size=size, proof=proof, head=head)
        assert not inclusion_holds(leaf, index=index, size=size, proof=(*proof, head), head=head)
        if proof:
            assert not inclusion_holds(leaf, index=index, size=size, proof=proof[:-1], head=head)


@pytest.mark.parametrize("new_size", range(1, 18))
def test_every_older_tree_is_shown_to_be_contained(new_size):
    leaves = leaves_of(new_size)
    new_head = tree_head(leaves)
    for old_size in range(1, new_size + 1):
        old_head, proof = tree_head(leaves[:old_size]), consistency_proof(leaves, old_size)
        holds = partial(
            consistency_holds,
            old_size=old_size,
            new_size=new_size,
            old_head=old_head,
            new_head=new_head,
            proof=proof,
        )

        assert holds()
        assert not holds(proof=(*proof, new_head))
        assert not holds(old_head=leaf_hash(b"?"))
        assert not holds(new_head=leaf_hash(b"?"))
        if proof:
            assert not holds(proof=proof[:-1])
            assert not holds(proof=())


@given(st.lists(st.binary(max_size=4), min_size=2, max_size=40), st.data())
def test_a_rewritten_log_has_no_proof(entries, data):
    old_size = data.draw(st.integers(1, len(entries) - 1))
    changed = data.draw(st.integers(0, old_size - 1))
    old = [leaf_hash(entry) for entry in entries]
    new = [*old[:changed], leaf_hash(b"changed"), *old[changed + 1 :]]

    assert not consistency_holds(
        old_size=old_size,
        new_size=len(new),
        old_head=tree_head(old[:old_size]),
        new_head=tree_head(new),
        proof=consistency_proof(new, old_size),
    )


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40))
def test_the_head_follows_the_recursive_definition(entries):
    leaves = [leaf_hash(entry) for entry in entries]

    def head(part):
        if len(part) == 1:
            return part[0]
        cut = 1
        while cut * 2 < len(part):
            cut *= 2
        return hashlib.sha256(b"\x01" + head(part[:cut]) + head(part[cut:])).digest()

    assert tree_head(leaves) == head(leaves)


@pytest.mark.parametrize(("old_size", "new_size"), [(0, 3), (4, 3), (-1, 2)])
def test_sizes_that_no_log_had_are_refused(old_size, new_size):
    head = tree_head(leaves_of(3))

    assert not consistency_holds(
        old_size=old_size, new_size=new_size, old_head=head, new_head=head, proof=()
    )
    with pytest.raises(PaperError, match="does not exist"):
        consistency_proof(leaves_of(new_size), old_size)


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_is_not_there_has_no_proof(index):
    with pytest.raises(PaperError, match=f"leaf {index} does not exist in a tree of 3") as caught:
        inclusion_proof(leaves_of(3), index)

    assert caught.value.code == "LEAF_UNKNOWN"


@pytest.mark.parametrize("size", range(18))
def test_a_tree_grown_leaf_by_leaf_or_at_once_has_the_head_of_its_leaves(size):
    leaves = leaves_of(size)
    kept = {(index, 0): leaf for index, leaf in enumerate(leaves)}
    for index, leaf in enumerate(leaves):
        heads = [kept[one] for one in subtrees(0, index)]
        kept |= dict(grown(index, heads, [leaf]))

    assert join([kept[one] for one in subtrees(0, size)]) == tree_head(leaves)
    assert dict(grown(0, (), leaves)) == {one: head for one, head in kept.items() if one[1]}


@given(st.integers(1, 300), st.data())
def test_proofs_of_a_kept_tree_are_those_of_its_leaves(size, data):
    leaves = [leaf_hash(b"%d" % index) for index in range(size)]
    kept = {(index, 0): leaf for index, leaf in enumerate(leaves)} | dict(grown(0, (), leaves))
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))

    def heads(spans):
        return tuple(join([kept[one] for one in subtrees(*span)]) for span in spans)

    assert heads(inclusion_spans(index, size)) == inclusion_proof(leaves, index)
    assert heads(consistency_spans(old_size, size)) == consistency_proof(leaves, old_size)


def test_a_proof_in_a_log_of_a_million_reads_few_subtrees():
    size = 1_000_003
    for spans in (inclusion_spans(700_000, size), consistency_spans(700_001, size)):
        assert sum(len(subtrees(*span)) for span in spans) <= 2 * size.bit_length()
