"""Attaching in the console: by whom it may, the bytes under their sha256, the name a mere word."""

from __future__ import annotations

import hashlib
import re

import pytest

from catalog import rights
from catalog.accounts import accesses
from catalog.acts import acts
from pipelines.accounts.roles import ROLES
from pipelines.clear import clear
from pipelines.console.app import console
from pipelines.console.forms import file_name
from pipelines.console.rights import LARGEST_PAPER
from tests.pipelines.console.conftest import ORIGIN, SCRIPT, TURNED, client_of, later
from tests.pipelines.console.sending import form_on, sent
from tests.pipelines.console.test_pages import plain
from tests.pipelines.small_world import LATER, add_source, looking, make_world

PAPER = b"We license the recordings.\n"
DIGEST = hashlib.sha256(PAPER).hexdigest()
LEASE = {
    "kind": "contract", "said": "7", "grade": "E1", "actions": "ingest, train_generative",
    "territory": "WORLD", "valid_from": "2026-01-01", "valid_to": "2027-01-01",
}  # fmt: skip


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("attaching"))
    for number, name in enumerate(("bare", "licensed", "leased", "named")):
        add_source(made, name, [], seconds=2, seed=number)
    return made


@pytest.fixture(scope="module")
def site(settings):
    return console(settings, clock=later)


def attached(client, source, *, name="paper.txt", content=PAPER, **fields):
    address = f"/sources/{source}/attach"
    form = form_on(client, address, address) | {"typed": source} | fields
    return sent(client, address, form, files={"paper": (name, content)})


def facts(settings, source, kind="basis"):
    with looking(settings) as session:
        return [one for one in rights.facts_of(session, source) if one.kind == kind]


@pytest.mark.parametrize("role", ROLES)
def test_the_form_is_shown_to_whom_may_and_no_other_may_send_it(settings, site, role):
    client, may = client_of(settings, role, site=site), "attach" in ROLES[role]
    address = "/sources/bare/attach"
    assert bool(form_on(client, address, address)) is may
    assert (f'href="{address}"' in client.get("/sources/bare").text) is may
    if not may:
        answer = attached(client, "bare", kind="licence", said="MIT")
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")
    assert not facts(settings, "bare")


def test_a_licence_is_recorded_as_the_command_line_does(settings, site):
    client = client_of(settings, "steward", site=site)
    answer = attached(client, "licensed", kind="licence", said="MIT License", grade="E2")
    assert answer.status_code == 200, answer.text
    for said in (DIGEST, "by steward", "rights facts: 2 added", "27"):
        assert said in plain(answer.text)
    (basis,) = facts(settings, "licensed")
    assert {**basis.doc, "layer_id": ""} == {
        "layer_id": "", "type": "public_licence", "id": "MIT", "grade": "E2",
        "evidence": [{"digest": DIGEST, "found": "paper.txt"}],
    }  # fmt: skip
    (paper,) = facts(settings, "licensed", "evidence")
    assert paper.doc == {"file": "paper.txt", "grade": "E2", "evidence_sha256": DIGEST}
    assert (settings.home / "evidence" / DIGEST).read_bytes() == PAPER
    assert client.get(f"/evidence/{paper.fact_id}/{DIGEST}").status_code == 200
    with looking(settings) as session:
        (act,) = acts(session, subject="licensed")
    assert (act.act, act.actor, act.about) == (
        "attach", "steward", {"evidence": DIGEST, "layer": "copyright"},
    )  # fmt: skip
    again = attached(client, "licensed", kind="licence", said="MIT License", grade="E2")
    assert "2 unchanged" in plain(again.text)
    with looking(settings) as session:
        assert len(acts(session, subject="licensed")) == 1


def test_an_agreement_decides_within_its_term(settings, site):
    client = client_of(settings, "counsel", site=site)
    assert attached(client, "leased", **LEASE).status_code == 200
    done = clear("commercial", settings, now=LATER, run_id="test", record=False)
    assert {one.source_id: one.verdict for one in done.parts}["leased"] == "permit"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", f"{SCRIPT}.pdf", TURNED, "a\x00b.pdf",
             "<img src=x onerror=alert(1)>.pdf", "C:\\papers\\x.pdf",
             '" onmouseover="alert(1).pdf', "x" * 900, "", "/", "..", "~/.ssh/id", "deal\r\n.pdf"],
)  # fmt: skip
def test_the_name_of_a_paper_is_a_word_and_never_a_path(settings, site, name):
    client = client_of(settings, "admin", site=site)
    content = PAPER + repr(name).encode()
    before = {one.name for one in settings.home.iterdir()}
    answer = attached(client, "named", name=name, content=content, kind="licence", said="MIT")
    if not name:  # then it is no file to any browser
        assert "EVIDENCE_MISSING" in answer.text
        return
    assert answer.status_code == 200, answer.text
    digest = hashlib.sha256(content).hexdigest()
    assert (settings.home / "evidence" / digest).read_bytes() == content
    assert {one.name for one in settings.home.iterdir()} - before <= {"evidence"}
    kept = {one.doc["file"] for one in facts(settings, "named", "evidence")}
    assert all("/" not in one and "\\" not in one and one.isprintable() for one in kept)
    for page in (answer.text, client.get("/sources/named").text):
        assert SCRIPT not in page
        assert not re.search(r"<[^>]*\son(mouseover|error)", page)
        assert "<img" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a/b\\c.pdf", "c.pdf"), ("", "unnamed"), ("x/", "unnamed"), ("\x00\n", "unnamed"),
     ("y" * 300, "y" * 200), ("über ärger.pdf", "über ärger.pdf")],
)  # fmt: skip
def test_what_is_kept_of_a_name(name, kept):
    assert file_name(name) == kept


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"typed": ""}, 400, "NOT_CONFIRMED"), ({"typed": "leased"}, 400, "NOT_CONFIRMED"),
        ({"form": "0" * 64}, 403, "FORM_STALE"), ({"kind": "gift"}, 400, "QUERY_INVALID"),
        ({"content": b""}, 400, "EVIDENCE_MISSING"), ({"said": ""}, 409, "TERMS_MISSING"),
        ({"said": "nobody's licence"}, 409, "LICENCE_UNKNOWN"),
        ({"actions": "train"}, 409, "TERMS_UNUSED"), ({"layer": "soul"}, 409, "BAD_CASE:layer"),
        ({**LEASE, "valid_to": "2025-01-01"}, 409, "VALID_RANGE"),
        ({**LEASE, "valid_from": "soon"}, 409, "VALID_RANGE"),
    ],
)  # fmt: skip
def test_what_is_not_meant_so_attaches_nothing(settings, site, changed, status, code):
    client = client_of(settings, "admin", site=site)
    answer = attached(client, "bare", **{"kind": "licence", "said": "MIT", **changed})
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (status, True), plain(
        answer.text
    )
    assert not facts(settings, "bare")
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.what, entry.outcome) == ("admin", "attach", code)


def test_a_paper_is_as_large_as_the_form_says_and_no_larger(settings, site):
    client = client_of(settings, "admin", site=site)
    assert f"up to {LARGEST_PAPER >> 20} MiB" in client.get("/sources/bare/attach").text
    slightly = attached(client, "bare", content=bytes(LARGEST_PAPER + 1), said="MIT")
    assert (slightly.status_code, "BODY_TOO_LARGE" in slightly.text) == (413, True)
    whole = client.post(
        "/sources/bare/attach", content=b"", headers={
            "origin": ORIGIN, "content-length": str(LARGEST_PAPER * 2), "accept": "text/html",
        },
    )  # fmt: skip
    assert (whole.status_code, "BODY_TOO_LARGE" in whole.text) == (413, True)
    assert not facts(settings, "bare")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x", "a/b"])
def test_what_is_no_form_is_refused_in_our_words(settings, site, kind):
    client = client_of(settings, "admin", site=site)
    sent = {"origin": ORIGIN, "content-type": kind}
    answer = client.post("/sources/bare/attach", content=b"--x\r\nno form", headers=sent)
    assert (answer.status_code, "FORM_STALE" in answer.text) == (403, True)
