"""The log's head is signed after every act that others rely on; whoever rewrites the log is found.

Rewriting here means all of it: rows, leaves and tree agree with each other, as they would after an
attack by somebody who knows how they are made. What remains is what was signed.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from catalog import heads as records
from catalog import log, tree
from catalog.errors import LogBroken, NotFound
from catalog.heads import Head
from catalog.parties import Party, register_party
from licensing.errors import PaperError
from licensing.manifest import public_of
from licensing.note import open_head, sign_head
from licensing.verify import verify_entries
from pipelines.clear import clear
from pipelines.export import export_set
from pipelines.heads import checkpoint, kept_in, prove, rotate, verify
from pipelines.keys import export_public, signing_secret, trusted_publics
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.settings import Settings
from tests.builders import OTHER_SECRET
from tests.catalogs import new_catalog
from tests.pipelines.small_world import MIT, NOW, add_source, looking, make_world, writing

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def home(tmp_path):
    """A home with a log of three entries: a request and two parties."""
    settings = make_world(tmp_path / "home")
    say(settings, "acme", "acorn")
    return settings


def say(settings, *names, now=NOW):
    with writing(settings) as session:
        for name in names:
            register_party(session, Party(party_id=name, name=name.title()), now=now)


def size_of(settings):
    with looking(settings) as session:
        return tree.size(session)


def signed_in(settings):
    return open_head(kept_in(settings).read_text(encoding="utf-8"), trusted_publics(settings)).size


def catalog_of(settings):
    return Path(settings.catalog_url.removeprefix("sqlite:///"))


def copy(source, target):
    """Copy a database whole, what is not yet in its main file included."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def judged(proof, settings):
    return verify_entries(proof, trusted_publics(settings))


def test_every_act_that_others_rely_on_is_signed(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], seconds=2)
    acts = (
        lambda: clear("commercial", settings, now=NOW, run_id="test"),
        lambda: export_set(
            "demo", "commercial", settings, spec=RenderSpec(width=32, height=32), at_once=0,
            run_id="test", now=NOW,
        ),
        lambda: revoke(
            "open", settings, reason="breach", at=NOW.date(), now=LATER, run_id="test"
        ),
        lambda: rotate(settings, now=LATER),
    )  # fmt: skip
    for act in acts:
        before = size_of(settings)
        act()
        assert before < signed_in(settings) == size_of(settings) - 1
    assert verify(settings).broken == ()


def test_a_head_is_signed_once_until_something_is_appended(home):
    first = checkpoint(home, now=NOW)
    assert checkpoint(home, now=LATER) == first == kept_in(home).read_text(encoding="utf-8")
    assert size_of(home) == signed_in(home) + 1 == 5
    say(home, "third")
    assert checkpoint(home, now=LATER) != first
    assert signed_in(home) == 6


def test_an_empty_log_has_no_head(tmp_path):
    settings = Settings(home=tmp_path, catalog_url=f"sqlite:///{tmp_path}/c.sqlite", lake="lake")
    new_catalog(settings.catalog_url)
    with pytest.raises(Exception, match="no signing key"):
        checkpoint(settings, now=NOW)
    other = make_world(tmp_path / "other")
    catalog_of(other).unlink()
    new_catalog(other.catalog_url)
    with pytest.raises(LogBroken, match="no entry yet") as caught:
        checkpoint(other, now=NOW)
    assert caught.value.code == "LOG_EMPTY"


def test_a_log_that_was_written_anew_as_a_whole_is_found(home):
    checkpoint(home, now=NOW)
    catalog_of(home).unlink()
    new_catalog(home.catalog_url)
    say(home, "eve", "acme", "acorn", "more")
    report = verify(home)
    assert report.broken == ("log_leaves: the first 4 are not those that log.checkpoint is over",)


def test_a_catalog_that_was_put_back_to_an_earlier_state_is_found(home, tmp_path):
    checkpoint(home, now=NOW)
    copy(catalog_of(home), tmp_path / "earlier")
    say(home, "third")
    checkpoint(home, now=NOW)
    copy(tmp_path / "earlier", catalog_of(home))
    assert verify(home).broken == ("log_leaves 5: missing, log.checkpoint is over 6 entries",)


def test_a_head_that_another_key_has_signed_is_found(home):
    with writing(home) as session:
        size, root = tree.head(session)
        note = sign_head(records.origin(session), size=size, root=root, secret=OTHER_SECRET)
        records.record_head(session, Head(size=size, root=root, note=note), now=NOW)
    checkpoint(home, now=NOW)
    assert [one.split(":")[0] for one in verify(home).broken] == ["log.checkpoint", "log_heads 4"]


def test_a_note_over_another_head_than_its_row_says_is_found(home):
    note = sign_head("clearway/x", size=2, root="ab" * 32, secret=signing_secret(home))
    with writing(home) as session:
        size, root = tree.head(session)
        records.record_head(session, Head(size=size, root=root, note=note), now=NOW)
    checkpoint(home, now=NOW)
    assert "log_heads 4: its note is over 2 entries" in verify(home).broken[-1]


@pytest.mark.parametrize("forged", ["", "x", "\udcff"])
def test_a_note_in_the_home_that_is_none_is_found(home, forged):
    checkpoint(home, now=NOW)
    kept_in(home).write_text(forged, encoding="utf-8", errors="surrogateescape")
    (said,) = verify(home).broken
    assert said.startswith("log.checkpoint: ")


def test_a_note_that_was_removed_is_missed_and_put_back(home):
    note = checkpoint(home, now=NOW)
    kept_in(home).unlink()
    assert verify(home).broken == ("log.checkpoint: missing, heads were signed",)
    assert checkpoint(home, now=NOW) == note
    assert verify(home).broken == ()


def test_a_rotation_is_on_record_and_old_heads_stay_good(home):
    old = checkpoint(home, now=NOW)
    key = rotate(home, now=LATER)
    report = judged(prove(key, home, older=old, now=LATER), home)
    assert report.passed
    assert [one.check for one in report.findings] == ["head", "entry 5", "older head"]
    assert f"signing_key {key}" in report.findings[1].message
    assert verify(home).broken == ()


def test_a_proof_holds_all_entries_of_an_id(home):
    say(home, "third")
    with writing(home) as session:
        register_party(session, Party(party_id="acme", name="Acme Ltd"), now=LATER)
    proof = prove("acme", home, older="", now=LATER)
    report = judged(proof, home)
    assert [one.check for one in report.findings] == ["head", "entry 2", "entry 5"]
    documents = [json.loads(one["document"]) for one in json.loads(proof)["entries"]]
    assert [one["name"] for one in documents] == ["Acme", "Acme Ltd"]


def test_rows_that_share_a_leaf_are_proven_by_their_digest(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], seconds=2)
    clear("commercial", settings, now=NOW, run_id="test")
    report = judged(prove("open by test", settings, older="", now=NOW), settings)
    assert report.passed
    assert "by its digest" in report.findings[1].message


def test_the_start_of_an_id_is_enough_if_it_is_the_only_one(home):
    assert judged(prove("acm", home, older="", now=NOW), home).passed
    for wanted, code in (("ac", "AMBIGUOUS_ID"), ("nobody", "UNKNOWN_ID")):
        with pytest.raises(NotFound) as caught:
            prove(wanted, home, older="", now=NOW)
        assert caught.value.code == code


def test_a_head_of_another_log_is_not_continued(home, tmp_path):
    other = make_world(tmp_path / "other")
    say(other, "eve")
    secret = signing_secret(home)
    with looking(other) as session:
        size, root = tree.head(session)
    for count in (size, size + 99):
        note = sign_head("clearway/x", size=count, root=root, secret=secret)
        with pytest.raises(LogBroken, match=f"begin with the {count}"):
            prove("", home, older=note, now=NOW)
    stranger = sign_head("clearway/x", size=2, root=root, secret=OTHER_SECRET)
    with pytest.raises(PaperError) as caught:
        prove("", home, older=stranger, now=NOW)
    assert caught.value.code == "KEY_UNKNOWN"


def test_the_log_is_named_by_its_first_leaf(home):
    with looking(home) as session:
        assert records.origin(session).startswith("clearway/")
        assert checkpoint(home, now=NOW).startswith(records.origin(session))


def test_a_proof_is_checked_without_home_catalog_or_heavy_libraries(home, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    older = checkpoint(home, now=NOW)
    say(home, "third")
    (away / "proof.json").write_bytes(prove("acme", home, older=older, now=NOW))
    export_public(home, away / "key.pem")
    heavy = "{'sqlalchemy', 'alembic', 'lance', 'pyarrow', 'torch', 'numpy', 'ray', 'dagster'}"
    code = (
        "import sys; from pipelines.cli import app\n"
        "app(['verify', 'proof.json', '--key', 'key.pem'], standalone_mode=False)\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=away, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [one.split(":")[0] for one in lines[:-1]] == [
        "passed head", "passed entry 2", "passed older head",
    ]  # fmt: skip
    assert lines[-1] == "[]"
    assert sorted(one.name for one in away.iterdir()) == ["key.pem", "proof.json"]
    assert verify_entries((away / "proof.json").read_bytes(), [public_of(OTHER_SECRET)]).failed


def test_an_entry_for_something_kept_elsewhere_is_proven(home):
    with writing(home) as session:
        log.append(session, "erasure", subject="erased", doc={"rows": 3}, now=NOW)
    report = judged(prove("erased", home, older="", now=NOW), home)
    assert report.passed
    assert "erasure erased" in report.findings[1].message
