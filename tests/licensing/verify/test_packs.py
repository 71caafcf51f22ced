"""A pack proves itself: its list is the signed one, of this set, and every file is as listed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from licensing import verify
from licensing.errors import PaperError
from licensing.manifest import (
    PACK_TYPE,
    canonical,
    open_pack,
    open_pack_statement,
    pack_list,
    pack_statement,
    public_of,
    sha256_hex,
    sign_statement,
)
from tests import builders
from tests.builders import NOW, OTHER_SECRET, SECRET, revoked

PUBLICS = (public_of(SECRET),)
ROWS: dict[str, Any] = {"path": "rows.parquet", "bytes": 4, "sha256": sha256_hex(b"rows")}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A pack as a foreign tool would hand it over."""
    home = builders.tiny_training_set(tmp_path_factory.mktemp("pack"))
    documents = {
        one.relative_to(home).as_posix(): (
            one.stat().st_size,
            hashlib.sha256(one.read_bytes()).hexdigest(),
        )
        for one in (home / "documents").iterdir()
    }
    manifest = (home / "manifest.json").read_bytes()
    whole = verify.SetFiles(
        manifest=manifest,
        clearance=(home / "clearance.dsse.json").read_bytes(),
        revocations=builders.publish_revocations(home).read_bytes(),
        files=documents | {"rows.parquet": (4, ROWS["sha256"]), "pack.json": (1, "")},
        notices=(home / "documents/notices.json").read_bytes(),
    )
    files = [
        {"path": path, "bytes": size, "sha256": sha256}
        for path, (size, sha256) in documents.items()
    ]
    return replace(whole, pack=papers(manifest, listed(manifest, files=[*files, ROWS])))


def listed(manifest, **changes):
    given = {
        "version": "1",
        "manifest_digest": sha256_hex(manifest),
        "split": None,
        "clips": ["one", "two"],
        "files": [ROWS],
    }
    return pack_list("parquet", **(given | changes))


def papers(manifest, doc, *, statement=None, secret=SECRET):
    raw = canonical(doc)
    signed = statement or pack_statement(sha256_hex(raw), sha256_hex(manifest))
    return verify.PackPapers(
        listed=raw, statement=sign_statement(signed, payload_type=PACK_TYPE, secret=secret)
    )


def of(found):
    return json.loads(found.pack.listed)


def codes(found):
    judged = verify.verify_set(found, publics=PUBLICS, now=NOW)
    assert not judged.passed
    assert all(one.subject and one.message for one in judged.failed)
    return [one.code for one in judged.failed]


def test_a_whole_pack_passes_every_check(found):
    judged = verify.verify_set(found, publics=PUBLICS, now=NOW)
    assert judged.passed
    assert judged.cleared_until == "2026-11-25T12:00:00Z"
    said = {one.check: one.message for one in judged.findings}
    assert said["pack"] == "parquet 1, 2 clips"
    assert said["files"].endswith("with the listed sizes and sha256")


def _swap(found, **changes):
    return replace(found, pack=papers(found.manifest, of(found) | changes))


def _without(found, path):
    files = [one for one in of(found)["files"] if one["path"] != path]
    return replace(_swap(found, files=files), files={
        name: seen for name, seen in found.files.items() if name != path
    })  # fmt: skip


def _forged(found):
    files = [
        one | {"sha256": "a" * 64} if one["path"] == "documents/notices.json" else one
        for one in of(found)["files"]
    ]
    size = found.files["documents/notices.json"][0]
    seen = found.files | {"documents/notices.json": (size, "a" * 64)}
    return replace(_swap(found, files=files), files=seen)


def _other_set(found):
    return replace(found, pack=papers(b"other", listed(b"other", files=of(found)["files"])))


def _gone(found):
    return replace(found, files={k: v for k, v in found.files.items() if k != "rows.parquet"})


HARMS = [
    ("FILE_MISSING", _gone),
    ("FILE_EXTRA", lambda one: replace(one, files={**one.files, "more": (1, "b" * 64)})),
    ("FILE_SIZE", lambda one: replace(one, files={**one.files, "rows.parquet": (5, "b" * 64)})),
    ("FILE_CHANGED", lambda one: replace(one, files={**one.files, "rows.parquet": (4, "b" * 64)})),
    ("FILE_MISSING", lambda one: _without(one, "documents/notices.json")),
    ("FILE_CHANGED", _forged),
    ("MANIFEST_MISSING", lambda one: replace(one, pack=replace(one.pack, listed=None))),
    ("MANIFEST_MISSING", lambda one: replace(one, pack=replace(one.pack, statement=None))),
    ("PACK_CHANGED", lambda one: replace(one, pack=replace(one.pack, listed=b"{}"))),
    ("MANIFEST_CHANGED", _other_set),
    ("MANIFEST_CHANGED", lambda one: _swap(one, manifest="a" * 64)),
    ("KEY_UNKNOWN", lambda one: replace(
        one, pack=papers(one.manifest, of(one), secret=OTHER_SECRET))),
    ("SCHEMA_UNKNOWN", lambda one: replace(one, pack=replace(one.pack, statement=sign_statement(
        pack_statement("a" * 64, "b" * 64) | {"predicateType": "x"},
        payload_type=PACK_TYPE, secret=SECRET)))),
    ("SCHEMA_UNKNOWN", lambda one: replace(
        one, pack=replace(one.pack, statement=one.clearance))),
    ("MANIFEST_MALFORMED", lambda one: _swap(one, more=1)),
]  # fmt: skip


@pytest.mark.parametrize(("code", "harm"), HARMS)
def test_what_is_wrong_is_named_first(found, code, harm):
    assert codes(harm(found))[0] == code


def test_without_its_manifest_a_pack_is_still_compared(found):
    wrong = codes(replace(_gone(found), manifest=None))
    assert wrong[0] == "MANIFEST_MISSING"
    assert "FILE_MISSING" in wrong


def test_a_revoked_clip_refuses_the_packs_that_hold_it(found, tmp_path):
    home = tmp_path / "sets/tiny/1"
    home.mkdir(parents=True)
    for name, hit in (("two", True), ("three", False)):
        raw = builders.publish_revocations(home, entries=[revoked("clip", name)]).read_bytes()
        judged = verify.verify_set(replace(found, revocations=raw), publics=PUBLICS, now=NOW)
        assert [one.code for one in judged.failed] == ["SHARD_REVOKED"] * hit


@pytest.mark.parametrize(
    "changes",
    [
        {"split": "all"},
        {"manifest_digest": "x"},
        {"clips": [""]},
        {"files": [ROWS | {"path": "../up"}]},
        {"files": [ROWS | {"path": "pack.json"}]},
        {"files": [ROWS, ROWS]},
        {"files": [ROWS | {"more": 1}]},
    ],
)
def test_a_list_that_says_anything_odd_is_not_written(changes):
    with pytest.raises(PaperError) as caught:
        listed(b"manifest", **changes)
    assert caught.value.code == "MANIFEST_MALFORMED"


def test_a_list_is_read_back_sorted():
    files = [ROWS, ROWS | {"path": "a"}]
    doc = listed(b"manifest", files=files, clips=["two", "one", "two"])
    assert open_pack(canonical(doc)) == doc
    assert doc["clips"] == ["one", "two"]
    assert [one["path"] for one in doc["files"]] == ["a", "rows.parquet"]


@pytest.mark.parametrize("subjects", [[0], [0, 0], [0, 1, 1]])
def test_a_statement_has_both_subjects_once(subjects):
    doc = pack_statement("a" * 64, "b" * 64)
    doc["subject"] = [doc["subject"][at] for at in subjects]
    raw = sign_statement(doc, payload_type=PACK_TYPE, secret=SECRET)
    with pytest.raises(PaperError, match="two subjects"):
        open_pack_statement(raw, PUBLICS)
