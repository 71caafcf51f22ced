"""Take the pictures of the Dagster UI and of the audit console that README and docs show.

    python docs/examples/screens.py http://127.0.0.1:3000 docs/pictures
    python docs/examples/screens.py SIGN_IN_ADDRESS docs/pictures console

For the console, give the address that signs in once, as `clearway ui` prints it.

Start `clearway ui` first, after `clearway demo`. Needs Playwright for Python and a Chromium: the
first of `chromium` and `google-chrome` on PATH.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZE: ViewportSize = {"width": 1600, "height": 720}
STEPS = ("files", "streams", "clips", "measures", "clearance", "training_set", "checkpoint")


def chromium() -> str:
    """Path of a Chromium; empty when there is none."""
    return shutil.which("chromium") or shutil.which("google-chrome") or ""


def take(url: str, folder: Path) -> list[Path]:
    """Take every picture and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        screen = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), viewport=SIZE, args=FLAGS
        )
        page = screen.new_page()
        page.on("console", lambda said: print(said.text) if said.type == "error" else None)
        pictures = [asset_graph(page, url, folder / "asset-graph.png")]
        screen.close()
    return pictures


def take_console(url: str, folder: Path) -> list[Path]:
    """Take the overview and one reason, after `clearway demo`, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        screen = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), viewport={"width": 1100, "height": 760}, args=FLAGS
        )
        page = screen.new_page()
        page.goto(url)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()
        page.screenshot(path=str(folder / "console-overview.png"))
        page.goto(f"{url.partition('/sign-in')[0]}/sources/tidewater-arm")
        page.get_by_role("link", name="why").first.click()
        page.screenshot(path=str(folder / "console-why.png"))
        screen.close()
    return [folder / "console-overview.png", folder / "console-why.png"]


def asset_graph(page: Page, url: str, target: Path) -> Path:
    """The assets of all groups, from files to checkpoint."""
    page.goto(f"{url}/asset-groups", wait_until="domcontentloaded")
    page.get_by_text("rights", exact=True).first.wait_for(timeout=60_000)
    expand = page.get_by_role("button", name="Expand all")
    if expand.count():
        expand.first.click()
    else:
        page.keyboard.press("Alt+e")
    hide = page.get_by_text("Hide navigation")
    if hide.count():
        hide.first.click()  # the graph is fitted into what is left
    for step in STEPS:
        page.get_by_text(step, exact=True).first.wait_for(timeout=30_000)
    page.reload(wait_until="domcontentloaded")
    page.get_by_text(STEPS[-1], exact=True).first.wait_for(timeout=60_000)
    page.wait_for_timeout(3_000)  # the graph is laid out and its counts arrive
    page.screenshot(path=str(target))
    return target


if __name__ == "__main__":
    if not chromium():
        sys.exit("no Chromium found: install the package `chromium`")
    taken = take_console if "console" in sys.argv[3:] else take
    for picture in taken(sys.argv[1], Path(sys.argv[2])):
        print(picture)
