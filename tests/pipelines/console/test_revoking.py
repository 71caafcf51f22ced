"""Revoking in the console: by whom it may, typed again, and in the log with who did it."""

from __future__ import annotations

import pytest

from catalog.accounts import accesses
from catalog.acts import acts
from catalog.rights import revocations_of
from pipelines.accounts.roles import ROLES
from pipelines.clear import clear
from pipelines.console.app import console
from pipelines.revocations import published_list
from tests.pipelines.console import sending
from tests.pipelines.console.conftest import client_of, later
from tests.pipelines.console.test_pages import plain
from tests.pipelines.small_world import MIT, NOW, add_source, looking, make_world


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("revoking"))
    for number, name in enumerate(("one", "two", "three")):
        add_source(made, name, [MIT], seconds=2, seed=number)
    clear("commercial", made, now=NOW, run_id="test")
    return made


@pytest.fixture(scope="module")
def site(settings):
    return console(settings, clock=later)


def form_on(client, address):
    """What the form that revokes on a page would send, before anything is typed; {} if none."""
    return sending.form_on(client, address, "/revoke")


def revoked(settings, source):
    with looking(settings) as session:
        return revocations_of(session, "source", source)


def sent(client, form):
    return sending.sent(client, "/revoke", form)


@pytest.mark.parametrize("role", ROLES)
def test_the_form_is_shown_to_whom_may_and_no_other_may_send_it(settings, site, role):
    client = client_of(settings, role, site=site)
    may = "revoke" in ROLES[role]
    for address in ("/sources/one", "/what-if?of=source&what=one&reason=breach"):
        if address == "/sources/one" or "compute" in ROLES[role]:
            assert bool(form_on(client, address)) is may
    if not may:
        forced = {"of": "source", "what": "one", "typed": "one", "reason": "ended"}
        answer = sent(client, forced)
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")
    assert not revoked(settings, "one")


def test_a_revocation_is_done_by_the_station_and_has_its_actor_in_the_log(settings, site):
    client = client_of(settings, "steward", site=site)
    form = form_on(client, "/sources/two")
    assert (form["of"], form["what"], form["typed"], form["at"]) == (
        "source", "two", "", str(later().date()),
    )  # fmt: skip
    answer = sent(client, form | {"reason": "breach", "typed": "two"})
    assert answer.status_code == 200, answer.text
    assert "by steward" in answer.text
    assert "request commercial: now" in plain(answer.text)
    (found,) = revoked(settings, "two")
    assert (found.reason, found.at) == ("breach", later().date())
    with looking(settings) as session:
        (act,) = acts(session, subject="two")
    assert (act.act, act.actor) == ("revoke", "steward")
    assert act.about["revocation"] == found.revocation_id
    listed = published_list(settings)
    assert listed is not None
    assert "two" in str(listed)
    assert "ALREADY_REVOKED" in sent(client, form | {"typed": "two"}).text
    assert len(revoked(settings, "two")) == 1


def test_the_what_if_leads_to_the_act_with_what_it_asked(settings, site):
    client = client_of(settings, "counsel", site=site)
    form = form_on(client, "/what-if?of=source&what=three&reason=withdrawn&at=2026-12-24")
    assert (form["what"], form["reason"], form["at"]) == ("three", "withdrawn", "2026-12-24")
    assert sent(client, form | {"typed": "three"}).status_code == 200
    (found,) = revoked(settings, "three")
    assert str(found.at) == "2026-12-24"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"typed": ""}, 400, "NOT_CONFIRMED"), ({"typed": "two"}, 400, "NOT_CONFIRMED"),
        ({"what": "", "typed": ""}, 400, "NOT_CONFIRMED"), ({"form": ""}, 403, "FORM_STALE"),
        ({"form": "0" * 64}, 403, "FORM_STALE"), ({"at": "soon"}, 400, "QUERY_INVALID"),
        ({"reason": "mood"}, 409, "REASON_UNKNOWN"), ({"of": "all"}, 409, "SUBJECT_UNKNOWN"),
        ({"what": "nobody", "typed": "nobody"}, 404, "UNKNOWN_ID"),
    ],
)  # fmt: skip
def test_what_is_not_meant_so_revokes_nothing(settings, site, changed, status, code):
    client = client_of(settings, "admin", site=site)
    form = form_on(client, "/sources/one") | {"typed": "one"}
    answer = sent(client, form | changed)
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (status, True)
    assert not revoked(settings, "one")
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.subject, entry.outcome) == ("admin", "/revoke", code)


def test_the_form_of_another_session_or_site_revokes_nothing(settings, site):
    other = form_on(client_of(settings, "counsel", site=site), "/sources/one")
    client = client_of(settings, "admin", site=site)
    assert "FORM_STALE" in sent(client, other | {"typed": "one"}).text
    own = form_on(client, "/sources/one") | {"typed": "one"}
    answer = client.post("/revoke", data=own, headers={"origin": "http://evil.example"})
    assert answer.json()["code"] == "ORIGIN_OTHER"
    assert not revoked(settings, "one")
