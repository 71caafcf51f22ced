"""The page: one file, well-formed, for every reader, whatever its sources are called."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import av
import numpy as np
import pytest

from pipelines.evaluate.films import film_of
from pipelines.evaluate.page import page
from tests.pipelines.evaluate.figures import behaviour, compared, curve, evaluation, shown

NO_CHROMIUM = "no Chromium: install Debian's package chromium"
HOSTILE = "<script>alert(1)</script>\"'&\x01"
VOID = {"meta", "img", "source", "line", "polyline", "polygon", "circle", "rect"}


class Tree(HTMLParser):
    """Reads a page and keeps its elements; fails where one is closed that is not open."""

    def __init__(self, whole: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.said: list[str] = []
        self.feed(whole)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag not in VOID, f"{tag} is not closed"
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def made(found=None, films=()):
    return page("Evaluation", found or evaluation(), films, provenance={"seed": "0"})


def test_the_page_is_well_formed_and_needs_nothing_else():
    whole = made(films=[film_of(shown())])
    tree = Tree(whole)

    assert whole.startswith("<!DOCTYPE html>")
    assert tree.all("html") == [{"lang": "en"}]
    assert not tree.all("script") + tree.all("link") + tree.all("iframe")
    asked = re.findall(r"(?:src|srcset|href)=\"([^\"]{0,12})", whole)
    assert asked
    assert all(one.startswith("data:image/") for one in asked)
    assert "http" not in re.sub(r"http-equiv", "", whole)
    assert "default-src &#x27;none&#x27;" in whole


def test_pictures_say_what_they_show_and_tables_have_heads():
    tree = Tree(made(films=[film_of(shown())]))

    assert all(len(one["alt"] or "") > 20 for one in tree.all("img"))
    assert all(one["role"] == "img" and one["aria-label"] for one in tree.all("svg"))
    assert len(tree.all("caption")) == len(tree.all("table")) > 3
    assert all(one.get("scope") in {"row", "col"} for one in tree.all("th"))
    assert len(tree.all("h1")) == 1


def test_names_that_are_markup_stay_words():
    found = evaluation({HOSTILE: compared(), "b": compared(20.0)})
    whole = made(found, [film_of(shown(HOSTILE))])
    tree = Tree(whole)

    assert "<script" not in whole
    assert "\x01" not in whole
    assert any("<script>alert(1)</script>\"'& " in one for one in tree.said)


def test_the_verdict_is_the_first_thing_said():
    wins, loses = made(), made(evaluation(overall=compared(), horizons=(1,)))
    assert "the model beats copying the last frame: 26.50 against 23.50 dB" in wins
    assert "True actions are worth +1.00 dB against those of other windows" in loses


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"split": "train"}, "Nothing was held out"),
        ({"num_clips": 3}, "Only 3 clips"),
        ({"untrained": ("acorn", "b")}, "Not trained on at all: acorn, b."),
        ({"num_lost": 2}, "2 windows could not be decoded"),
        ({"repeats": False}, "do not repeat"),
        ({"missing": {"returning": "no clip returns"}}, "Not measurable, returning: no clip"),
    ],
    ids=lambda one: next(iter(one), "") if isinstance(one, dict) else "",
)
def test_what_limits_the_figures_is_said(changes, said):
    assert said not in made()
    assert said in made(evaluation(**changes))


def test_without_video_states_are_what_is_told():
    whole = made(evaluation(overall=None, groups={"source": {}}, missing={"overall": "no video"}))

    Tree(whole)
    assert "No video to measure: next state 0.500 off, beats copy-last (0.700)." in whole


def test_each_part_of_the_behaviour_is_told_beside_its_control():
    whole = made()

    assert "the probe reads 0.800 of the actions, from the model&#x27;s own frames 0.600" in whole
    assert "16 frames predicted, longer than any window of training" in whole
    assert "2 of 4 windows come back to a view of their context, 6.5 frames after it" in whole
    assert "Every prediction is finite." in whole
    assert "2.0 (p50), 3.0 (p95): one window, decoded, 48 frames on cpu" in whole


def test_what_cannot_be_judged_is_told_as_such():
    told = behaviour()
    assert told.following
    assert told.drift
    ways = {way: curve(0.1) for way in told.following.ways}
    reach = replace(told.bounds["held"], finite=False)
    found = evaluation(
        behaviour=behaviour(
            following=replace(told.following, ways=ways),
            drift=replace(told.drift, bands=()),
            persistence=None,
            bounds={"held": reach},
            latency=None,
        )
    )
    whole = made(found)

    Tree(whole)
    assert "it cannot say whether the model follows" in whole
    assert "One clip has no halves" in whole
    assert "Not finite under: last action held." in whole
    assert "Returning to a place" not in whole
    assert "milliseconds" not in whole


def test_a_film_has_every_frame_and_the_same_bytes_each_time():
    one, again = film_of(shown()), film_of(shown())

    assert one == again
    with av.open(io.BytesIO(one.gif), "r") as gif:
        frames = [frame.to_ndarray(format="rgb24") for frame in gif.decode(video=0)]
    assert len(frames) == 12
    side = 128  # 32 pixels, shown larger
    assert frames[5].shape == (side + 6, 2 * side + 4, 3)
    assert np.abs(frames[5][:side, :side, 0].astype(int) - 100).max() <= 8
    assert np.abs(frames[5][:side, side + 4 :, 0].astype(int) - 120).max() <= 8


def test_a_browser_shows_the_page(tmp_path):
    if not shutil.which("chromium"):
        if os.environ.get("CLEARWAY_REQUIRE_SERVICES") == "1":
            pytest.fail(NO_CHROMIUM)
        pytest.skip(NO_CHROMIUM)
    (tmp_path / "page.html").write_text(
        made(evaluation({HOSTILE: compared(), "b": compared(20.0)}), [film_of(shown(HOSTILE))]),
        encoding="utf-8",
    )
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={tmp_path}/profile", "--dump-dom",
             f"file://{tmp_path}/page.html"]  # fmt: skip

    told = subprocess.run(words, check=True, capture_output=True, text=True, timeout=100).stdout

    assert "<script" not in told
    assert told.count("<svg") == 3
    assert told.count("</table>") == told.count("<table") > 3
