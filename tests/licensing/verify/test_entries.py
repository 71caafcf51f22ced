"""A proof of entries stands by itself; whatever is changed in it is found."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.manifest import canonical, public_of, sha256_hex
from licensing.merkle import consistency_proof, inclusion_proof, leaf_hash, tree_head
from licensing.note import log_proof, sign_head
from licensing.verify import verify_entries
from tests.builders import OTHER_SECRET, SECRET

PUBLICS = [public_of(SECRET)]
DOCUMENTS = [f'{{"party_id":"p{number}"}}' for number in range(5)]


def leaf_of(document):
    return json.dumps(
        {
            "kind": "parties",
            "table_name": "parties",
            "key": json.loads(document)["party_id"],
            "digest": sha256_hex(document.encode()),
            "recorded_at": "2026-11-24T12:00:00.000000Z",
        }
    )


LEAVES = [leaf_of(one) for one in DOCUMENTS]
HASHES = [leaf_hash(one.encode()) for one in LEAVES]


def entry(index, /, **changes):
    path = [one.hex() for one in inclusion_proof(HASHES, index)]
    said = {"index": index, "leaf": LEAVES[index], "path": path, "document": DOCUMENTS[index]}
    return said | changes


def note(size=5, *, origin="clearway/x", secret=SECRET):
    return sign_head(origin, size=size, root=tree_head(HASHES[:size]).hex(), secret=secret)


def raw(*entries, secret=SECRET, older=None, **changes):
    proof = json.loads(log_proof(note(secret=secret), entries, older))
    return canonical(proof | changes)


def older(size=3, *, path=None, **how):
    found = [one.hex() for one in consistency_proof(HASHES, size)]
    return {"note": note(size, **how), "path": found if path is None else path}


def test_entries_are_proven_with_their_documents_or_by_digest():
    report = verify_entries(raw(entry(0), entry(4, document=None)), PUBLICS)

    assert report.passed
    assert [one.check for one in report.findings] == ["head", "entry 0", "entry 4"]
    assert "parties p0, recorded at 2026" in report.findings[1].message
    assert "by its digest" in report.findings[2].message


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"leaf": LEAVES[2]}, "LOG_BROKEN"),
        ({"index": 3}, "LOG_BROKEN"),
        ({"index": 9}, "LOG_BROKEN"),
        ({"path": ["00" * 32]}, "LOG_BROKEN"),
        ({"document": DOCUMENTS[2]}, "DOCUMENT_CHANGED"),
        ({"leaf": "{"}, "PROOF_MALFORMED"),
        ({"leaf": "{}"}, "PROOF_MALFORMED"),
    ],
)
def test_an_entry_that_was_changed_is_named(changes, code):
    report = verify_entries(raw(entry(0), entry(1, **changes)), PUBLICS)

    assert [one.code for one in report.failed] == [code]
    assert not report.passed


@pytest.mark.parametrize(
    ("proof", "code"),
    [
        (b"\xff", "MANIFEST_MALFORMED"),
        (b"[]", "MANIFEST_MALFORMED"),
        (raw(entry(0), schema="other/1"), "MANIFEST_MALFORMED"),
        (raw(entry(0, path="no list")), "MANIFEST_MALFORMED"),
        (raw(entry(0), note="no note"), "HEAD_MALFORMED"),
        (raw(entry(0), secret=OTHER_SECRET), "KEY_UNKNOWN"),
        (raw(entry(0), older={"note": "", "path": []}), "MANIFEST_MALFORMED"),
        (raw(entry(0)) + b"\n", "MANIFEST_MALFORMED"),
    ],
)
def test_a_proof_that_cannot_be_read_or_that_nobody_signed_is_refused(proof, code):
    report = verify_entries(proof, PUBLICS)

    assert [one.code for one in report.failed] == [code]


def test_an_older_head_is_shown_to_be_the_beginning_of_this_one():
    report = verify_entries(raw(older=older()), PUBLICS)

    assert report.passed
    assert [one.check for one in report.findings] == ["head", "older head"]
    assert "the first 3 entries" in report.findings[1].message


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (older(path=[]), "LOG_BROKEN"),
        (older(origin="clearway/y"), "LOG_BROKEN"),
        (older(secret=OTHER_SECRET), "KEY_UNKNOWN"),
        ({"note": note(4), "path": older(3)["path"]}, "LOG_BROKEN"),
    ],
)
def test_an_older_head_that_this_log_does_not_continue_is_refused(before, code):
    report = verify_entries(raw(entry(1), older=before), PUBLICS)

    assert [(one.check, one.code) for one in report.failed] == [("older head", code)]


PROOF = raw(entry(0), entry(3), older=older())


@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_no_changed_byte_of_a_proof_passes(at, mask):
    changed = bytearray(PROOF)
    changed[at] ^= mask

    report = verify_entries(bytes(changed), PUBLICS)

    assert report.failed
    assert all(one.code and one.subject and one.message for one in report.failed)
