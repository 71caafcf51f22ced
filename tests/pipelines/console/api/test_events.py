"""The feed tells each event once, in order, whoever writes meanwhile."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

from catalog import rights, sources, training_sets
from catalog.pages.log import leaves_page
from catalog.pages.paging import Window
from pipelines.clear import clear
from tests.pipelines.console.conftest import program_of
from tests.pipelines.small_world import (
    MIT,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

DAY = timedelta(days=1)
WRITERS, EACH = 3, 12


def fed(client, after=-1, limit=50, **params):
    answer = client.get("/api/v1/events", params={"after": after, "limit": limit, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_happens_to_a_source_is_told_in_order(tmp_path, catalog_url):
    settings = make_world(tmp_path, catalog_url=catalog_url)
    client = program_of(settings)
    start = fed(client)["next"]
    add_source(settings, "leased", [contract(end="2026-12-20")], seconds=2)
    clear("commercial", settings, now=NOW, run_id="t")
    clear("commercial", settings, now=NOW + 25 * DAY, run_id="t")
    with writing(settings) as session:
        row = sources.source(session, "leased")
        sources.register_source(session, sources.Source(**{
            **{name: getattr(row, name) for name in row.__dataclass_fields__}, "title": "anew",
        }), now=NOW)  # fmt: skip
        for hour in (1, 2):
            training_sets.record_clearance(
                session, "base@1", f"{hour}" * 64, not_before=NOW,
                not_after=NOW + timedelta(hours=hour), now=NOW,
            )  # fmt: skip
        rights.record_revocation(session, rights.Revocation(
            revocation_id="r1", subject_kind="source", subject_id="leased", reason="breach",
            at=NOW.date(), recorded_at=NOW, covers=({"source_id": "leased"},),
        ), now=NOW)  # fmt: skip

    told = fed(client, start)
    assert [one["type"] for one in told["events"]] == [
        "source_registered", "decision_made", "decision_changed", "source_changed",
        "clearance_issued", "clearance_renewed", "revocation_recorded",
    ]  # fmt: skip
    made, changed = told["events"][1:3]
    assert (made["verdict"], made["before"]) == ("permit", None)
    assert (changed["verdict"], changed["before"]) == ("deny", "permit")
    assert changed["decided_for"] == "2026-12-26"
    assert told["events"][3]["title"] == "anew"
    assert told["events"][6]["sources"] == ["leased"]
    assert not told["more"]
    with looking(settings) as session:
        (last,) = leaves_page(session, Window(limit=1))[0]
    assert told["next"] == last.index
    assert fed(client, told["next"])["events"] == []
    assert [one["type"] for one in fed(client, start, kind="clearance")["events"]] == [
        "clearance_issued", "clearance_renewed",
    ]  # fmt: skip


def polled(client, limit, over):
    """Everything that is told to one who asks until it is over, and once more."""
    found, after = [], -1
    while True:
        last = over.is_set()
        told = fed(client, after, limit)
        assert told["next"] >= after
        found += told["events"]
        after = told["next"]
        if last and not told["events"]:
            return found


def test_nobody_is_told_twice_nor_misses_anything_while_others_write(tmp_path, catalog_url):
    settings = make_world(tmp_path, catalog_url=catalog_url)
    client, over = program_of(settings), Event()

    def write(number):
        for at in range(EACH):
            with writing(settings) as session:
                for name in (f"w{number}-{at}", f"w{number}-{at}b"):
                    row = sources.Source(source_id=name, uri=f"/{name}", modality="video")
                    sources.register_source(session, row, now=NOW)
                    rights.attach_layer(session, name, MIT, now=NOW)

    with ThreadPoolExecutor(WRITERS + 2) as threads:
        readers = [threads.submit(polled, client, limit, over) for limit in (1, 7)]
        writers = [threads.submit(write, number) for number in range(WRITERS)]
        for one in writers:
            one.result()
        over.set()
        feeds = [one.result() for one in readers]

    whole = [one["sequence"] for one in fed(client, limit=1_000)["events"]]
    assert len(whole) == len(set(whole)) == WRITERS * EACH * 2
    for feed in feeds:
        assert [one["sequence"] for one in feed] == whole
    assert whole == sorted(whole)
