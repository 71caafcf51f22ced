"""Each page shows what is on record: read from a home of real parts, as a browser gets it."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from urllib.parse import quote

from catalog import rights
from catalog.decisions import decisions
from catalog.pages.nouns import sources_page
from catalog.pages.paging import Window
from catalog.sources import Source, register_source
from pipelines.clear import clear
from pipelines.revoke import revoke
from tests.pipelines.console.conftest import HOSTILE_PARTY, PAPER, World, client_of
from tests.pipelines.small_world import (
    LATER,
    MIT,
    NOW,
    add_source,
    looking,
    make_world,
    writing,
)


def plain(page: str) -> str:
    """The words of a page, as a person reads them."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def decision_of(world, source):
    with looking(world.settings) as session:
        return next(one for one in decisions(session) if one.source_id == source)


def rows(world, address, table):
    answer = world.client.get(f"{address}?table={table}&as=json")
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.text)


def test_the_overview_sums_up_what_was_decided(world):
    verdicts = {one["verdict"]: one for one in rows(world, "/", "verdicts")}
    assert verdicts["permit"]["sources"] == 2
    assert round(verdicts["permit"]["hours"] * 3600) == 8
    assert round(verdicts["deny"]["hours"] * 3600) == 4
    assert verdicts["undetermined"]["sources"] == 1
    assert {one["value"] for one in rows(world, "/", "reasons")} >= {"NC", "GRANT"}
    assert {one["value"] for one in rows(world, "/", "modalities")} == {"game", "video"}


def test_the_overview_equals_what_the_station_says(world):
    done = clear("commercial", world.settings, now=LATER, run_id="test", record=False)
    shown = {one["verdict"]: one["hours"] for one in rows(world, "/", "verdicts")}
    assert {word: value for word, value in done.hours().items() if value} == {
        word: value for word, value in shown.items() if value
    }


def test_the_overview_names_what_ends_soon_what_is_owed_and_what_is_unread(world):
    ending = rows(world, "/", "ending")
    assert [(one["ends"], one["source"]) for one in ending] == [
        ("2026-12-20", "leased"), ("2026-12-28", "hostile"),
    ]  # fmt: skip
    (duty,) = rows(world, "/", "duties")
    assert (duty["duty"], duty["deadline"], duty["source"]) == ("report", "2026-12-15", "leased")
    (unread,) = rows(world, "/", "unread")
    assert unread["source"] == "hostile"
    words = plain(world.page("/"))
    for said in ("2 end in 30 days", "1 open duties", "1 unread signals", "1 in quarantine"):
        assert said in words


def test_sources_are_filtered_by_words_modality_and_verdict(world):
    def ids(asked):
        answer = world.client.get(f"/sources?{asked}&table=sources&as=json")
        return [one["id"] for one in json.loads(answer.text)]

    assert ids("q=OPEN") == ["open"]
    assert ids("modality=video") == ["hostile"]
    assert ids("verdict=deny") == ["closed"]
    assert ids("verdict=undetermined&modality=game") == []
    assert ids("q=%25") == []  # no wildcard


def test_a_source_shows_its_layers_papers_clauses_files_and_decisions(world):
    assert rows(world, "/sources/leased", "layers")[0]["layer"] == "copyright"
    (paper,) = rows(world, "/sources/leased", "instruments")
    assert (paper["id"], paper["giver"], paper["grade"]) == ("deal-7", "giver", "E1")
    (clause,) = rows(world, "/sources/leased", "clauses")
    assert clause["clause"] == "2"
    assert [one["path"] for one in rows(world, "/sources/open", "files")] == ["take_0.mp4"]
    (decided,) = rows(world, "/sources/closed", "decisions")
    assert (decided["verdict"], decided["reasons"]) == ("deny", ["NC"])
    assert "1 ingested" in plain(world.page("/sources/open"))


def test_why_says_it_in_words_and_what_would_turn_it(world):
    words = plain(world.page(f"/decisions/{decision_of(world, 'closed').decision_id}"))
    assert "The use is denied" in words
    assert "the licence allows non-commercial use only" in words
    assert "What would permit it" in words
    assert "Standing: stands." in words


def test_a_decision_leads_to_its_paper_opened_at_the_clause(world):
    page = world.page(f"/decisions/{decision_of(world, 'leased').decision_id}")
    (way,) = set(re.findall(r'href="(/evidence/[^"]+\?clause=2)"', page))
    opened = world.page(unescape(way))
    marked = re.findall(r'<li id="line-(\d+)" class="marked">', opened)
    assert marked == ["4", "5"]  # the grant runs over two lines of the paper
    saved = world.client.get(f"{unescape(way).partition('?')[0]}/bytes")
    assert saved.content == PAPER.encode()
    assert saved.headers["content-disposition"].startswith("attachment")
    assert saved.headers["content-type"] == "application/octet-stream"


def test_a_decision_is_asked_again_as_of_another_date(world):
    address = f"/decisions/{decision_of(world, 'leased').decision_id}"
    assert "As of that date: permit" in plain(world.page(f"{address}?valid=2026-12-14"))
    overdue = plain(world.page(f"{address}?valid=2026-12-16"))
    assert "a duty under the agreement is overdue" in overdue
    ended = plain(world.page(f"{address}?valid=2026-12-20"))
    assert "As of that date: deny" in ended
    assert "the agreement has ended" in ended
    before = plain(world.page(f"{address}?known=2026-11-01"))
    assert "with what was on record by 2026-11-02 00:00 UTC" in before
    assert "As of that date: undetermined" in before


def test_a_party_shows_what_it_owns_and_gave(world):
    page = world.page(f"/parties/{quote(HOSTILE_PARTY, safe='')}")
    assert "/sources/hostile" in page
    assert len(rows(world, "/parties", "parties")) == 2


def test_a_giver_whom_nobody_registered_has_a_page(world):
    words = plain(world.page("/parties/giver"))
    assert "named, not registered" in words
    assert {one["source"] for one in rows(world, "/parties/giver", "given")} == {"leased"}
    assert "UNKNOWN_ID" in world.page("/parties/nobody", 404)


def test_a_table_is_paged_by_its_keys_and_exported_whole(world):
    with looking(world.settings) as session:
        first, after = sources_page(session, Window(limit=3))
        rest, end = sources_page(session, Window(after=after, limit=3))
    assert [one.source_id for one in (*first, *rest)] == ["closed", "hostile", "leased", "open"]
    assert end == ""
    page = world.page(f"/sources?sources.after={after}")
    assert "/sources/open" in page
    assert "/sources/closed" not in page
    answer = world.client.get("/sources?table=sources&as=csv")
    assert [one["id"] for one in csv.DictReader(io.StringIO(answer.text))] == [
        "closed", "hostile", "leased", "open",
    ]  # fmt: skip


def test_a_page_tells_when_the_record_went_on_after_the_decisions(tmp_path):
    settings = make_world(tmp_path)
    client = client_of(settings)
    assert "was never decided" in plain(client.get("/").text)
    add_source(settings, "one", [MIT])
    clear("commercial", settings, now=NOW, run_id="test")
    fresh = plain(client.get("/").text)
    assert "recorded after the decisions" not in fresh
    add_source(settings, "two", [MIT], now=LATER)
    stale = plain(client.get("/").text)
    assert "recorded after the decisions of 2026-12-01" in stale


def shown(world):
    """What pages say of the verdicts: the sums, the list and the matrix, which agree; seconds."""
    sums = {one["verdict"]: one["sources"] for one in rows(world, "/", "verdicts")}
    listed = {one["id"]: one["verdict"] for one in rows(world, "/sources", "sources")}
    matrix = rows(world, "/requests", "matrix")
    assert {one["source"]: one["under commercial"] for one in matrix} == listed
    for name, said in listed.items():
        assert [one["verdict"] for one in rows(world, f"/sources/{name}", "verdicts")] == [said]
        asked = f"/sources?verdict={said}&table=sources&as=json"
        assert name in [one["id"] for one in json.loads(world.page(asked))]
    return sums, listed, round(rows(world, "/requests", "requests")[0]["permit"] * 3600)


def test_the_next_page_after_a_change_shows_the_change(tmp_path):
    settings = make_world(tmp_path)
    for number, name in enumerate(("one", "two")):
        add_source(settings, name, [MIT], seconds=2 + 2 * number, seed=number)
    clear("commercial", settings, now=NOW, run_id="test")
    with client_of(settings) as client:
        world = World(settings=settings, client=client)
        assert shown(world) == ({"permit": 2}, {"one": "permit", "two": "permit"}, 6)
        assert "recorded after the decisions" not in plain(world.page("/"))
        with writing(settings) as session:
            rights.attach(session, "one", "evidence", {"file": "new.md"}, now=LATER)
        assert "recorded after the decisions" in plain(world.page("/"))
        with writing(settings) as session:
            late = Source(source_id="late", uri="/late", modality="video")
            register_source(session, late, now=LATER)
        before = {"late": "undecided", "one": "permit", "two": "permit"}
        assert shown(world) == ({"permit": 2}, before, 6)
        assert "3 sources" in plain(world.page("/"))
        revoke("two", settings, reason="ordered", at=LATER.date(), now=LATER, run_id="test")
        turned = {"late": "undetermined", "one": "permit", "two": "deny"}
        assert shown(world) == ({"permit": 1, "deny": 1, "undetermined": 1}, turned, 2)


def test_an_unknown_id_is_told_with_its_way_out(world):
    assert "UNKNOWN_ID" in world.page("/sources/nobody", 404)
    assert "UNKNOWN_ID" in world.page("/decisions/ffff", 404)
    assert "There is no such page" in world.page("/nowhere", 404)
    assert "QUERY_INVALID" in world.page("/sources?modality=film", 400)
    assert "CURSOR_INVALID" in world.page("/sources?sources.after=xyz", 400)
    assert "TABLE_UNKNOWN" in world.page("/sources?table=nope&as=csv", 404)
