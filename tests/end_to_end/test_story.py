"""One story in a browser: registered in Dagster, cleared, trained on, revoked in the console.

`STORY_SHOTS=FOLDER pytest tests/end_to_end/test_story.py` keeps a picture of each step.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, sync_playwright

from licensing.manifest import open_clearance, sha256_hex
from pipelines.cli.ui import environment
from pipelines.keys import trusted_publics
from pipelines.settings import Settings
from tests.builders import ALL_SETTLED
from tests.end_to_end.asking import ENDED, ask, wait
from tests.end_to_end.test_console_browser import AXE, FLAGS, NO_CHROMIUM
from tests.pipelines.defs.world import STREAMS, initialised
from tests.pipelines.places import EVENTS_CONFIG, events, film
from tests.pipelines.test_train import CONFIG

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not shutil.which("chromium"), reason=NO_CHROMIUM),
]
DESK: ViewportSize = {"width": 1280, "height": 800}
FILL = "said => document.querySelector('.CodeMirror').CodeMirror.setValue(said)"
ADD = """mutation($key: String!) { addDynamicPartition(
  repositorySelector: {repositoryLocationName: "clearway", repositoryName: "__repository__"},
  partitionsDefName: "training_set", partitionKey: $key) { __typename } }"""
PAPER = """MIT License. Copyright (c) 2026 Pad (fictional)

Permission is hereby granted, free of charge, to any person obtaining a copy of this software to
deal in it without restriction, provided that this notice is kept with every copy.
"""
HERE = {key: {"config": {"at_once": 0}} for key in ("streams", "clips", "measures")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Screens:
    """Both servers of one home, and a page that is signed in to the console."""

    settings: Settings
    dagster: str
    console: str
    page: Page


@pytest.fixture
def screens(tmp_path):
    settings = initialised(tmp_path)
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        ports = [str(probe.getsockname()[1]) for probe in (one, other)]
    words = ["ui", "--port", ports[0], "--console-port", ports[1]]
    server = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *words],
        env=environment(settings), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    told = [server.stdout.readline().split() for _ in range(4)]
    try:
        with sync_playwright() as playwright:
            screen = playwright.chromium.launch_persistent_context(
                str(tmp_path / "profile"), executable_path=shutil.which("chromium"),
                args=list(FLAGS), viewport=DESK,
            )  # fmt: skip
            page = screen.new_page()
            page.set_default_timeout(60_000)
            page.goto(told[3][-1])
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Sign out").wait_for()
            yield Screens(settings=settings, dagster=told[0][-1], console=told[1][-1], page=page)
            screen.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate(timeout=60)


def test_from_a_form_in_dagster_to_a_flagged_checkpoint(screens, tmp_path):
    page, settings = screens.page, screens.settings
    film(tmp_path / "pad/take.mp4", seed=3, frames=120)
    events(tmp_path / "pad/take.jsonl", rows=120, seed=3)
    register_and_prepare(screens, tmp_path / "pad")

    page.goto(f"{screens.console}/sources/pad")
    assert "permit" in page.inner_text("table")
    shot(page, "verdict")
    page.get_by_role("link", name="why").first.click()
    assert "MIT" in page.inner_text("main")
    shot(page, "why")
    page.locator("main a[href^='/evidence/']").first.click()
    page.get_by_text("without restriction").first.wait_for()  # the paper's own words
    shot(page, "clause")

    uri = export(screens)
    assert clearway(settings, "verify", uri).returncode == 0
    train(screens)
    revoke_in_console(screens)

    refused = clearway(settings, "verify", uri)
    assert refused.returncode == 1
    assert "REVOKED" in refused.stderr
    see_what_it_reached(screens)


def see_what_it_reached(screens):
    """Look at the pages of the set, the checkpoint and the run, as axe-core does, too."""
    page = screens.page
    for address, below, name in (
        ("/sets", "/sets/", "set-refused"), ("/models", "/checkpoints/", "checkpoint-flagged")
    ):  # fmt: skip
        page.goto(screens.console + address)
        page.locator(f"main a[href^='{below}']").first.click()
        page.get_by_text("source pad: taken_down").wait_for()
        shot(page, name)
        look_with_axe(page)
    page.get_by_role("link", name="replay its exposure").click()
    page.get_by_text("Windows delivered").wait_for()
    look_with_axe(page)
    page.goto(f"{screens.console}/models")
    page.locator("main a[href^='/runs/']").first.click()
    look_with_axe(page)


def register_and_prepare(screens, folder):
    """Fill in the forms, and watch the run that the sensor starts, then one of our own."""
    page = screens.page
    launch(screens, "register", "register_source", name="pad", uri=str(folder), modality="game",
           title="Pad (fictional)", streams=STREAMS, options=EVENTS_CONFIG)  # fmt: skip
    shot(page, "registered")
    paper = folder.parent / "LICENSE"
    paper.write_text(PAPER, encoding="utf-8")
    settled = [f"{heading}={words}" for heading, words in ALL_SETTLED.items()]
    launch(screens, "attach", "attach_rights", source="pad", licence="MIT", grade="E2",
           evidence=str(paper), settled=settled)  # fmt: skip
    page.goto(f"{screens.dagster}/runs", wait_until="domcontentloaded")
    page.get_by_text("prepare", exact=True).first.wait_for()  # 30 s at most: the sensor's
    launch(screens, "prepare", "", partition="pad", **HERE)
    shot(page, "prepared")


def export(screens):
    """Export from the Launchpad, and carry the certificate out by the console; where the set is."""
    page, settings = screens.page, screens.settings
    ask(screens.dagster, ADD, key="demo")
    launch(screens, "export", "training_set", partition="demo", request="commercial", at_once=0,
           width=32, height=32)  # fmt: skip
    page.goto(f"{screens.console}/sets/demo@1")
    assert "nothing of it" in page.inner_text("main")
    shot(page, "exported")
    with page.expect_download() as saved:
        page.get_by_role("link", name="clearance.dsse.json").click()
    paper = open_clearance(saved.value.path().read_bytes(), trusted_publics(settings))
    uri = settings.set_uri("demo", 1)
    assert paper.manifest_digest == sha256_hex(Path(uri, "manifest.json").read_bytes())
    return uri


def train(screens):
    """Train from the Launchpad, and look at the checkpoint."""
    launch(screens, "train", "checkpoint", partition="demo",
           overrides={name: one for name, one in CONFIG.items() if name != "set"})  # fmt: skip
    shot(screens.page, "trained")


def revoke_in_console(screens):
    """Type the name, and revoke for good."""
    page = screens.page
    page.goto(f"{screens.console}/sources/pad")
    page.get_by_label("Why it ends").select_option("taken_down")
    page.get_by_label("To confirm, type pad").fill("pad")
    page.get_by_role("button", name="Revoke for good").click()
    assert page.inner_text("h1") == "Revoked"
    shot(page, "revoked")


def launch(screens, job, op, *, partition="", **form):
    """Fill in the form of a job in the Launchpad, launch it, and watch it end well."""
    page = screens.page
    page.goto(
        f"{screens.dagster}/locations/clearway/jobs/{job}/playground", wait_until="domcontentloaded"
    )
    page.locator(".CodeMirror").first.wait_for()
    if partition:
        choose(page, partition)
    page.wait_for_timeout(1_000)  # the form is filled in anew for the partition
    ops = {op: {"config": form}} if op else form
    page.evaluate(FILL, json.dumps({"ops": ops}, indent=2))
    shot(page, f"form-{job}")
    page.get_by_role("button", name="Launch run").click()
    page.wait_for_url("**/runs/*")
    run = page.url.partition("?")[0].rsplit("/", 1)[-1]
    assert wait(screens.dagster, run, ENDED, 240) == "SUCCESS", shot(page, "failed")
    page.get_by_text("Success", exact=True).first.wait_for()


def choose(page, partition):
    """Choose a partition from the list, which closes again while the page is still being drawn."""
    item = page.get_by_role("menuitem", name=partition).or_(
        page.get_by_role("option", name=partition)
    )
    for _ in range(20):
        page.get_by_placeholder("Partition").click()
        page.wait_for_timeout(1_000)
        if item.count():
            item.first.click()
            break
        page.keyboard.press("Escape")
    page.get_by_text(f"partition: {partition}", exact=True).wait_for()


def look_with_axe(page):
    """Find nothing that bars somebody from this page."""
    axe = resources.files("axe_playwright_python") / "axe.min.js"
    page.evaluate(axe.read_text(encoding="utf-8"))
    assert page.evaluate(AXE, []) == [], page.url


def clearway(settings, *words):
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        env=environment(settings), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def shot(page, name):
    """Keep a picture of the step where somebody asks for pictures."""
    folder = os.environ.get("STORY_SHOTS")
    if folder:
        page.wait_for_timeout(1_500)  # what is drawn piece by piece is drawn then
        page.screenshot(path=Path(folder, f"{name}.png"))
