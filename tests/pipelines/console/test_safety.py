"""Hostile names, hostile addresses, hostile sites: none of them moves the console."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import quote

import pytest
from starlette.websockets import WebSocketDisconnect

from catalog import rights
from catalog.errors import CatalogUnreachable
from pipelines.console.app import PAGES, console
from pipelines.console.blocks import Column, Table, fixed
from pipelines.console.evidence import digests_of
from pipelines.console.rights import ACTS
from pipelines.console.serving import refuse_elsewhere
from pipelines.console.showing import as_csv, as_json
from pipelines.errors import ConsoleError
from tests.pipelines.console.conftest import HOSTILE_PARTY, SCRIPT, TURNED, client_of
from tests.pipelines.console.test_pages import decision_of
from tests.pipelines.small_world import LATER, looking

SHOWING_HOSTILE = (
    "/", "/sources", "/sources/hostile", "/parties", "/quarantine",
    f"/parties/{quote(HOSTILE_PARTY, safe='')}",
)  # fmt: skip


@pytest.mark.parametrize("address", SHOWING_HOSTILE)
def test_a_hostile_name_is_text_and_nothing_else(world, address):
    page = world.page(address)
    assert SCRIPT not in page
    assert not re.search(r"<[^>]*\sonmouseover", page)
    assert "\u202e" not in page  # it is shown by its number
    assert "&lt;script&gt;" in page


def test_a_turned_name_is_shown_by_the_characters_that_turn_it(world):
    assert TURNED.replace("\u202e", "\\u202e") in world.page("/sources/hostile")


def test_what_is_asked_is_never_markup(world):
    asked = quote(f'"><img src=x onerror=alert(1)>{SCRIPT}')
    for address in (f"/sources?q={asked}", f"/parties?q={asked}"):
        page = world.page(address)
        assert "<img" not in page
        assert SCRIPT not in page
    for address in (f"/sources/{asked}", f"/decisions/{asked}", f"/sources?modality={asked}"):
        answer = world.client.get(address)
        assert answer.status_code in {400, 404}
        assert SCRIPT not in answer.text


def test_a_file_is_found_by_a_hostile_name_that_stays_a_name(world):
    found = f"/files/{'ab' * 32}"
    for words in ("onmouseover='alert", "take'", "<script>"):
        page = world.page(f"/search?q={quote(words)}")
        assert f'href="{found}"' in page
        assert not re.search(r"<[^>]*\sonmouseover", page)
        assert SCRIPT not in page
    page = world.page(found)
    assert not re.search(r"<[^>]*\sonmouseover", page)
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_a_spreadsheet_computes_nothing_of_an_export():
    table = Table(
        name="t", title="t", columns=(Column(name="name", title="Name"),),
        read=fixed([{"name": "=cmd|' /C calc'!A0"}, {"name": -1}]),
    )  # fmt: skip
    assert list(as_csv(table))[1:] == ["'=cmd|' /C calc'!A0\r\n", "-1\r\n"]
    assert '"=cmd' in "".join(as_json(table))


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:3001", "", "evil@127.0.0.1.x"]
)
def test_another_name_for_this_machine_is_refused(world, host):
    answer = world.client.get("/sources", headers={"host": host})
    assert answer.status_code == 421
    assert "hostile" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:3001", "localhost", "LOCALHOST:80", "[::1]:3001"])
def test_its_own_names_are_answered(world, host):
    assert world.client.get("/sources", headers={"host": host}).status_code == 200


NO_ACTS = [
    (method, address)
    for address in (*PAGES, "/evidence/{fact}/{sha256}/bytes", "/static/icon.svg")
    for method in ("POST", "PUT", "PATCH", "DELETE")
    if (method, address) not in ACTS
]


@pytest.mark.parametrize(("method", "address"), NO_ACTS)
def test_no_address_takes_an_act_that_the_table_does_not_name(world, method, address):
    answer = world.client.request(method, address.replace(":path", ""))
    assert answer.status_code == 405


def test_looking_writes_nothing(world):
    world.page("/")  # what was written before may go from the journal to its file now
    before = (world.settings.home / "catalog.sqlite").read_bytes()
    wal = world.settings.home / "catalog.sqlite-wal"
    grown = wal.stat().st_size if wal.exists() else 0
    for address in SHOWING_HOSTILE:
        world.page(address)
    world.page(f"/decisions/{decision_of(world, 'open').decision_id}?valid=2026-12-05")
    assert (world.settings.home / "catalog.sqlite").read_bytes() == before
    assert (wal.stat().st_size if wal.exists() else 0) == grown


@pytest.mark.parametrize("address", ["/", "/nowhere", "/sources/nobody", "/static/console.css"])
def test_every_answer_forbids_what_does_not_come_from_here(world, address):
    said = world.client.get(address).headers
    policy = said["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert said["x-content-type-options"] == "nosniff"
    assert said["x-frame-options"] == "DENY"
    assert said["referrer-policy"] == "same-origin"


def test_a_page_holds_no_script_no_style_and_no_handler_in_its_markup(world):
    for address in SHOWING_HOSTILE:
        page = world.page(address)
        assert not re.search(r"<script(?![^>]*\ssrc=)", page)
        assert "<style" not in page
        assert not re.search(r"<[^>]*\s(on\w+|style)=", page)


def test_pages_are_kept_in_no_cache(world):
    assert world.client.get("/sources/open").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py", "/static/..%2fapp.py", "/static/%2e%2e/app.py",
        "/evidence/x/..%2f..%2fkeys", "/evidence/../../etc/passwd", "/static//etc/passwd",
        "/sources/..%2f..%2fcatalog.sqlite",
    ],
)  # fmt: skip
def test_no_address_leads_out_of_the_folders(world, path):
    answer = world.client.get(path)
    assert answer.status_code == 404
    assert "SQLite format" not in answer.text
    assert "root:" not in answer.text


def test_a_paper_is_shown_only_through_the_fact_that_names_it(world):
    with looking(world.settings) as session:
        (paper,) = (one for one in rights.facts_of(session, "leased") if one.kind == "instrument")
        (other, *_) = rights.facts_of(session, "open")
    (digest,) = digests_of(paper.doc)
    assert world.client.get(f"/evidence/{paper.fact_id}/{digest}").status_code == 200
    assert "PAPER_UNKNOWN" in world.page(f"/evidence/{other.fact_id}/{digest}", 404)
    assert "PAPER_UNKNOWN" in world.page(f"/evidence/{paper.fact_id}/{'0' * 64}", 404)
    assert "UNKNOWN_ID" in world.page(f"/evidence/nobody/{digest}", 404)


def test_a_paper_that_was_exchanged_is_refused(world):
    with looking(world.settings) as session:
        (paper,) = (one for one in rights.facts_of(session, "leased") if one.kind == "instrument")
    (digest,) = digests_of(paper.doc)
    place = world.settings.home / "evidence" / digest
    kept = place.read_bytes()
    try:
        place.write_bytes(kept + b"and everything else")
        for address in (
            f"/evidence/{paper.fact_id}/{digest}",
            f"/evidence/{paper.fact_id}/{digest}/bytes",
        ):
            assert "PAPER_CHANGED" in world.page(address, 409)
    finally:
        place.write_bytes(kept)


def test_long_addresses_are_refused(world):
    assert world.client.get(f"/sources?q={'x' * 401}").status_code == 400
    assert world.client.get(f"/sources?q={'x' * 5_000}").status_code == 414


def test_a_nul_is_refused_before_a_database_sees_it(world):
    for address in ("/sources/a%00b", "/sources?q=%00", "/parties/%00", "/search?q=a%00"):
        assert world.client.get(address).status_code == 400


def test_many_look_at_once(world):
    addresses = [one for one in SHOWING_HOSTILE for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(world.client.get, addresses))
    assert {one.status_code for one in answers} == {200}


def test_there_is_no_websocket(world):
    with pytest.raises(WebSocketDisconnect), world.client.websocket_connect("/"):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "localhost", ""])
def test_the_console_listens_on_this_machine_alone(host):
    with pytest.raises(ConsoleError, match="may not listen") as caught:
        refuse_elsewhere(host)
    assert caught.value.code == "NOT_LOOPBACK"


def test_a_home_without_a_catalog_is_refused_at_the_start(tmp_path, world):
    gone = replace(world.settings, catalog_url=f"sqlite:///{tmp_path}/none.sqlite")
    with pytest.raises(CatalogUnreachable, match="no catalog"):
        console(gone, clock=lambda: LATER)
    client = client_of(world.settings, "", site=console(world.settings))  # by the clock of today
    assert client.get("/", headers={"accept": "text/html"}).status_code == 303
