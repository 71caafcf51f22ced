"""A proof of entries stands by itself; whatever is changed in it is found."""

import json

import pytest

from licensing.manifest import public_of, sha256_hex
from licensing.merkle import inclusion_proof, leaf_hash, tree_head
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


def raw(*entries, secret=SECRET, **changes):
    note = sign_head("clearway/x", size=5, root=tree_head(HASHES).hex(), secret=secret)
    return json.dumps(log_proof(note, entries) | changes).encode()


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
    ],
)
def test_a_proof_that_cannot_be_read_or_that_nobody_signed_is_refused(proof, code):
    report = verify_entries(proof, PUBLICS)

    assert [one.code for one in report.failed] == [code]
