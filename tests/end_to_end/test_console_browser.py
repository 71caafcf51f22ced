"""The console in a browser: drawn without an error, by keyboard, on a phone, with a file hashed."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib import resources

import pytest
from playwright.sync_api import ViewportSize, sync_playwright

from catalog.decisions import decisions
from catalog.files import files_of
from catalog.pages.facts import unread_page
from catalog.pages.paging import Window
from catalog.rights import facts_of
from pipelines.attach.station import attach_doc
from pipelines.clear import clear
from pipelines.cli.ui import environment
from pipelines.console.app import console
from pipelines.console.evidence import digests_of
from pipelines.console.gate import COOKIE
from pipelines.settings import Settings
from tests.pipelines.console.conftest import (
    DEAL,
    PAPER,
    add_hostile,
    later,
    listening,
    session_of,
)
from tests.pipelines.small_world import (
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    film,
    looking,
    make_world,
)

NO_CHROMIUM = "no Chromium: install Debian's package chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
HOSTILE_PAPER = "<img src=x onerror=alert(1)> .pdf"
PHONE: ViewportSize = {"width": 390, "height": 800}
DESK: ViewportSize = {"width": 1280, "height": 900}
# Of every pair of a text and the ground below it: the least contrast, by the formula of WCAG 2.
CONTRAST = """() => {
  const parts = (said) => (said.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const said = parts(getComputedStyle(at).backgroundColor);
      if (said.length < 4 || said[3] > 0) return said;
    }
    return [255, 255, 255];
  };
  let least = [21, ""];
  for (const node of document.querySelectorAll("main *, header *, footer *")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
    if (!own || node.closest("svg") || node.closest(".hidden")) continue;
    const [one, other] = [light(parts(getComputedStyle(node).color)), light(ground(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < least[0]) least = [ratio, node.textContent.trim().slice(0, 40)];
  }
  return least;
}"""
# What has no name for a screen reader, and headings that skip a level.
NAMELESS = """() => [...document.querySelectorAll("input, select, button, a, [role=region]")]
  .filter((one) => one.type !== "hidden" && !(one.labels && one.labels.length)
    && !one.getAttribute("aria-labelledby") && !one.getAttribute("aria-label")
    && !one.textContent.trim()).map((one) => one.outerHTML)"""
# What axe-core finds that bars somebody from a page; a page may hold what is merely moderate.
AXE = """async (rules) => (await axe.run(document, {
    resultTypes: ["violations"], ...(rules.length ? {runOnly: rules} : {}),
  })).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => [one.id, one.nodes.map((node) => node.html)])"""
IN_THE_DARK = ["color-contrast", "link-in-text-block"]
ON_A_PHONE = ["target-size", "scrollable-region-focusable", "label", "link-name", "button-name",
              "aria-required-children", "aria-required-parent"]  # fmt: skip
HEADINGS = "() => [...document.querySelectorAll('h1, h2, h3')].map((one) => one.tagName)"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not shutil.which("chromium"), reason=NO_CHROMIUM),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A console that listens, and what it printed to sign in with."""

    settings: Settings
    url: str
    password: str
    link: str


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The console of a small home, as a process of its own."""
    settings = make_world(tmp_path_factory.mktemp("browsed"))
    add_source(settings, "open", [MIT], seconds=2, seed=5)
    add_source(settings, "closed", [NON_COMMERCIAL], seconds=2, seed=6)
    add_source(settings, "leased", [], seconds=2, seed=7)
    (settings.home / "deal.md").write_text(PAPER, encoding="utf-8")
    attach_doc(settings, "leased", DEAL, folder=settings.home, now=NOW)
    add_hostile(settings)
    clear("commercial", settings, now=NOW, run_id="test")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "pipelines.console", "--port", str(port)]
    server = subprocess.Popen(
        words, env=environment(settings), stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert server.stdout is not None
    password, link = (server.stdout.readline().split() for _ in range(2))
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/static/icon.svg", timeout=2).close()
            break
        except (urllib.error.URLError, OSError):
            assert server.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
    yield Served(settings=settings, url=url, password=password[1], link=link[-1])
    server.terminate()
    server.communicate(timeout=30)


@pytest.fixture(scope="module")
def pages(served):
    """An address of each kind of page, but those of training sets and what was made of them."""
    with looking(served.settings) as session:
        decision = next(one for one in decisions(session) if one.source_id == "closed")
        (unread,) = unread_page(session, Window())[0]
        file = files_of(session, "open")[0]
        (paper,) = (one for one in facts_of(session, "leased") if one.kind == "instrument")
    (digest,) = digests_of(paper.doc)
    return (
        "/", "/sources", "/sources/hostile", f"/decisions/{decision.decision_id}", "/parties",
        "/requests", "/sets", "/models", "/lineage?id=closed&way=up", "/what-if", "/log", "/search",
        "/quarantine", "/nowhere", "/sources/leased/attach", "/sources/open/rules",
        "/sources/open/rules/EU-CDSM-4",
        "/what-if/grant?what=closed", f"/signals/{unread.fact_id}", f"/files/{file.sha256}",
        "/search?q=take", "/requests/commercial", "/requests/commercial/worklist", "/log/3",
        "/log/verify", "/access", "/parties/giver", "/sign-in",
        f"/evidence/{paper.fact_id}/{digest}?clause=2",
    )  # fmt: skip


@pytest.fixture(scope="module")
def browser(served, tmp_path_factory):
    """A browser in which the admin signed in by the link that the console printed."""
    profile = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        screen = playwright.chromium.launch_persistent_context(
            str(profile), executable_path=shutil.which("chromium"), args=list(FLAGS), viewport=DESK
        )
        page = screen.new_page()
        page.goto(served.link)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{served.url}/")
        page.close()
        yield screen
        screen.close()


@pytest.fixture
def page(browser):
    """A page on which an error, a refused script or a dialog of a hostile name fails the test."""
    made, wrong = browser.new_page(), []
    made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("dialog", lambda dialog: wrong.append(dialog.message))
    made.on("dialog", lambda dialog: dialog.dismiss())
    yield made
    made.close()
    assert [one for one in wrong if "404 (Not Found)" not in one] == []


def test_axe_finds_nothing_serious_on_any_page(served, pages, page):
    """All rules in the light; in the dark those of colours, on a phone those of what folds."""
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    found = {}
    for address in pages:
        page.set_viewport_size(DESK)
        page.emulate_media(color_scheme="light")
        page.goto(served.url + address)
        page.evaluate(axe)
        light = page.evaluate(AXE, [])
        page.emulate_media(color_scheme="dark")
        dark = page.evaluate(AXE, IN_THE_DARK)
        page.set_viewport_size(PHONE)
        if told := [*light, *dark, *page.evaluate(AXE, ON_A_PHONE)]:
            found[address] = told
    assert found == {}
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert page.evaluate(AXE, [])  # it would have found something


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_reads_well_in_light_and_dark(served, pages, page, scheme):
    page.emulate_media(color_scheme=scheme)
    for address in pages:
        page.goto(served.url + address)
        least, where = page.evaluate(CONTRAST)
        assert least >= 4.5, (address, where, least)
        assert page.evaluate(NAMELESS) == [], address
        levels = page.evaluate(HEADINGS)
        assert levels.count("H1") == 1, (address, levels)
        assert levels[0] == "H1", (address, levels)
        shot(page, address, scheme)


def test_every_page_fits_a_phone(served, pages, page):
    page.set_viewport_size(PHONE)
    for address in pages:
        page.goto(served.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
        shot(page, address, "phone")


def test_the_first_stop_of_the_keyboard_skips_to_the_content(served, page):
    page.goto(f"{served.url}/sources")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_person_walks_from_the_overview_to_the_reason(served, page):
    page.goto(served.url)
    page.get_by_role("link", name="denied").click()
    page.get_by_role("link", name="closed", exact=True).click()
    page.get_by_role("link", name="why").first.click()
    assert "non-commercial use only" in page.inner_text("main")


def test_one_signs_out_and_in_again_by_password_and_comes_back(served, page):
    page.goto(f"{served.url}/sources?q=open")
    assert "admin" in page.inner_text(".who")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    assert not page.locator("nav, .find").count()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST)[0] >= 4.5
        shot(page, "/sign-in", scheme)
    assert page.evaluate(NAMELESS) == []
    page.goto(f"{served.url}/sources?q=open")
    page.get_by_label("Account").fill("admin")
    page.get_by_label("Password").fill(served.password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{served.url}/sources?q=open")
    assert page.context.cookies()[0]["httpOnly"]
    assert page.evaluate("document.cookie") == ""


def test_a_paper_is_attached_and_a_source_revoked_when_its_name_is_typed(page, tmp_path):
    settings, before = make_world(tmp_path), page.context.cookies()
    add_source(settings, "ending", [MIT], seconds=2)
    clear("commercial", settings, now=NOW, run_id="test")
    with listening(console(settings, clock=later)) as port:  # revoking asks for the clock of then
        url = f"http://127.0.0.1:{port}"
        page.context.add_cookies(
            [{"name": COOKIE, "value": session_of(settings, "steward"), "url": url}]
        )
        (tmp_path / HOSTILE_PAPER).write_bytes(b"We license it.")
        page.goto(f"{url}/sources/ending")
        page.get_by_role("link", name="attach a licence").click()
        page.get_by_label("Licence, number or actions").fill("MIT")
        page.get_by_label("The paper").set_input_files(tmp_path / HOSTILE_PAPER)
        page.get_by_label("To confirm, type ending").fill("ending")
        page.get_by_role("button", name="Attach it").click()
        assert page.inner_text("h1") == "Attached"
        shown = page.inner_text("main")
        assert HOSTILE_PAPER in shown
        assert hashlib.sha256(b"We license it.").hexdigest() in shown
        shot(page, "/attached", "light")
        page.goto(f"{url}/sources/ending")
        assert "permit" in page.inner_text("table")
        page.get_by_label("Why it ends").select_option("breach")
        page.get_by_label("To confirm, type ending").fill("ending")
        shot(page, "/revoke-form", "phone")
        page.get_by_role("button", name="Revoke for good").click()
        assert page.inner_text("h1") == "Revoked"
        assert page.evaluate(CONTRAST)[0] >= 4.5
        shot(page, "/revoked", "light")
        page.goto(f"{url}/sources/ending")
        assert "deny" in page.inner_text("table")
    page.context.add_cookies(before)  # a port is no border to a cookie


@pytest.mark.parametrize("size", [0, 55, 56, 64, 119, 8 * 1024 * 1024 + 3])
def test_a_file_is_hashed_in_the_browser_and_looked_up(served, page, tmp_path, size):
    raw = os.urandom(size)
    (tmp_path / "mine.bin").write_bytes(raw)
    page.goto(f"{served.url}/search")
    page.set_input_files("#drop-file", tmp_path / "mine.bin")
    page.wait_for_url(f"**/files/{hashlib.sha256(raw).hexdigest()}")
    assert "This file is not on record" in page.inner_text("h1")


def test_a_file_that_is_dropped_is_hashed_and_looked_up(served, page):
    page.goto(f"{served.url}/search")
    dropped = page.evaluate_handle("""() => {
      const held = new DataTransfer();
      held.items.add(new File(["mine"], "<img src=x onerror=alert(1)>.mp4"));
      return held;
    }""")
    page.dispatch_event("section.drop", "drop", {"dataTransfer": dropped})
    page.wait_for_url(f"**/files/{hashlib.sha256(b'mine').hexdigest()}")
    assert "This file is not on record" in page.inner_text("h1")


def test_a_file_that_a_source_holds_is_found(served, page, tmp_path):
    settings, url = served.settings, served.url
    (tmp_path / "mine.mp4").write_bytes(film(2, 5))
    page.goto(f"{url}/search")
    page.set_input_files("#drop-file", tmp_path / "mine.mp4")
    page.wait_for_url("**/files/*")
    assert page.inner_text("h1") == "This file is on record"
    with looking(settings) as session:
        assert page.url.endswith(files_of(session, "open")[0].sha256)


def shot(page, address, how):
    """Keep a picture of the page where somebody asks for pictures."""
    folder = os.environ.get("CONSOLE_SHOTS")
    if folder:
        name = address.partition("?")[0].strip("/").replace("/", "-")[:24] or "overview"
        page.screenshot(path=f"{folder}/{name}-{how}.png", full_page=how == "phone")
