"""Every address that a page leads to answers, on both databases: the console has no dead end."""

from __future__ import annotations

import re
from html import unescape

from pipelines.accounts.station import add_account
from pipelines.attach.station import attach_doc
from pipelines.clear import clear
from tests.pipelines.console.conftest import DEAL, PAPER, add_hostile, client_of
from tests.pipelines.small_world import MIT, NOW, add_source, make_world

MOST = 400  # addresses
AGAINST = {("CURSOR_INVALID", 400), ("NOT_SIGNED", 409)}


def test_every_link_leads_somewhere(tmp_path, catalog_url):
    settings = make_world(tmp_path, catalog_url=catalog_url)
    add_source(settings, "open", [MIT], seconds=2)
    add_source(settings, "leased", [], seconds=2, seed=3)
    (tmp_path / "deal.md").write_text(PAPER, encoding="utf-8")
    attach_doc(settings, "leased", DEAL, folder=tmp_path, now=NOW)
    add_hostile(settings)
    clear("commercial", settings, now=NOW, run_id="test")
    add_account(settings, "jo", role="viewer", password="correct horse battery", now=NOW)
    client = client_of(settings)
    digest = next(settings.home.glob("evidence/*")).name
    asked = ("/", "/what-if?of=source&what=leased", "/search?q=open", f"/files/{digest}",
             "/log/verify", "/sources?verdict=permit&q=e")  # fmt: skip
    seen, ahead = set[str](), list(asked)
    while ahead and len(seen) < MOST:
        address = ahead.pop(0)
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address)
        told = re.search(r"Code <code>(\w+)</code>", answer.text)
        assert answer.status_code == 200 or (told and (told[1], answer.status_code) in AGAINST), (
            address, answer.text,
        )  # fmt: skip
        if answer.headers["content-type"].startswith("text/html"):
            ahead += [unescape(one) for one in re.findall(r'href="(/[^"#]*)', answer.text)]
    kinds = {one.partition("?")[0].split("/")[1] for one in seen}
    assert kinds >= {"sources", "parties", "decisions", "evidence", "log", "lineage", "requests"}
    assert len(seen) > 150
