"""How fast the pages of the console are at 5,000 sources and 1 M clips; run with `-m benchmark`.

Every page and every list of the interface is asked for by somebody who signed in: the first time
after something was recorded (a fact, a source, a revocation, in turn), and again while nothing is.
Counted is the CPU time of the whole answer, the gate with it; the clock is printed beside it. What
decides, replays or reads everything on purpose, one such question at a time, is left out.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from statistics import median

import pytest

from catalog import decisions, rights
from catalog import sources as registered
from catalog.closing import close
from catalog.coverage import cover_of
from catalog.pages.facts import unread_page
from catalog.pages.paging import Window
from pipelines.clear import clear
from pipelines.console.app import console
from pipelines.console.evidence import digests_of
from pipelines.console.rights import address_of, addresses
from tests.benchmarks.console_corpus import (
    NOW,
    REQUESTS,
    REVOKED,
    SOURCES,
    digest_of,
    make_corpus,
    name_of,
    point_of,
)
from tests.pipelines.console.conftest import client_of
from tests.pipelines.small_world import contract, looking, writing

ROUNDS = 9
BOUND_MS = 200
LATER = NOW + timedelta(days=1)  # when everything is decided anew
LOOKED = LATER + timedelta(hours=1)
# What decides, replays or reads everything again, one such question at a time.
ON_PURPOSE = {
    "/log/verify", "/api/v1/verify",
    "/requests/{request}/worklist", "/api/v1/requests/{name}/worklist",
    "/checkpoints/{checkpoint}/seen", "/api/v1/checkpoints/{checkpoint}/seen",
}  # fmt: skip
# What gives bytes to save, a description of itself, or the way in.
NO_PAGE = {
    "/sets/{set}/documents/{name}", "/api/v1/sets/{set}/documents/{name}",
    "/log/{entry}/proof", "/api/v1/log/{entry}/proof", "/evidence/{fact}/{sha256}/bytes",
    "/api/v1/evidence/{fact}/{sha256}", "/api/v1/openapi.json", "/sign-in", "/sign-in/link",
}  # fmt: skip
ONES = """
/ /?request=research /sources /sources?sources.after={after} /sources?verdict=deny
/sources?q=source-049 /sources?modality=robot /sources/{source} /sources/{source}/attach
/sources/{source}/rules /sources/{source}/rules/{rule} /parties /parties/giver-7
/quarantine /search?q={source} /search?q={source}.mp4 /search?q={sha256} /search?q=giver
/files/{sha256} /requests /requests?q=source-04 /requests/research /sets /sets/base-00@1
/sets/base-07@1 /models /runs/run-00 /checkpoints/{point} /checkpoints/{other}
/lineage?id={source}&way=down /lineage?id={sha256}&way=down /lineage?id={other}&way=up
/lineage?id=base-07@1&way=up /lineage?id={point}&way=up /log /log?q={source} /log?kind=runs
/log/77 /access /access?q=nobody /decisions/{permit} /decisions/{deny}
/decisions/{deny}?valid=2026-07-01 /evidence/{paper} /signals/{signal} /what-if
/what-if?of=source&what={source} /what-if/grant?what={source}
"""
LISTS = """
/overview /matrix /search?q={source} /sources /sources?verdict=deny /sources/{source}
/sources/{source}/facts /sources/{source}/files /sources/{source}/layers
/sources/{source}/consents /sources/{source}/signals /parties /parties/giver-7 /requests
/requests/research /quarantine /decisions /decisions/{deny} /decisions/{deny}/as-of /duties
/ending /unread-signals /sets /sets/base-00@1 /sets/base-00@1/shards /sets/base-00@1/documents
/runs /runs/run-00 /checkpoints /checkpoints/{point} /releases /log /log/77 /access
/events?after=0 /lineage?id={source}&way=down /files/{sha256} /what-if?what={source} /rules
/sources/{source}/rules
/what-if/grant?what={source}
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A home with the whole corpus on record and decided."""
    return make_corpus(tmp_path_factory.mktemp("bench"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Milliseconds of one answer: of the processor, and by the clock."""

    cpu: float
    wall: float


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
def test_no_page_takes_longer_than_it_may(settings):
    """Nor after everything was decided anew: that is what a revocation brings."""
    for name in REQUESTS:
        clear(name, settings, now=LATER, run_id="bench")
    site = console(settings, clock=lambda: LOOKED)
    slow, number = [], count()
    with client_of(settings, site=site, now=LOOKED) as client:
        pages = pages_of(settings, client)
        routes = site.router.routes
        asked = {address_of(routes, _scope(one)) for one in pages} | ON_PURPOSE | NO_PAGE
        assert {one for one, method in addresses(routes) if method == "GET"} == asked
        for address in pages:
            first = []
            for _ in range(ROUNDS):
                change(settings, next(number))
                first.append(_timed(client, address))
            again = [_timed(client, address) for _ in range(ROUNDS)]
            slow += [address for some in (first, again) if _cpu(some) >= BOUND_MS]
            print(f"  {address}: first {_told(first)}, then {_told(again)}")  # noqa: T201
    assert not slow


def pages_of(settings, client) -> list[str]:
    """Every kind of page and of answer to a program, by the address of one of it."""
    with looking(settings) as session:
        decided = decisions.decisions(session)
        signal = unread_page(session, Window(limit=1))[0][0].fact_id
        paper = rights.facts_about(session, [name_of(1)], kind="instrument")[0]
    one = {
        "source": name_of(SOURCES // 2), "sha256": digest_of(3), "rule": "EU-CDSM-4",
        "point": point_of(0, 7), "other": point_of(7, 7), "signal": signal,
        "after": client.get("/sources").text.partition("sources.after=")[2].partition("#")[0],
        "paper": f"{paper.fact_id}/{next(iter(digests_of(paper.doc)))}",
        "permit": next(one for one in decided if one.verdict == "permit").decision_id,
        "deny": next(one for one in reversed(decided) if one.verdict == "deny").decision_id,
    }  # fmt: skip
    found = [*ONES.split(), *(f"/api/v1{each}" for each in LISTS.split())]
    return [each.format(**one) for each in found]


def _scope(address: str) -> dict[str, object]:
    path = address.partition("?")[0]
    return {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}


def change(settings, number: int) -> None:
    """Record something: a fact, a source and a revocation in turn."""
    at, name = LATER + timedelta(seconds=number), name_of((REVOKED + number) % (SOURCES // 2))
    with writing(settings) as session:
        if number % 3 == 0:
            rights.attach_layer(session, name, contract(end="2035-01-01"), now=at)
        elif number % 3 == 1:
            late = registered.Source(source_id=f"late-{number}", uri="/late", modality="video")
            registered.register_source(session, late, now=at)
        else:
            cover = cover_of(session, "source", name, at=at.date())
            close(session, cover, reason="ordered", at=at.date(), now=at)


def _timed(client, address) -> Spent:
    begun, spent = time.perf_counter(), time.process_time()
    answer = client.get(address)
    cpu, wall = (one * 1_000 for one in (time.process_time() - spent, time.perf_counter() - begun))
    assert answer.status_code == 200, answer.text
    return Spent(cpu=cpu, wall=wall)


def _cpu(some: list[Spent]) -> float:
    return median(one.cpu for one in some)


def _told(some: list[Spent]) -> str:
    return f"{_cpu(some):.0f} ms of CPU ({median(one.wall for one in some):.0f} by the clock)"
