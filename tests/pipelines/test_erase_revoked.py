"""What a revocation of a party, paper, file or span took is erased as it was revoked."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import clips, files, parties, personal, rights
from catalog.covered import own_pieces
from catalog.erasures import begin, erasures
from catalog.errors import NotFound
from catalog.parties import Party
from catalog.pieces import Piece
from catalog.sources import register_source, source
from pipelines.cli import app
from pipelines.erase import erase, erase_revoked
from pipelines.erase.certificate import opened
from pipelines.errors import ErasureError
from pipelines.heads import verify
from pipelines.keys import trusted_publics
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import file_ids
from pipelines.revoke import revoke
from tests.pipelines.small_world import (
    MIT,
    NOW,
    SECOND,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world(tmp_path, catalog_url):
    """Two sources under an author's paper, one of them for its first take; a third is free."""
    settings = make_world(tmp_path, catalog_url=catalog_url)
    with writing(settings) as session:
        for name in ("author", "studio"):
            parties.register_party(session, Party(party_id=name, name=name), now=NOW)
    add_source(settings, "film", [deal(instrument_id="deal-1", licensor="author")], seed=20)
    take = deal(instrument_id="deal-2", licensor="author") | {"item": "take_0.mp4"}
    add_source(settings, "open", [MIT, take], episodes=2)
    add_source(settings, "free", [MIT], seed=8)
    return settings


def deal(**terms):
    layer = contract()
    return layer | {"basis": [layer["basis"][0] | terms]}


def end(world, what, of, **how):
    day = how.pop("at", NOW.date())
    return revoke(what, world, of=of, reason="ended", at=day, now=LATER, run_id="test", **how)


def go(world, what, of, **how):
    return erase_revoked(what, world, of=of, now=LATER, **how)


def take(world, number, source_id="open"):
    with looking(world) as session:
        held = files.held(session, source_id)
        return next(one.sha256 for one in held if one.path == f"take_{number}.mp4")


def in_lake(world):
    return {one.name for one in Path(world.lake).iterdir()}


def test_a_party_takes_its_sources_and_the_files_that_its_papers_are_about(world):
    gone = take(world, 0)
    end(world, "author", "party")

    planned = go(world, "author", "party", dry_run=True)
    done = go(world, "author", "party")

    subjects = [("source", "film"), ("file", gone)]
    assert [(one.subject["kind"], one.subject["id"]) for one in done] == subjects
    assert [one.found for one in planned] == [one.found for one in done]
    assert in_lake(world) == {"open", "free"}
    assert file_ids(dataset_uri(world.lake, "open", "media")) == {take(world, 1)}
    with looking(world) as session:
        (revocation,) = rights.revocations(session)
        assert personal.count(session, "film") == 0
    for one in done:
        paper = opened(Path(one.certificate).read_bytes(), trusted_publics(world))
        assert revocation.revocation_id in payload_of(paper)
    assert verify(world).broken == ()
    assert all(one.already for one in go(world, "author", "party"))


def payload_of(paper):
    return base64.b64decode(json.loads(paper.certificate)["payload"]).decode()


def test_an_instrument_takes_what_rests_on_it_and_no_more(world):
    end(world, "deal-1", "instrument")
    (done,) = go(world, "deal", "instrument")
    assert done.subject["id"] == "film"
    assert in_lake(world) == {"open", "free"}
    assert len(file_ids(dataset_uri(world.lake, "open", "media"))) == 2


def test_a_source_that_a_party_took_is_erased_by_its_own_name_too(world):
    end(world, "author", "party")
    assert not erase("film", world, now=LATER).already
    with pytest.raises(ErasureError, match="open was never revoked"):
        erase("open", world, now=LATER)
    assert not erase("open", world, file="take_0.mp4", now=LATER).already
    with pytest.raises(ErasureError, match="never revoked"):
        erase("open", world, file="take_1.mp4", now=LATER)


def test_copies_that_another_source_holds_stay_and_are_named(world):
    add_source(world, "twin", [MIT], seed=20)
    with looking(world) as session:
        (sha256,) = {one.sha256 for one in files.held(session, "twin")}
    end(world, "author", "party")
    film, _take = go(world, "author", "party")
    assert film.remains["copies_of_other_sources"] == [[sha256, "twin"]]
    assert file_ids(dataset_uri(world.lake, "twin", "media")) == {sha256}


def test_the_owner_takes_a_source_without_any_ground_of_its_own(world):
    with writing(world) as session:
        register_source(session, replace(source(session, "free"), owner="studio"), now=NOW)
    end(world, "studio", "party")
    assert [one.subject["id"] for one in go(world, "studio", "party")] == ["free"]


def test_a_file_is_erased_as_it_was_revoked(world):
    end(world, "open/take_0.mp4", "file")
    (done,) = go(world, "open/take_0.mp4", "file")
    assert done.subject["kind"] == "file"
    assert file_ids(dataset_uri(world.lake, "open", "media")) == {take(world, 1)}
    with pytest.raises(NotFound, match="no files") as caught:
        go(world, "open/take_0.mp4", "file")
    assert done.subject["id"] in caught.value.way_out
    assert go(world, done.subject["id"][:12], "file")[0].already


def test_bytes_go_from_every_source_that_they_were_revoked_in(world):
    add_source(world, "twin", [MIT], seed=8)
    sha256 = take(world, 0, "free")
    end(world, sha256, "file")
    assert [one.subject["source"] for one in go(world, sha256, "file")] == ["free", "twin"]


def test_an_erasure_that_has_begun_goes_on_after_the_name_has_gone(world):
    sha256 = take(world, 0)
    end(world, "open/take_0.mp4", "file")
    with writing(world) as session:  # as a process leaves it that was killed after the names
        noted = {"found": {}, "begun_at": "", "revocation": "r"}
        begin(session, f"open/{sha256}", noted, source_id="open", now=LATER)
        personal.forget(session, "open", personal.texts_about(session, "open", sha256))
    with pytest.raises(NotFound, match="no files"):
        erase("open", world, file="take_0.mp4", now=LATER)
    assert not erase("open", world, file=sha256[:16], now=LATER).already
    with looking(world) as session:
        assert [one.subject_id for one in erasures(session)] == [sha256]


def test_a_span_is_refused_with_what_it_lies_in_and_all_of_an_episode_goes(world):
    with looking(world) as session:
        held = {one.files[0]: one for one in clips.episodes_of(session, "open")}
    first, second = held[take(world, 0)], held[take(world, 1)]
    end(world, first.episode_id, "span", span=(SECOND, 2 * SECOND))
    before = file_ids(dataset_uri(world.lake, "open", "media"))
    with pytest.raises(ErasureError, match=r"revoked are 1\.000 s of the 6\.000 s") as caught:
        go(world, first.episode_id, "span")
    assert caught.value.code == "PART_OF_FILE"
    assert "clearway revoke open/take_0.mp4 --of file" in caught.value.way_out
    assert file_ids(dataset_uri(world.lake, "open", "media")) == before
    end(world, second.episode_id, "span", span=(second.start_ns, second.end_ns))
    (done,) = go(world, second.episode_id, "span")
    assert done.subject["id"] == second.files[0]


def test_a_file_that_holds_another_episode_stays(world):
    with writing(world) as session:
        first, second = clips.episodes_of(session, "open")
        shared = [replace(one, files=(*one.files, "ab" * 32)) for one in (first, second)]
        clips.record_episodes(session, shared, run_id="test", now=NOW)
    end(world, "deal-2", "instrument")
    with pytest.raises(ErasureError, match="was not revoked") as caught:
        go(world, "deal-2", "instrument")
    assert caught.value.code == "PART_OF_FILE"
    assert verify(world).broken == ()


def test_what_was_never_revoked_is_refused_for_every_kind(world):
    for what, of in (("author", "party"), ("deal-1", "instrument"), ("film", "source")):
        with pytest.raises(ErasureError, match="never revoked") as caught:
            go(world, what, of)
        assert caught.value.code == "NOT_REVOKED"
    end(world, "author", "party", at=(NOW + timedelta(days=3)).date())
    with pytest.raises(ErasureError, match="is revoked from 2026-12-04 on only"):
        go(world, "author", "party")
    with pytest.raises(ErasureError, match="expected one of source, file"):
        go(world, "author", "person")


def test_a_revoked_party_authorises_nothing_that_bears_its_name(world):
    with writing(world) as session:
        parties.register_party(session, Party(party_id="free", name="free"), now=NOW)
    end(world, "free", "party")
    with pytest.raises(ErasureError, match="never revoked"):
        erase("free", world, now=LATER)
    with pytest.raises(ErasureError, match="took nothing") as caught:
        go(world, "free", "party")
    assert caught.value.code == "NOTHING_TO_ERASE"


def test_what_a_party_took_is_known_after_the_names_have_gone(world):
    end(world, "open/take_0.mp4", "file")
    go(world, "open/take_0.mp4", "file")
    add_source(world, "twin", [MIT], episodes=1)  # the bytes of the first take
    done = end(world, "author", "party")
    assert done.sources == ("film", "open", "twin")
    sha256 = take(world, 0, "twin")
    with looking(world) as session:
        party = next(one for one in rights.revocations(session) if one.subject_kind == "party")
        held = clips.episodes_of(session, "open")
        (lost,) = [one.episode_id for one in held if sha256 in one.files]
        assert Piece(source_id="open", episode_id=lost) in own_pieces(session, party)


def test_the_command_says_what_would_go_a_line_each(world, monkeypatch):
    end(world, "author", "party", at=date(2020, 1, 1))  # the command has a clock of its own
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)
    words = ["erase", "author", "--of", "party", "--dry-run"]
    told = CliRunner().invoke(app, words)
    assert (told.exit_code, told.output.count("would erase")) == (0, 2), told.output
    lines = CliRunner().invoke(app, [*words, "--json"]).output.splitlines()
    rows = [json.loads(one) for one in lines]
    assert [(one["kind"], one["dry_run"]) for one in rows] == [("source", True), ("file", True)]
    both = CliRunner().invoke(app, [*words, "--file", "a"])
    assert "--file needs a source" in both.output
    assert in_lake(world) == {"film", "open", "free"}
