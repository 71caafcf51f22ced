"""Pages on training sets, models, lineage, single files and what-ifs, after a real run."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html import unescape

import pytest
from typer.testing import CliRunner

from catalog.files import files_of
from pipelines.clear import clear, worklist
from pipelines.cli import app
from pipelines.console.app import HEAVY
from pipelines.export import export_set
from pipelines.keys import export_public
from pipelines.release import Told, record
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.seen import windows_seen
from pipelines.train import train_set
from tests.pipelines.console.conftest import World, client_of
from tests.pipelines.console.test_pages import decision_of, plain
from tests.pipelines.small_world import (
    LATER,
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
)
from tests.pipelines.test_train import CONFIG

SPEC = RenderSpec(width=32, height=32, fps=10)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a set of two sources, a release of it, and a source that was denied."""
    settings = make_world(tmp_path_factory.mktemp("trained"))
    add_source(settings, "open", [MIT], seed=2, episodes=3)
    add_source(settings, "arm", [contract()], seed=13, episodes=3)
    add_source(settings, "closed", [NON_COMMERCIAL], seed=40)
    export_set("base", "commercial", settings, spec=SPEC, at_once=0, run_id="t", now=NOW)
    done = train_set({**CONFIG, "set": "base"}, settings, now=NOW, run_id="t")
    told = Told(name="driver", checkpoint=done.checkpoint_id, version="1.0", release="api")
    record(settings, told, now=NOW)
    return settings, done


@pytest.fixture(scope="module")
def looked(trained):
    settings, _ = trained
    with client_of(settings) as client:
        yield World(settings=settings, client=client)


def rows(world, address, table):
    joint = "&" if "?" in address else "?"
    return json.loads(world.page(f"{address}{joint}table={table}&as=json"))


def first_file(settings, source):
    with looking(settings) as session:
        return files_of(session, source)[0].sha256


def test_a_request_shows_its_use_and_the_matrix_leads_to_the_proof(looked):
    assert "train_generative" in plain(looked.page("/requests/commercial"))
    matrix = {one["source"]: one["under commercial"] for one in rows(looked, "/requests", "matrix")}
    assert matrix == {"arm": "permit", "closed": "deny", "open": "permit"}
    way = re.search(
        r'<a href="(/decisions/\w+)"><span class="chip deny">', looked.page("/requests")
    )
    assert way
    assert "Why deny: closed" in plain(looked.page(way.group(1)))


def test_the_worklist_is_that_of_the_station(looked):
    done = clear("commercial", looked.settings, now=LATER, run_id="t", record=False)
    wanted = [[one.replace("/", ": ", 1) for one in each.keys] for each in worklist(done)]
    shown = rows(looked, "/requests/commercial/worklist", "worklist")
    assert [one["keys"] for one in shown] == wanted
    assert wanted


def test_a_training_set_shows_what_lies_in_it(looked):
    assert [one["set"] for one in rows(looked, "/sets", "sets")] == ["base@1"]
    shards = rows(looked, "/sets/base@1", "shards")
    assert [(one["source"], one["clips"]) for one in shards] == [("arm", 9), ("open", 9)]
    assert {one["source"] for one in rows(looked, "/sets/base@1", "grounds")} == {"arm", "open"}
    assert "Clearance until 2026-12-02" in plain(looked.page("/sets/base@1"))
    assert len(rows(looked, "/sets/base", "missing")) > 5


def test_a_document_is_saved_as_its_manifest_lists_it(looked):
    listed = {one["name"] for one in rows(looked, "/sets/base@1", "documents")}
    assert {"NOTICE", "croissant.json"} <= listed
    answer = looked.client.get("/sets/base@1/documents/NOTICE")
    place = looked.settings.home / "training_sets/base/1/documents/NOTICE"
    assert answer.content == place.read_bytes()
    assert answer.headers["content-disposition"] == 'attachment; filename="NOTICE"'
    assert "sandbox" in answer.headers["content-security-policy"]
    for name in ("..%2fmanifest.json", "data.lance", "..%2f..%2f..%2f..%2fcatalog.sqlite"):
        assert looked.client.get(f"/sets/base@1/documents/{name}").status_code == 404
    for name in ("manifest.json", "clearance.dsse.json"):  # beside the documents, to carry out
        answer = looked.client.get(f"/sets/base@1/documents/{name}")
        assert answer.content == (place.parents[1] / name).read_bytes()
    kept = place.read_bytes()
    try:
        place.write_bytes(kept + b"nobody need be credited")
        assert "PAPER_CHANGED" in looked.page("/sets/base@1/documents/NOTICE", 409)
    finally:
        place.write_bytes(kept)


def test_models_lead_from_release_to_run_to_what_was_seen(looked, trained):
    done = trained[1]
    (release,) = rows(looked, "/models", "releases")
    assert release["release"] == "driver@1.0"
    (run,) = rows(looked, "/models", "runs")
    assert run["run"] == done.run_id[:12]
    assert rows(looked, f"/runs/{done.run_id}", "config")
    assert "replay its exposure" in looked.page(f"/checkpoints/{done.checkpoint_id}")
    seen = rows(looked, f"/checkpoints/{done.checkpoint_id}/seen", "seen")
    lines = list(windows_seen(done.checkpoint_id, looked.settings))
    assert {one["source"]: one["windows"] for one in seen} == {
        source: sum(1 for one in lines if one["source"] == source) for source in ("arm", "open")
    }
    assert sum(one["frames"] for one in seen) == sum(one["num_frames"] for one in lines)


def test_my_file_is_in_your_models(looked, trained):
    page = f"/files/{first_file(looked.settings, 'arm').upper()}"
    words = plain(looked.page(page))
    assert "This file is on record" in words
    assert "checkpoints below may have seen it" in words
    assert [one["set"] for one in rows(looked, page, "sets")] == ["base@1"]
    assert trained[1].checkpoint_id in {
        one["checkpoint"] for one in rows(looked, page, "checkpoints")
    }
    assert [one["release"] for one in rows(looked, page, "releases")] == ["driver@1.0"]


def test_my_file_is_in_no_model(looked):
    words = plain(looked.page(f"/files/{first_file(looked.settings, 'closed')}"))
    assert "It lies in no training set, so no model on record was trained on it." in words
    for digest in ("0" * 64, "no-digest"):
        assert "This file is not on record" in plain(looked.page(f"/files/{digest}"))


def test_search_finds_by_name_and_by_the_start_of_an_id(looked, trained):
    done = trained[1]

    def kinds(words):
        return {one["kind"]: one["what"] for one in rows(looked, f"/search?q={words}", "found")}

    assert kinds("clos")["source"] == "closed"
    assert kinds("World%20Lab")["party"] == "operator"
    assert kinds(done.checkpoint_id[:10])["checkpoint"] == done.checkpoint_id
    assert kinds("base@")["training set"] == "base@1"
    assert kinds("driver")["release"] == "driver@1.0"
    digest = first_file(looked.settings, "open")
    assert kinds(digest)["file"] == digest
    assert kinds("/recordings/arm")["source"] == "arm"


@pytest.mark.parametrize(("way", "told"), [("up", "came from"), ("down", "came of")])
def test_lineage_is_a_picture_to_walk_in(looked, way, told):
    page = looked.page(f"/lineage?id=base@1&way={way}")
    assert told in plain(page)
    picture = page[page.index("<svg xmlns") : page.index("</svg>", page.index("<svg xmlns"))]
    assert "<style" not in picture
    ways = [unescape(one) for one in re.findall(r'<a href="(/lineage\?[^"]+)"', picture)]
    assert len(ways) > 3
    for one in ways:
        assert "The same in words" in looked.page(one)


def test_lineage_of_more_sources_than_fit_a_page_says_so_and_leads_to_the_set(looked, monkeypatch):
    monkeypatch.setattr("pipelines.console.walk.MOST_NAMED", 1)
    page = looked.page("/lineage?id=base@1&way=up")
    assert "they and their shards are counted here" in plain(page)
    assert "source arm" not in plain(page)
    assert "training set base@1" in plain(page)


def test_an_entry_of_the_log_is_proved_with_a_public_key_alone(looked, tmp_path):
    entries = rows(looked, "/log?q=base@1&kind=training_sets", "log")
    (entry,) = (one["entry"] for one in entries)
    assert '"set_id": "base@1"' in plain(looked.page(f"/log/{entry}"))
    proof = looked.client.get(f"/log/{entry}/proof")
    (tmp_path / "proof.json").write_bytes(proof.content)
    export_public(looked.settings, tmp_path / "key.pub")
    words = ["verify", str(tmp_path / "proof.json"), "--key", str(tmp_path / "key.pub")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "training_sets base@1" in done.stdout
    newest = rows(looked, "/log?kind=log_heads", "log")[0]["entry"]
    assert "NOT_SIGNED" in looked.page(f"/log/{newest}/proof", 409)
    assert "UNKNOWN_ID" in looked.page("/log/-1", 404)
    assert "UNKNOWN_ID" in looked.page(f"/log/{10**17}", 404)


def test_everything_is_verified_now(looked):
    assert "The log is whole" in plain(looked.page("/log/verify"))


def test_what_if_says_what_a_dry_run_says_and_what_comes_of_it(looked, tmp_path):
    address = "/what-if?of=source&what=arm&reason=breach&at=2026-12-01"
    words = plain(looked.page(address))
    would = revoke("arm", looked.settings, reason="breach", at=NOW.date(), now=LATER, run_id="t",
                   dry_run=True)  # fmt: skip
    assert f"{len(would.clips)} clips" in words
    saw = {one["checkpoint"]: one["windows"] for one in rows(looked, address, "checkpoints")}
    assert saw == {one.checkpoint_id[:12]: one.windows for one in would.checkpoints}
    (turned,) = rows(looked, address, "verdicts-0")
    assert (turned["source"], turned["before"]) == ("arm", "permit")

    copied = tmp_path / "home"
    shutil.copytree(looked.settings.home, copied)
    copy = replace(looked.settings, home=copied, catalog_url=f"sqlite:///{copied}/catalog.sqlite",
                   lake=str(copied / "lake"))  # fmt: skip
    done = revoke("arm", copy, reason="breach", at=NOW.date(), now=LATER, run_id="t")
    said = f"{turned['after']} ({', '.join(turned['reasons'])})"
    assert done.verdicts == {"commercial": said}
    assert "stands" in looked.page(
        f"/decisions/{decision_of(looked, 'arm').decision_id}"
    )  # here nothing changed


def test_what_if_knows_instruments_files_and_wrong_names(looked):
    digest = first_file(looked.settings, "arm")
    words = plain(looked.page(f"/what-if?of=file&what={digest}&reason=taken_down"))
    assert "A what-if: nothing was changed." in words
    assert rows(looked, f"/what-if?of=file&what={digest}", "verdicts-0")[0]["after"] == "deny"
    assert "UNKNOWN_ID" in looked.page("/what-if?of=party&what=nobody", 404)
    assert "QUERY_INVALID" in looked.page("/what-if?of=everything&what=x", 400)


@pytest.mark.parametrize("address", HEAVY)
def test_another_site_cannot_put_the_console_to_work(looked, address):
    asked = re.sub(r"{\w+}", "x", address)
    for site, status in (("cross-site", 403), ("same-site", 403)):
        answer = looked.client.get(asked, headers={"sec-fetch-site": site})
        assert answer.status_code == status
    assert looked.client.get(asked, headers={"sec-fetch-site": "same-origin"}).status_code != 403


def test_work_that_takes_long_is_done_one_at_a_time(looked, trained):
    address = f"/checkpoints/{trained[1].checkpoint_id}/seen"
    asked = [address, f"{address}?table=seen&as=csv"] * 6
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(looked.client.get, asked))
    told = {one.status_code for one in answers}
    assert told <= {200, 429}
    assert 200 in told
    assert looked.client.get(address).status_code == 200  # and then it is free again


def test_programs_are_told_what_the_pages_show(looked, trained):
    def told(address):
        return json.loads(looked.page(f"/api/v1{address}"))

    done, base = trained[1], told("/sets/base")
    assert (base["set_id"], base["sources"]) == ("base@1", ["arm", "open"])
    assert [one["set_id"] for one in told("/sets")["items"]] == ["base@1"]
    shown = [(one["source"], one["clips"]) for one in rows(looked, "/sets/base@1", "shards")]
    shards = told("/sets/base@1/shards")["items"]
    assert [(one["source_id"], one["num_clips"]) for one in shards] == shown
    named = {one["name"] for one in told("/sets/base/documents")["items"]}
    assert named == {one["name"] for one in rows(looked, "/sets/base@1", "documents")}
    (run,) = told("/runs?set=base@1")["items"]
    assert run["run_id"] == done.run_id
    assert run == told(f"/runs/{done.run_id}")
    points = told(f"/checkpoints?run={done.run_id}")["items"]
    assert told(f"/checkpoints/{done.checkpoint_id}") in points
    (release,) = told("/releases")["items"]
    assert release["checkpoint_id"] == done.checkpoint_id
    seen = told(f"/checkpoints/{done.checkpoint_id}/seen")["sources"]
    page = rows(looked, f"/checkpoints/{done.checkpoint_id}/seen", "seen")
    assert [(one["source_id"], one["windows"], one["frames"]) for one in seen] == [
        (one["source"], one["windows"], one["frames"]) for one in page
    ]
    reach = told(f"/files/{first_file(looked.settings, 'arm')}")
    assert (reach["sources"], reach["training_sets"]) == (["arm"], ["base@1"])
    assert done.checkpoint_id in reach["checkpoints"]
    assert told("/verify")["broken"] == []


def test_programs_find_and_walk_as_the_pages_do(looked, trained):
    def told(address):
        return json.loads(looked.page(f"/api/v1{address}"))

    assert {one["kind"] for one in told("/search?q=base@")["items"]} == {"training set"}
    freed = rows(looked, "/requests/commercial/worklist", "worklist")
    ranked = told("/requests/commercial/worklist")["items"]
    assert [one["hours"] for one in ranked] == [one["hours"] for one in freed]
    verdicts = {one["source_id"]: one["verdicts"]["commercial"] for one in told("/matrix")["items"]}
    assert verdicts == {"arm": "permit", "closed": "deny", "open": "permit"}
    denied = told(f"/decisions/{decision_of(looked, 'closed').decision_id}")
    assert (denied["verdict"], denied["standing"]) == ("deny", "stands")
    assert denied["unlocks"]
    nodes = {one["node"] for one in told("/lineage?id=base@1&way=down")["nodes"]}
    assert f"checkpoint {trained[1].checkpoint_id}" in nodes


def test_programs_are_given_papers_to_save_and_a_what_if_changes_nothing(looked):
    notice = looked.client.get("/api/v1/sets/base@1/documents/NOTICE")
    assert notice.content == looked.client.get("/sets/base@1/documents/NOTICE").content
    assert "sandbox" in notice.headers["content-security-policy"]
    tag = {"if-none-match": notice.headers["etag"]}
    assert looked.client.get("/api/v1/sets/base@1/documents/NOTICE", headers=tag).status_code == 304
    proof = looked.client.get("/api/v1/log/0/proof")
    assert proof.content == looked.client.get("/log/0/proof").content
    for name in ("..%2fmanifest.json", "data.lance"):
        answer = looked.client.get(f"/api/v1/sets/base@1/documents/{name}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    reached = json.loads(looked.page("/api/v1/what-if?what=arm&reason=breach&at=2026-12-01"))
    would = revoke("arm", looked.settings, reason="breach", at=NOW.date(), now=LATER, run_id="t",
                   dry_run=True)  # fmt: skip
    assert reached["num_clips"] == len(would.clips)
    assert reached["training_sets"] == ["base@1"]
    assert looked.client.get("/api/v1/events?after=0&kind=revocation").json()["events"] == []
