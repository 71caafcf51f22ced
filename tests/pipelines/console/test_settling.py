"""Settling a signal in the console: by whom it may, once, for the statement that was read."""

from __future__ import annotations

import pytest

from catalog import rights
from catalog.accounts import accesses
from catalog.acts import acts
from catalog.pages.facts import unread_page
from catalog.pages.paging import Window
from pipelines.accounts.roles import ROLES
from pipelines.clear import clear
from pipelines.console.app import console
from tests.pipelines.console.conftest import SCRIPT, client_of, later
from tests.pipelines.console.sending import form_on, sent
from tests.pipelines.console.test_pages import plain
from tests.pipelines.small_world import LATER, MIT, NOW, add_source, looking, make_world, writing

WHERE = {"path": "a.xmp", "place": "XMP", "sha256": "cd" * 32}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("settling"))
    for number, name in enumerate(("silent", "reserved", "open", "kept", "freed", "twice")):
        add_source(made, name, [MIT], seconds=2, seed=number)
        with writing(made) as session:
            for about in ("a.mp4", f"b{SCRIPT}.mp4"):
                mark(session, name, about=about, where=WHERE, unread="XMP not readable")
            mark(session, name, about="other.mp4", where={**WHERE, "path": "other.xmp"},
                 unread="XMP not readable")  # fmt: skip
    with writing(made) as session:
        mark(session, "kept", natural_language="reserved")
    clear("commercial", made, now=NOW, run_id="test")
    return made


@pytest.fixture(scope="module")
def site(settings):
    return console(settings, clock=later)


def mark(session, source, **said):
    rights.attach(session, source, "signal", {"layer_id": "*", **said}, now=NOW)


def marks(settings, source):
    """The signals of a source that stand, by what they say and are about."""
    with looking(settings) as session:
        found = [one for one in rights.facts_of(session, source) if one.kind == "signal"]
        over = {one.fact_id for one in rights.ends_of(session, (each.fact_id for each in found))}
        return [one for one in found if one.fact_id not in over]


def one_of(settings, source, about="a.mp4"):
    return next(one.fact_id for one in marks(settings, source) if one.doc.get("about") == about)


def reading(client, fact, source, *, said):
    address = f"/signals/{fact}"
    form = form_on(client, address, f"{address}/settle")
    filled = {"reading": said, "reason": "read in the file, line 3", "typed": source}
    return sent(client, f"{address}/settle", form | filled)


def verdict(settings, source):
    done = clear("commercial", settings, now=LATER, run_id="test", record=False)
    return {one.source_id: one.verdict for one in done.parts}[source]


@pytest.mark.parametrize("role", ROLES)
def test_the_form_is_shown_to_whom_may_and_no_other_may_send_it(settings, site, role):
    client, fact = client_of(settings, role, site=site), one_of(settings, "kept")
    may = "settle" in ROLES[role]
    assert bool(form_on(client, f"/signals/{fact}", f"/signals/{fact}/settle")) is may
    if not may:
        answer = reading(client, fact, "kept", said="silent")
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")
    assert len(marks(settings, "kept")) == 4


def test_the_unread_lead_to_their_page_which_says_what_is_known(settings, site):
    client, fact = client_of(settings, "viewer", site=site), one_of(settings, "kept")
    assert f'href="/signals/{fact}"' in client.get("/").text
    assert f'href="/signals/{fact}"' in client.get("/sources/kept").text
    page = client.get(f"/signals/{fact}").text
    for said in ("XMP not readable", "a.xmp", "a.mp4", "&lt;script&gt;"):
        assert said in page
    assert SCRIPT not in page
    assert "other.mp4" not in page


@pytest.mark.parametrize(
    ("source", "stays", "after"),
    [("silent", [], "undetermined"), ("open", ["allowed", "allowed"], "undetermined"),
     ("reserved", ["reserved", "reserved"], "undetermined")],
)  # fmt: skip
def test_a_reading_takes_the_place_of_the_marks_of_its_statement_alone(
    settings, site, source, stays, after
):
    client, fact = client_of(settings, "steward", site=site), one_of(settings, source)
    answer = reading(client, fact, source, said=source if source != "open" else "allowed")
    assert answer.status_code == 200, answer.text
    assert "2 unread mark(s) void" in plain(answer.text)
    found = marks(settings, source)
    said = [one.doc["natural_language"] for one in found if "unread" not in one.doc]
    assert said == stays
    assert [one.doc["about"] for one in found if "unread" in one.doc] == ["other.mp4"]
    assert verdict(settings, source) == after
    with looking(settings) as session:
        (act,) = acts(session, subject=fact)
        listed = [one.fact_id for one in unread_page(session, Window())[0]]
    assert (act.act, act.actor, act.about["source"]) == ("settle", "steward", source)
    assert len(act.about["facts"]) == 2
    assert fact not in listed
    assert "read in the file, line 3" in client.get(f"/signals/{fact}").text
    again = reading(client, fact, source, said="silent")
    assert (again.status_code, "FORM_STALE" in again.text) == (403, True)  # there is no form more


def test_what_was_settled_frees_what_nothing_else_holds(settings, site):
    client = client_of(settings, "counsel", site=site)
    for about in ("a.mp4", "other.mp4"):
        assert verdict(settings, "freed") == "undetermined"
        answer = reading(client, one_of(settings, "freed", about), "freed", said="silent")
        assert answer.status_code == 200
    assert verdict(settings, "freed") == "permit"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"typed": ""}, 400, "NOT_CONFIRMED"), ({"typed": "open"}, 400, "NOT_CONFIRMED"),
        ({"reading": "mood"}, 409, "READING_UNKNOWN"), ({"reason": " "}, 409, "REASON_MISSING"),
        ({"reason": "x" * 401}, 409, "REASON_MISSING"), ({"form": "0" * 64}, 403, "FORM_STALE"),
    ],
)  # fmt: skip
def test_what_is_not_meant_so_settles_nothing(settings, site, changed, status, code):
    client, fact = client_of(settings, "admin", site=site), one_of(settings, "kept")
    address = f"/signals/{fact}/settle"
    form = form_on(client, f"/signals/{fact}", address)
    filled = {"reading": "silent", "reason": "read", "typed": "kept"}
    answer = sent(client, address, form | filled | changed)
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (status, True)
    assert len(marks(settings, "kept")) == 4
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.subject, entry.outcome) == ("admin", address, code)


def test_what_was_read_or_is_no_signal_is_not_settled(settings, site):
    client, fact = client_of(settings, "admin", site=site), one_of(settings, "kept")
    form = form_on(client, f"/signals/{fact}", f"/signals/{fact}/settle")
    filled = form | {"reading": "silent", "reason": "read", "typed": "kept"}
    plainly = one_of(settings, "kept", None)
    assert "SIGNAL_READ" in sent(client, f"/signals/{plainly}/settle", filled).text
    with looking(settings) as session:
        layer = next(one for one in rights.facts_of(session, "kept") if one.kind == "layer")
    for other in (layer.fact_id, "nobody"):
        assert "UNKNOWN_ID" in sent(client, f"/signals/{other}/settle", filled).text
    done = one_of(settings, "twice", "other.mp4")
    once = filled | {"typed": "twice"}
    assert sent(client, f"/signals/{done}/settle", once).status_code == 200
    assert "ALREADY_SETTLED" in sent(client, f"/signals/{done}/settle", once).text
