"""A small home with everything that a page shows, and a browser's end of the console."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from catalog import accounts, files, parties, quarantine, rights, sources
from pipelines.accounts import visits
from pipelines.accounts.roles import RIGHTS
from pipelines.accounts.station import new_token
from pipelines.attach.station import attach_doc
from pipelines.clear import clear
from pipelines.console.app import console
from pipelines.console.gate import COOKIE
from pipelines.settings import Settings
from tests.pipelines.small_world import (
    LATER,
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    contract,
    make_world,
    writing,
)

ORIGIN = "http://127.0.0.1:3001"
SCRIPT = "<script>alert(1)</script>"
TURNED = "gpj.\u202eexe"  # shown from right to left, it would end in .jpg
HOSTILE_PARTY = f'"{SCRIPT}/../x'
HOSTILE_FILE = f"take' onmouseover='alert(1)/{SCRIPT}.mp4"
PAPER = """# Agreement D-7

1. **Material.** The recordings of Schedule 1.
2. **Grant.** The Giver grants a licence to copy the Material and to
   train generative models on it.
3. **Term.** Until 2026-12-20.
"""
DEAL = {
    "instrument": [
        {
            "id": "deal-7", "kind": "agreement", "from": "giver",
            "valid": ["2026-01-01", "2026-12-20"],
            "evidence": {"file": "deal.md", "grade": "E1"},
            "grants": [
                {"clause": "2", "actions": ["ingest", "annotate", "train_generative"],
                 "commercial": "both",
                 "says": "to copy the Material and to train generative models on it"}
            ],
        }
    ],
    "layer": [{"layer": "copyright", "basis": [{"type": "contract", "instrument": "deal-7"}],
               "signals": []}],
    "obligation": [{"instrument": "deal-7", "duty": "report", "state": "due",
                    "since": "2026-11-15", "deadline": "2026-12-15"}],
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The home, and a client that asks the console for pages as on the next hour."""

    settings: Settings
    client: TestClient

    def page(self, address: str, status: int = 200) -> str:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text
        return answer.text


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Sources that are permitted, denied and leased, one with hostile names, one undecided."""
    home = tmp_path_factory.mktemp("console")
    settings = make_world(home)
    add_source(settings, "open", [MIT], seconds=6, seed=1)
    add_source(settings, "closed", [NON_COMMERCIAL], seconds=4, seed=2)
    add_source(settings, "leased", [], seconds=2, seed=3)
    (home / "deal.md").write_text(PAPER, encoding="utf-8")
    attach_doc(settings, "leased", DEAL, folder=home, now=NOW)
    add_hostile(settings)
    clear("commercial", settings, now=NOW, run_id="test")
    with client_of(settings) as client:
        yield World(settings=settings, client=client)


def client_of(
    settings: Settings, role: str = "admin", *, site: FastAPI | None = None, now: datetime = LATER
) -> TestClient:
    """A browser's end of the console on the next hour, with a session of an account of a role."""
    made = console(settings, clock=later) if site is None else site
    client = TestClient(made, base_url=ORIGIN, follow_redirects=False)
    if role:
        client.cookies.set(COOKIE, session_of(settings, role, now=now))
    return client


def program_of(settings: Settings, clock: Callable[[], datetime] | None = None) -> TestClient:
    """A program's end of the console, with a token of a month that may whatever there is."""
    sent = {"authorization": f"Bearer {token_of(settings)}"}
    made = console(settings, clock=clock or later)
    return TestClient(made, base_url=ORIGIN, follow_redirects=False, headers=sent)


def session_of(settings: Settings, role: str, *, now: datetime = LATER) -> str:
    """The secret of a session of an account of this role, which is made if there is none."""
    _account_of(settings, role)
    with writing(settings) as session:
        return visits.begin(session, role, now=now)


def token_of(
    settings: Settings, *, scopes: tuple[str, ...] = tuple(RIGHTS), role: str = "admin"
) -> str:
    """A token of an account of a role, of a month, with these scopes."""
    _account_of(settings, role)
    return new_token(settings, role, name="", scopes=scopes, days=30, now=LATER)[1]


@contextmanager
def listening(site: FastAPI) -> Iterator[int]:
    """Have a console listen on a free port of this machine, and give the port."""
    made = uvicorn.Config(
        site, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none"
    )
    server = uvicorn.Server(made)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def later() -> datetime:
    return LATER


def _account_of(settings: Settings, role: str) -> None:
    """Have an account named as its role, with a password that none is: a hash takes its time."""
    made = accounts.Account(
        name=role, role=role, password="-", made="chosen", state=accounts.ACTIVE, changed_at=NOW
    )
    with writing(settings) as session:
        if accounts.find_account(session, role) is None:
            accounts.save_account(session, made)


def add_hostile(settings: Settings) -> None:
    """Names that try to be markup, to leave their quotes or to turn their direction."""
    with writing(settings) as session:
        party = parties.Party(party_id=HOSTILE_PARTY, name=f"Acme {TURNED} {SCRIPT}")
        parties.register_party(session, party, now=NOW)
        source = sources.Source(
            source_id="hostile", uri='/x" onmouseover="alert(1)', modality="video",
            owner=HOSTILE_PARTY, title=f"{SCRIPT} {TURNED}", attribution="=cmd|' /C calc'!A0",
        )  # fmt: skip
        sources.register_source(session, source, now=NOW)
        rights.attach_layer(session, "hostile", contract(end="2026-12-28"), now=NOW)
        entry = files.FileEntry(
            source_id="hostile", path=HOSTILE_FILE, sha256="ab" * 32, size_bytes=7,
            status="quarantined", reason="UNREADABLE",
        )  # fmt: skip
        files.record_files(session, [entry], run_id="test", now=NOW)
        held = quarantine.QuarantineEntry(
            source_id="hostile", path=HOSTILE_FILE, sha256="ab" * 32, reason="UNREADABLE",
            evidence={"said": SCRIPT},
        )  # fmt: skip
        quarantine.record_quarantine(session, [held], run_id="test", now=NOW)
        signal = {"layer_id": "*", "about": HOSTILE_FILE, "unread": f"C2PA {SCRIPT}"}
        rights.attach(session, "hostile", "signal", signal, now=NOW)
