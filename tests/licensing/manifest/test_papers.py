"""The clearance statement and the revocation list: exact shapes, refused though signed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from licensing import manifest as papers
from licensing.merkle import leaf_hash, tree_head
from tests import builders
from tests.builders import NOW, SECRET
from tests.licensing.refusals import code_of

PUBLIC = papers.public_of(SECRET)


def signed(payload, kind):
    return papers.sign_statement(payload, payload_type=kind, secret=SECRET)


def statement(**changes):
    given: dict[str, Any] = {
        "request": {"action": "train", "commercial": True},
        "profile": "conservative",
        "rulebook_digest": "a" * 64,
        "valid": "2026-11-24",
        "known": "2026-11-24",
        "decisions": ["c" * 64, "b" * 64, "c" * 64],
        "obligations": ["attribute"],
        "not_before": NOW,
        "not_after": NOW + timedelta(hours=24),
        "log": None,
    }
    return papers.clearance_statement("d" * 64, **(given | changes))


def clearance(doc, kind=papers.CLEARANCE_TYPE):
    return papers.open_clearance(signed(doc, kind=kind), (PUBLIC,))


def test_a_clearance_is_an_in_toto_statement_about_the_manifest():
    doc = statement(log={"origin": "here", "size": 3})
    raw = signed(doc, kind=papers.CLEARANCE_TYPE)
    found = papers.open_clearance(raw, (PUBLIC,))

    assert doc["_type"] == "https://in-toto.io/Statement/v1"
    assert doc["predicateType"] == "https://clearway.example/clearance/v1"
    assert doc["subject"] == [{"name": "manifest.json", "digest": {"sha256": "d" * 64}}]
    assert (found.manifest_digest, found.digest) == ("d" * 64, papers.sha256_hex(raw))
    assert (found.not_before, found.not_after) == (NOW, NOW + timedelta(hours=24))
    assert found.predicate == doc["predicate"]


def test_decisions_are_listed_once_in_order_under_their_head():
    predicate = statement()["predicate"]
    leaves = [leaf_hash(bytes.fromhex(one * 64)) for one in "bc"]

    assert predicate["decisions"] == ["b" * 64, "c" * 64]
    assert predicate["decisions_root"] == tree_head(leaves).hex()


def test_moments_are_cut_to_whole_seconds_in_utc():
    there = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 24, 14, 30, 59, 999_999, there)

    assert papers.instant(moment) == "2026-11-24T12:30:59Z"
    assert papers.moment("2026-11-24T12:30:59Z") == datetime(2026, 11, 24, 12, 30, 59, tzinfo=UTC)


WRONG_STATEMENTS = {
    "two subjects": lambda doc: doc["subject"].append(doc["subject"][0]),
    "another subject": lambda doc: doc["subject"][0].update(name="NOTICE"),
    "another statement": lambda doc: doc.update(_type="https://in-toto.io/Statement/v0"),
    "a digest of another kind": lambda doc: doc["subject"][0].update(digest={"md5": "0"}),
    "no request": lambda doc: doc["predicate"].pop("request"),
    "an end before the beginning": lambda doc: doc["predicate"].update(
        not_after=doc["predicate"]["not_before"]
    ),
    "another head": lambda doc: doc["predicate"].update(decisions_root="0" * 64),
    "an hour that is none": lambda doc: doc["predicate"].update(not_after="2026-11-24T25:00:00Z"),
}


@pytest.mark.parametrize("harm", WRONG_STATEMENTS.values(), ids=WRONG_STATEMENTS)
def test_a_clearance_that_is_odd_is_refused_though_signed(harm):
    doc = json.loads(papers.canonical(statement()))
    harm(doc)

    assert code_of(clearance, doc) == "MANIFEST_MALFORMED"


def test_a_clearance_that_would_be_refused_is_not_written():
    assert code_of(statement, not_after=NOW) == "MANIFEST_MALFORMED"
    assert code_of(statement, rulebook_digest="") == "MANIFEST_MALFORMED"


def test_another_predicate_and_another_payload_type_are_not_guessed_at():
    doc = statement()

    assert code_of(clearance, doc | {"predicateType": "x"}) == "SCHEMA_UNKNOWN"
    assert code_of(clearance, doc, papers.REVOCATIONS_TYPE) == "SCHEMA_UNKNOWN"


def listed(entries=(), sequence=0):
    return papers.revocation_list(
        sequence, issued_at=NOW, fresh_until=NOW + timedelta(days=1), entries=entries
    )


def test_a_revocation_list_is_read_back_by_kind():
    entries = [builders.revoked("source", "acorn"), builders.revoked("clip", "c1", "e" * 64)]
    raw = signed(listed(entries, 2), kind=papers.REVOCATIONS_TYPE)

    found = papers.open_revocations(raw, (PUBLIC,))

    assert (found.sequence, found.issued_at) == (2, NOW)
    assert found.fresh_until == NOW + timedelta(days=1)
    assert found.digest == papers.sha256_hex(raw)
    assert found.of("source") == {"acorn": entries[0]}
    assert found.of("clip") == {"c1": entries[1]}
    assert found.of("set") == {}


@pytest.mark.parametrize(
    "changes",
    [{"kind": "party"}, {"id": ""}, {"at": "2026-11-24"}, {"successor": "x"}, {"licence": "MIT"}],
)
def test_an_odd_entry_is_refused(changes):
    entry = builders.revoked("source", "acorn") | changes

    assert code_of(listed, [entry]) == "MANIFEST_MALFORMED"


def test_a_list_of_another_schema_or_a_negative_sequence_is_refused():
    raw = signed(listed() | {"schema": "x"}, kind=papers.REVOCATIONS_TYPE)

    assert code_of(papers.open_revocations, raw, (PUBLIC,)) == "SCHEMA_UNKNOWN"
    assert code_of(listed, (), -1) == "MANIFEST_MALFORMED"
