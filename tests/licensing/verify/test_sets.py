"""Everything that is wrong with a training set is found and named."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from licensing import merkle, verify
from licensing.manifest import (
    CLEARANCE_TYPE,
    canonical,
    clearance_statement,
    decisions_root,
    public_of,
    sha256_hex,
    sign_statement,
)
from licensing.note import sign_head
from tests import builders
from tests.builders import NOW, OTHER_SECRET, SECRET, revoked
from tests.rows import tiny_row

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
        clips=lambda: frozenset({tiny_row("acorn", 0)["clip_id"]}),
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
        ("clip", tiny_row("acorn", 0)["clip_id"], "SHARD_REVOKED"),
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


def log_place(found, *, secret=SECRET, says=None, at=2):
    """The third of five entries, about the manifest of the set, under a signed head."""
    about = {
        "manifest_digest": sha256_hex(found.manifest),
        "decisions_root": decisions_root([]),
    }
    document = json.dumps(about if says is None else says, sort_keys=True)
    leaf = json.dumps(
        {"kind": "cleared", "table_name": "", "key": "demo@1", "recorded_at": "2026-11-24",
         "digest": sha256_hex(document.encode())}
    )  # fmt: skip
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(5)]
    leaves[2] = merkle.leaf_hash(leaf.encode())
    root = merkle.tree_head(leaves).hex()
    path = [node.hex() for node in merkle.inclusion_proof(leaves, 2)]
    return {
        "origin": "clearway/test",
        "note": sign_head("clearway/test", size=5, root=root, secret=secret),
        "entry": {"index": at, "leaf": leaf, "path": path, "document": document},
    }


def test_a_place_in_the_log_is_proven(found):
    judged = report(resigned(found, log=log_place(found)))

    assert judged.passed
    (said,) = (one.message for one in judged.findings if one.check == "log")
    assert said.startswith("entry 2 of 5, in a head of clearway/test that key ")


def test_a_clearance_without_a_place_in_the_log_says_so(found):
    for place in (None, {"origin": "clearway/test", "size": 5, "head": "ab" * 32}):
        (said,) = (one for one in report(resigned(found, log=place)).findings if one.check == "log")
        assert said.state == "skipped"


def entry_of(found, **changes):
    place = log_place(found)
    return {**place, "entry": {**place["entry"], **changes}}


@pytest.mark.parametrize(
    ("code", "tampered"),
    [
        ("LOG_HEAD_BAD", lambda it: log_place(it, secret=OTHER_SECRET)),
        ("LOG_HEAD_BAD", lambda it: {**log_place(it), "note": "no head"}),
        (
            "LOG_HEAD_BAD",
            lambda it: {
                **log_place(it), "note": log_place(it)["note"].replace("\n5\n", "\n6\n")
            },
        ),
        ("PROOF_MALFORMED", lambda it: {"note": log_place(it)["note"]}),
        ("PROOF_MALFORMED", lambda it: entry_of(it, path=["no digest"])),
        ("PROOF_MALFORMED", lambda it: entry_of(it, leaf="no leaf")),
        ("LOG_BROKEN", lambda it: entry_of(it, index=3)),
        ("LOG_BROKEN", lambda it: entry_of(it, path=["ab" * 32] * 3)),
        ("LOG_BROKEN", lambda it: entry_of(it, leaf=log_place(it, says={})["entry"]["leaf"])),
        ("DOCUMENT_CHANGED", lambda it: entry_of(it, document="{}")),
        ("LOG_OTHER_CLEARANCE", lambda it: entry_of(it, document=None)),
        ("LOG_OTHER_CLEARANCE", lambda it: log_place(it, says={"manifest_digest": "ab" * 32})),
        ("LOG_OTHER_CLEARANCE", lambda it: log_place(
            it, says={"manifest_digest": sha256_hex(it.manifest), "decisions_root": "ab" * 32})),
    ],
)  # fmt: skip
def test_a_place_that_does_not_prove_this_clearance_is_refused(found, code, tampered):
    assert codes(resigned(found, log=tampered(found))) == [code]


def test_an_entry_that_is_no_json_proves_nothing(found):
    place = log_place(found)
    leaf = {**json.loads(place["entry"]["leaf"]), "digest": sha256_hex(b"no json")}
    text = json.dumps(leaf)
    root = merkle.tree_head([merkle.leaf_hash(text.encode())]).hex()
    place |= {
        "note": sign_head("clearway/test", size=1, root=root, secret=SECRET),
        "entry": {"index": 0, "leaf": text, "path": [], "document": "no json"},
    }
    assert codes(resigned(found, log=place)) == ["LOG_OTHER_CLEARANCE"]
