"""The independent checker: everything that is wrong with a set or a proof is found and named."""

import ast
import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from licensing import merkle, verify
from licensing.decide import decide
from licensing.facts import decision_doc, read_layers
from licensing.manifest import (
    CLEARANCE_TYPE,
    canonical,
    clearance_statement,
    digest,
    public_of,
    sha256_hex,
    sign_statement,
)
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from tests import builders
from tests.builders import NOW, OTHER_SECRET, SECRET, revoked

PUBLICS = (public_of(SECRET),)


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory):
    return builders.tiny_training_set(tmp_path_factory.mktemp("verify"))


@pytest.fixture
def found(shared_home):
    """The set as a foreign tool would hand it over: bytes, sizes and digests."""
    files = {
        path.relative_to(shared_home).as_posix(): (
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in shared_home.rglob("*")
        if path.is_file()
    }
    return verify.SetFiles(
        manifest=(shared_home / "manifest.json").read_bytes(),
        clearance=(shared_home / "clearance.dsse.json").read_bytes(),
        revocations=listed(shared_home),
        files=files,
        notices=(shared_home / "documents" / "notices.json").read_bytes(),
        clips=lambda: frozenset({builders.tiny_row("acorn", 0)["clip_id"]}),
    )


def listed(home, *entries, **changes):
    raw = builders.publish_revocations(home, entries=entries, **changes).read_bytes()
    builders.publish_revocations(home)
    return raw


def report(found, **changes):
    given: dict[str, Any] = {"publics": PUBLICS, "now": NOW} | changes
    return verify.verify_set(found, **given)


def codes(found, **changes):
    judged = report(found, **changes)
    assert not judged.passed
    assert judged.cleared_until == ""
    assert all(one.subject and one.message for one in judged.failed)
    return [one.code for one in judged.failed]


def test_a_whole_set_passes_every_check(found):
    judged = report(found)

    assert judged.passed
    assert judged.cleared_until == "2026-11-25T12:00:00Z"
    assert {one.check: one.state for one in judged.findings} == {
        "manifest": "passed",
        "signature": "passed",
        "revocation list": "passed",
        "files": "passed",
        "time": "passed",
        "request": "passed",
        "duties": "passed",
        "log": "skipped",
        "revocations": "passed",
    }
    assert judged.findings[0].line()["message"].startswith("tiny version 1, ")


def test_the_manifest_may_end_before_the_clearance(found):
    manifest = json.loads(found.manifest) | {"not_after": "2026-11-25"}

    assert report(resigned(found, manifest)).cleared_until == "2026-11-25T00:00:00Z"


def resigned(found, manifest=None, **changes):
    """The set with another manifest and a clearance that covers it."""
    manifest = manifest or json.loads(found.manifest)
    raw = canonical(manifest)
    given: dict[str, Any] = {
        "request": manifest["request"],
        "profile": "conservative",
        "rulebook_digest": "a" * 64,
        "valid": "2026-11-24",
        "known": "2026-11-24",
        "decisions": [],
        "obligations": ["attribute"],
        "not_before": NOW,
        "not_after": NOW + timedelta(hours=24),
        "log": None,
    }
    statement = clearance_statement(sha256_hex(raw), **(given | changes))
    signed = sign_statement(statement, payload_type=CLEARANCE_TYPE, secret=SECRET)
    return replace(found, manifest=raw, clearance=signed)


def _file(found, path, seen):
    return replace(found, files=found.files | {path: seen})


def _without(found, path):
    return replace(found, files={name: of for name, of in found.files.items() if name != path})


NOTICE = "documents/NOTICE"
HARMS = {
    "no manifest": (lambda one: replace(one, manifest=None), ["MANIFEST_MISSING"]),
    "no clearance": (lambda one: replace(one, clearance=None), ["MANIFEST_MISSING"]),
    "nothing": (
        lambda one: replace(one, manifest=None, clearance=None),
        ["MANIFEST_MISSING", "MANIFEST_MISSING"],
    ),
    "no JSON": (
        lambda one: replace(one, manifest=b"{"),
        ["MANIFEST_MALFORMED", "MANIFEST_CHANGED"],
    ),
    "another manifest": (
        lambda one: replace(one, manifest=canonical(json.loads(one.manifest) | {"name": "other"})),
        ["MANIFEST_CHANGED"],
    ),
    "a file missing": (lambda one: _without(one, NOTICE), ["FILE_MISSING"]),
    "a file too many": (lambda one: _file(one, "x", (1, "a" * 64)), ["FILE_EXTRA"]),
    "a file cut": (lambda one: _file(one, NOTICE, (1, "a" * 64)), ["FILE_SIZE"]),
    "a byte flipped": (
        lambda one: _file(one, NOTICE, (one.files[NOTICE][0], "a" * 64)),
        ["FILE_CHANGED"],
    ),
    "a wider clearance": (
        lambda one: resigned(one, request={"action": "train", "commercial": True}),
        ["USE_NOT_COVERED"],
    ),
    "a duty without notice": (
        lambda one: resigned(one, obligations=["attribute", "share-alike"]),
        ["NOTICE_MISSING"],
    ),
    "no notices": (lambda one: replace(one, notices=None), ["NOTICE_MISSING"]),
    "notices of another kind": (lambda one: replace(one, notices=b"[1]"), ["NOTICE_MISSING"]),
    "a list that is none": (lambda one: replace(one, revocations=b"{"), ["REVOCATIONS_BAD"]),
}


@pytest.mark.parametrize(("harm", "expected"), HARMS.values(), ids=HARMS)
def test_every_harm_is_named(found, harm, expected):
    assert codes(harm(found)) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW - timedelta(hours=1), ["NOT_YET_VALID"]), (NOW + timedelta(hours=24), ["EXPIRED"])],
)
def test_a_clearance_holds_for_its_time_only(found, now, expected):
    assert codes(replace(found, revocations=None), now=now) == expected


def test_the_key_must_be_the_signers(found):
    assert codes(found, publics=(public_of(OTHER_SECRET),)) == ["KEY_UNKNOWN", "REVOCATIONS_BAD"]
    assert codes(found, publics=()) == ["KEY_UNKNOWN", "REVOCATIONS_BAD"]


def test_no_duty_needs_no_notice(found):
    assert report(replace(resigned(found, obligations=[]), notices=None)).passed


@pytest.mark.parametrize(
    ("kind", "subject", "code"),
    [
        ("set", None, "SET_REVOKED"),
        ("source", "acorn", "SHARD_REVOKED"),
        ("clip", builders.tiny_row("acorn", 0)["clip_id"], "SHARD_REVOKED"),
    ],
)
def test_what_was_revoked_is_named_with_its_successor(found, shared_home, kind, subject, code):
    entry = revoked(kind, subject or sha256_hex(found.manifest), "e" * 64)
    raw = listed(shared_home, entry, revoked("source", "oak"), revoked("clip", "0" * 32))

    judged = report(replace(found, revocations=raw))

    assert [one.code for one in judged.failed] == [code]
    assert "its successor is " + "e" * 64 in judged.failed[0].message


def test_other_peoples_revocations_do_no_harm(found, shared_home):
    raw = listed(shared_home, revoked("source", "oak"), revoked("clip", "0" * 32))

    assert report(replace(found, revocations=raw)).passed


def test_a_stale_list_is_refused(found, shared_home):
    raw = listed(shared_home, now=NOW - timedelta(days=2))

    assert codes(replace(found, revocations=raw)) == ["REVOCATIONS_STALE"]


def test_what_cannot_be_checked_is_said(found, shared_home):
    unlisted = report(replace(found, revocations=None))
    raw = listed(shared_home, revoked("clip", "0" * 32))
    unread = report(replace(found, revocations=raw, clips=None))

    assert unlisted.passed
    assert "revocation is not checked" in unlisted.findings[-1].message
    assert unread.passed
    assert unread.findings[-1].state == "skipped"


def test_no_row_is_read_from_a_set_whose_files_changed(found, shared_home):
    def clips():
        raise AssertionError("read")

    raw = listed(shared_home, revoked("clip", "0" * 32))
    changed = _file(replace(found, revocations=raw, clips=clips), "x", (1, "a" * 64))

    assert codes(changed) == ["FILE_EXTRA"]


def log_proof(**changes):
    leaves = [merkle.leaf_hash(bytes([at])) for at in range(5)]
    place: dict[str, Any] = {
        "origin": "a station",
        "index": 2,
        "size": 5,
        "leaf": leaves[2].hex(),
        "head": merkle.tree_head(leaves).hex(),
        "proof": [node.hex() for node in merkle.inclusion_proof(leaves, 2)],
    }
    return place | changes


def test_a_place_in_the_log_is_proven(found):
    findings = report(resigned(found, log=log_proof())).findings

    assert [one.message for one in findings if one.check == "log"] == ["entry 2 of 5"]


@pytest.mark.parametrize(
    "changes", [{"index": 3}, {"head": "0" * 64}, {"leaf": "no hex"}, {"proof": [1]}, {"size": "5"}]
)
def test_a_proof_that_does_not_lead_to_the_head_is_refused(found, changes):
    assert codes(resigned(found, log=log_proof(**changes))) == ["LOG_BROKEN"]


# --- decisions

OPEN = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "CC-BY-4.0"}]}
NONCOMMERCIAL = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "CC-BY-NC-4.0"}]}
UNKNOWN = {"layer": "neighbouring", "basis": []}
ASKED = {"action": "train", "commercial": True, "release": "api", "at": "2026-11-24"}


def decided(*layers, **request):
    decision = decide(read_layers(layers), read_request(ASKED | request), load_rulebook())
    doc: dict[str, Any] = json.loads(canonical(decision_doc(decision)))
    return doc


def faults(doc):
    return {one.code for one in verify.verify_decision(doc).failed}


def layer_of(doc):
    return doc["proof"]["layers"][0]


@pytest.mark.parametrize(
    ("layers", "verdict"),
    [
        ((OPEN,), "permit"),
        ((NONCOMMERCIAL,), "deny"),
        ((OPEN, UNKNOWN), "undetermined"),
        ((), "undetermined"),
    ],
)
def test_what_the_engine_decides_follows_from_its_proof(layers, verdict):
    doc = decided(*layers)

    judged = verify.verify_decision(doc)

    assert doc["verdict"] == verdict
    assert judged.passed
    assert judged.findings[0].message == f"{verdict} follows from {len(layers)} layers"


def test_two_share_alike_licences_may_deny_what_each_layer_permits():
    layers = [
        {"layer": "copyright", "basis": [{"type": "public_licence", "id": licence}]}
        for licence in ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0")
    ]
    request = {"action": "publish_dataset", "commercial": False, "release": "dataset"}
    doc = decided(*layers, **request, out_licence="CC-BY-SA-4.0")

    assert "INCOMPATIBLE_SA" in doc["reasons"]
    assert verify.verify_decision(doc).passed


def _freer(doc):
    doc["verdict"] = doc["proof"]["verdict"] = "permit"


def _contradict(doc):
    doc["verdict"] = "permit"


def _unforbid(doc):
    layer_of(doc)["bases"][0]["forbids"] = "T"


def _groundless(doc):
    layer_of(doc)["facts"]["basis"][0]["grade"] = "E4"


def _claimed(doc):
    layer_of(doc)["facts"]["basis"][0]["type"] = "aggregator_claim"


def _takedown(doc):
    layer_of(doc)["facts"]["taken_down"] = True


def _unmap(doc):
    layer_of(doc)["facts"]["stream"] = "smell"


def _condition(doc):
    layer_of(doc)["bases"][0]["steps"].append({"rule": "x", "truth": "U"})


def _strict(doc):
    layer_of(doc)["facts"] |= {"layer": "voice"}
    layer_of(doc)["facts"]["basis"][0]["grade"] = "E2"


def _no_duty(doc):
    doc["obligations"] = []


def _reason(doc):
    doc["reasons"] = doc["proof"]["reasons"] = ["BECAUSE"]


def _no_reason(doc):
    doc["reasons"] = doc["proof"]["reasons"] = []


def _request(doc):
    doc["proof"]["request"]["commercial"] = False


def _say_why(doc):
    doc["reasons"] = ["GRANT", "CHOICE"]


TAMPERED = [
    ((NONCOMMERCIAL,), _freer, {"PROOF_LEAST"}),
    ((NONCOMMERCIAL,), _contradict, {"PROOF_LEAST", "PROOF_VERDICT"}),
    ((OPEN,), _unforbid, {"PROOF_FORBIDDEN"}),
    ((OPEN,), _groundless, {"PROOF_GROUNDLESS"}),
    ((OPEN,), _claimed, {"PROOF_GROUNDLESS"}),
    ((OPEN,), _strict, {"PROOF_GROUNDLESS"}),
    ((OPEN,), _takedown, {"PROOF_TAKEN_DOWN"}),
    ((OPEN,), _unmap, {"PROOF_UNMAPPED"}),
    ((OPEN,), _condition, {"PROOF_STEP"}),
    ((OPEN,), _no_duty, {"PROOF_DUTY"}),
    ((OPEN,), _reason, {"PROOF_REASON"}),
    ((OPEN,), _no_reason, {"PROOF_REASON"}),
    ((OPEN,), _say_why, {"PROOF_REASON", "PROOF_VERDICT"}),
    ((OPEN,), _request, {"PROOF_REQUEST"}),
]


@pytest.mark.parametrize(("layers", "harm", "expected"), TAMPERED)
def test_a_decision_freer_than_its_proof_is_found(layers, harm, expected):
    doc = decided(*layers)
    harm(doc)

    assert faults(doc) - {"PROOF_DUTY"} == expected - {"PROOF_DUTY"}
    assert expected <= faults(doc)


@pytest.mark.parametrize(
    "doc",
    [{}, {"proof": None}, {"proof": {"request": {}, "layers": [{}]}}, {"proof": []}],
)
def test_a_proof_that_cannot_be_read_is_no_proof(doc):
    whole = {"request_digest": digest({}), "verdict": "permit", "reasons": []} | doc

    assert faults(whole) == {"PROOF_MALFORMED"}


def test_the_checker_never_imports_the_engine():
    folder = Path(verify.__file__).parent
    imported = {
        node.module or ""
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    assert not [name for name in imported if "decide" in name]
