"""Pages of records: each row once, in order, on both databases, whatever was added meanwhile."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import decisions, files, parties, parts, personal, quarantine, rights, sources
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import BadCursor, NotFound
from catalog.pages.decided import (
    Held,
    decisions_page,
    held_under,
    is_behind,
    last_round,
    spans_by_verdict,
)
from catalog.pages.facts import (
    duties_page,
    ending_page,
    facts_page,
    number_ending,
    unread_page,
)
from catalog.pages.log import KINDS, document_of, leaf, leaves_after, leaves_page
from catalog.pages.nouns import (
    file_counts,
    files_page,
    modalities,
    number_of,
    parties_page,
    quarantine_page,
    sources_page,
)
from catalog.pages.paging import Window
from catalog.pages.search import beginning_with, files_named
from catalog.schema import sources as sources_table

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
DAY = NOW.date()


@pytest.fixture
def url(catalog_url):
    with writing(catalog_url) as session:
        for number in range(7):
            add_source(session, f"s{number}", title=("Harbour 100%", "Field")[number % 2])
    return catalog_url


def writing(url):
    return transaction(open_catalog(url))


def looking(url):
    return reading(open_catalog(url, read_only=True))


def add_source(session, name, **more):
    row = sources.Source(source_id=name, uri=f"/r/{name}", modality="video", **more)
    sources.register_source(session, row, now=NOW)


def every(read, limit=3):
    """All rows of a list, page by page."""
    found, after = [], ""
    while True:
        rows, after = read(Window(after=after, limit=limit))
        assert len(rows) <= limit
        found += rows
        if not after:
            return found


def test_each_source_is_on_one_page_in_its_last_words(url):
    with writing(url) as session:
        add_source(session, "s3", title="anew", owner="acme")
    with looking(url) as session:
        found = every(lambda window: sources_page(session, window))
        assert [one.source_id for one in found] == [f"s{number}" for number in range(7)]
        assert found[3].title == "anew"
        by_owner = every(lambda window: sources_page(session, window, owner="acme"))
        assert [one.source_id for one in by_owner] == ["s3"]
        assert modalities(session) == {f"s{number}": "video" for number in range(7)}
        assert number_of(session, sources_table, "source_id") == 7


def test_words_are_words_and_no_pattern(url):
    with looking(url) as session:

        def ids(words):
            return [one.source_id for one in sources_page(session, Window(), words=words)[0]]

        assert ids("HARBOUR") == ["s0", "s2", "s4", "s6"]
        assert ids("100%") == ["s0", "s2", "s4", "s6"]
        assert ids("10_%") == []
        assert ids("/r/s1") == ["s1"]


def test_only_some_may_be_asked_for_however_many(url):
    many = {f"s{number}" for number in (1, 4, 6)} | {f"other-{number}" for number in range(3_000)}
    with looking(url) as session:
        found = every(lambda window: sources_page(session, window, only=many), limit=2)
        assert [one.source_id for one in found] == ["s1", "s4", "s6"]
        assert every(lambda window: sources_page(session, window, only=set())) == []


def test_a_row_that_is_added_meanwhile_moves_no_other(url):
    with looking(url) as session:
        first, after = sources_page(session, Window(limit=3))
    with writing(url) as session:
        add_source(session, "s00")
    with looking(url) as session:
        second, _ = sources_page(session, Window(after=after, limit=3))
    assert [one.source_id for one in (*first, *second)] == ["s0", "s1", "s2", "s3", "s4", "s5"]


def test_a_cursor_that_no_page_gave_is_refused(url):
    with looking(url) as session:

        @given(cursor=st.text(min_size=1, max_size=60))
        def refused(cursor):
            with pytest.raises(BadCursor) as caught:
                sources_page(session, Window(after=cursor))
            assert caught.value.code == "CURSOR_INVALID"

        refused()
        with pytest.raises(BadCursor):
            leaves_page(session, Window(after=cursor_of(10**30)))
        wrong: list[object] = [[], [True], {}, ["a", "b"], [1], [None], ["a\x00"], ["\ud800"]]
        for said in wrong:
            with pytest.raises(BadCursor):
                sources_page(session, Window(after=cursor_of(said)))


def cursor_of(said):
    doc = said if isinstance(said, list | dict) else [said]
    return base64.urlsafe_b64encode(json.dumps(doc).encode()).decode()


def test_files_come_by_name_although_names_stand_apart(url):
    names = ["b/2.mp4", "a.mp4", "Z.mp4", "c.mp4"]
    with writing(url) as session:
        rows = [entry(name, at) for at, name in enumerate(names)]
        files.record_files(session, rows, run_id="t", now=NOW)
        gone = [entry("c.mp4", 3, status="vanished"), entry("a.mp4", 9)]
        files.record_files(session, gone, run_id="t", now=NOW)
    with looking(url) as session:
        found = every(lambda window: files_page(session, "s1", window), limit=1)
        assert sorted(one["path"] for one in found) == sorted(names)
        assert {one["path"]: one["sha256"][:2] for one in found}["a.mp4"] == "99"
        assert file_counts(session, "s1") == {"ingested": 3, "vanished": 1}
        assert every(lambda window: files_page(session, "s2", window)) == []


def entry(path, at, status="ingested"):
    return files.FileEntry(
        source_id="s1", path=path, sha256=f"{at}" * 64, size_bytes=1, status=status
    )


def test_only_what_is_held_is_in_quarantine(url):
    with writing(url) as session:
        held = [
            quarantine.QuarantineEntry(source_id=one, path="x.bin", sha256="00", reason="R",
                                       evidence={"at": 3})
            for one in ("s1", "s2")
        ]  # fmt: skip
        quarantine.record_quarantine(session, held, run_id="t", now=NOW)
        quarantine.release(session, "s1", "x.bin", run_id="t", now=NOW)
    with looking(url) as session:
        (one,) = every(lambda window: quarantine_page(session, "", window))
        assert (one["source_id"], one["path"]) == ("s2", "x.bin")
        assert every(lambda window: quarantine_page(session, "s1", window)) == []


def attach(url, source, kind, doc, *, end=None):
    with writing(url) as session:
        rights.attach(session, source, kind, doc, valid=(None, end), now=NOW)
        return rights.facts_of(session, source)[-1].fact_id


def test_what_ends_soon_comes_first_and_what_was_ended_not_at_all(url):
    for number in (40, 5, 95, 20):
        attach(url, "s1", "evidence", {"n": number}, end=str(DAY + timedelta(days=number)))
    gone = attach(url, "s2", "evidence", {"n": 7}, end=str(DAY + timedelta(days=7)))
    with writing(url) as session:
        rights.end_fact(session, gone, at=DAY, kind="ended", reason="ended", now=NOW)
    with looking(url) as session:
        until = DAY + timedelta(days=90)
        found = every(lambda window: ending_page(session, window, since=DAY, until=until), limit=1)
        assert [one.doc["n"] for one in found] == [5, 20, 40]
        assert number_ending(session, since=DAY, until=until) == 3
        assert number_ending(session, since=DAY, until=DAY + timedelta(days=5)) == 1


def test_a_signal_is_unread_until_it_is_ended(url):
    unread = attach(url, "s1", "signal", {"layer_id": "*", "unread": "C2PA"})
    attach(url, "s1", "signal", {"layer_id": "*", "tdmrep": 1})
    with looking(url) as session:
        assert [one.fact_id for one in unread_page(session, Window())[0]] == [unread]
    with writing(url) as session:
        rights.end_fact(session, unread, at=DAY, kind="void", reason="read", now=NOW)
    with looking(url) as session:
        assert unread_page(session, Window()) == ((), "")


def test_a_duty_counts_in_its_last_state_by_deadline(url):
    for duty, state, deadline in (
        ("pay", "due", "2026-12-20"), ("report", "due", "2026-12-05"), ("credit", "dormant", None),
        ("pay", "met", "2026-12-20"),
    ):  # fmt: skip
        doc = {"instrument": "d-7", "duty": duty, "state": state}
        attach(url, "s1", "obligation", doc | ({"deadline": deadline} if deadline else {}))
    with looking(url) as session:
        found = every(lambda window: duties_page(session, window), limit=1)
        assert [one.doc["duty"] for one in found] == ["report", "credit"]
        kinds = facts_page(session, "s1", Window(), kinds=("obligation",))[0]
        assert len(kinds) == 4


def test_the_last_day_of_decisions_counts_and_what_came_after_is_told(url):
    with writing(url) as session:
        for day, verdict in ((DAY, "deny"), (DAY + timedelta(days=1), "permit")):
            row = decision(day, verdict)
            at = NOW + (day - DAY)
            decisions.record_decisions(session, [row], run_id="t", now=at)
    with looking(url) as session:
        last = last_round(session, "r" * 64)
        assert last.day == DAY + timedelta(days=1)
        assert not is_behind(session, last.last)
        (held,) = held_under(session, [last])
        assert held == [Held("s1", f"{last.day}", "permit", ("GRANT",), span_ns=0)]
        newest = every(lambda window: decisions_page(session, window, source_id="s1"), limit=1)
        assert [part.verdict for part, _, _ in newest] == ["permit", "deny"]
        assert last_round(session, "0" * 64).day is None
    attach(url, "s1", "evidence", {"n": 1})
    with looking(url) as session:
        assert is_behind(session, last_round(session, "r" * 64).last)


def test_what_is_held_is_what_was_keyed_last_by_what_was_decided_last(url):
    def key(source, spans):
        at = [0, *accumulate(spans.values())]
        rows = [
            parts.PartRow(episode_id="e", start_ns=start, end_ns=end, rights_key=name)
            for name, start, end in zip(spans, at, at[1:], strict=False)
        ]
        keyed = parts.Keyed(source_id=source, parts=tuple(rows), layers={}, clips=())
        with writing(url) as session:
            parts.record_keying(session, keyed, run_id="t", now=NOW)

    def held(*digests, only=None):
        with looking(url) as session:
            rounds = [last_round(session, one * 64) for one in digests]
            return [sorted(one) for one in held_under(session, rounds, only=only)]

    key("s1", {"k": 1})
    key("s1", {"k": 30, "other": 4})
    key("s2", {"k": 5})
    with writing(url) as session:
        rows = [decision(DAY, "deny"), decision(DAY, "permit", source_id="s3", rights_key="bare")]
        decisions.record_decisions(session, rows, run_id="t", now=NOW)
    undecided = [Held("s1", "", "", (), 4), Held("s2", "", "", (), 5)]
    denied = Held("s1", f"{DAY}", "deny", ("GRANT",), 30)
    never_keyed = Held("s3", f"{DAY}", "permit", ("GRANT",), 0)
    assert held("r") == [sorted([*undecided, denied, never_keyed])]
    assert held("r", only=["s1"]) == [sorted([undecided[0], denied])]
    assert held("r", only=[]) == [[]]
    with looking(url) as session:
        rounds = [last_round(session, one * 64) for one in "r0"]
        assert list(spans_by_verdict(session, rounds)) == [{"deny": 30, "": 9}, {"": 39}]
    asked_too = held("r", "0", only=["s2", "s3"])
    assert asked_too == [[undecided[1], never_keyed], [undecided[1]]]


def decision(day, verdict, *, source_id="s1", rights_key="k"):
    return decisions.DecisionRow(
        decision_id=f"{day}", source_id=source_id, request_digest="r" * 64, request_name="use",
        verdict=verdict, reasons=("GRANT",), obligations=(), rights_key=rights_key, valid=day,
        known=NOW, rulebook_digest="b", profile="conservative", doc={"proof": "long"}, at=NOW,
    )  # fmt: skip


def test_the_log_is_read_backwards_and_onwards(url):
    with looking(url) as session:
        found = every(lambda window: leaves_page(session, window), limit=2)
        assert [one.index for one in found] == sorted((one.index for one in found), reverse=True)
        assert [one.key for one in leaves_page(session, Window(), words="S3")[0]] == ["s3"]
        assert leaves_page(session, Window(), kind="runs") == ((), "")
        assert {one.kind for one in found} <= set(KINDS)
        onwards = leaves_after(session, 4, Window(limit=9), kinds=("sources",))
        assert [one.key for one in onwards] == ["s5", "s6"]
        doc = document_of(session, leaf(session, 0))
        assert doc is not None
        assert doc["source_id"] == "s0"
        with pytest.raises(NotFound, match="no entry 999"):
            leaf(session, 999)


def test_search_finds_the_start_of_an_id(url):
    with writing(url) as session:
        decisions.record_decisions(session, [decision(DAY, "deny")], run_id="t", now=NOW)
        for name in ("acme", "Acme & Söhne"):
            party = parties.Party(party_id=name, name=name)
            parties.register_party(session, party, now=NOW)
    with looking(url) as session:
        assert beginning_with(session, "2026-12") == (("decision", str(date(2026, 12, 1))),)
        assert beginning_with(session, "%") == ()
        assert {one.party_id for one in parties_page(session, Window(), words="söhne")[0]} <= {
            "Acme & Söhne"
        }


def test_search_finds_files_by_their_name_as_long_as_it_is_not_erased(url):
    with writing(url) as session:
        for name in ("s1", "s2"):
            sources.register_source(
                session, sources.Source(source_id=name, uri="/x", modality="video"), now=NOW
            )  # fmt: skip
            entries = [
                files.FileEntry(source_id=name, path=path, sha256=sha * 32, size_bytes=1,
                                status=status)
                for path, sha, status in (
                    ("Season/Take_01.mp4", "ab", "ingested"), ("100%.mp4", "cd", "ingested"),
                    ("gone.mp4", "ef", "vanished"), ("Season/Take_01.mp4", "12", "ingested"),
                )
            ]  # fmt: skip
            files.record_files(session, entries, run_id="t", now=NOW)
    with looking(url) as session:
        found = [(one.source_id, one.path, one.sha256[:2]) for one in files_named(session, "take_")]
        assert sorted(found) == [(name, "Season/Take_01.mp4", sha)
                                 for name in ("s1", "s2") for sha in ("12", "ab")]  # fmt: skip
        assert {one.path for one in files_named(session, "0%.")} == {"100%.mp4"}
        assert files_named(session, "gone") == ()
        assert files_named(session, "personal:") == ()
    with writing(url) as session:
        personal.forget(session, "s1")
    with looking(url) as session:
        assert {one.source_id for one in files_named(session, "take_")} == {"s2"}
