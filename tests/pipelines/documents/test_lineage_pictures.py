"""A trace as a picture: every thing once, readable, the same each time, also in a browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.lineage.graph import Node, Trace
from pipelines.documents.layout import lay_out
from pipelines.documents.lineage_dot import dot
from pipelines.documents.lineage_look import WIDTH, full, short
from pipelines.documents.lineage_svg import svg
from tests.catalog.world import make_world
from tests.pipelines.documents.traces import traces

SVG = "{http://www.w3.org/2000/svg}"
NO_CHROMIUM = "no Chromium: install Debian's package chromium"
PAIRS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16)


def a_node(node_id="n", **fields):
    return Node(kind="clip", node_id=node_id, label=fields.pop("label", node_id), **fields)


def a_trace(*nodes, edges=()):
    return Trace(
        roots=(nodes[0].key,), nodes={one.key: one for one in nodes},
        edges=frozenset((one.key, other.key) for one, other in edges), downward=True,
    )  # fmt: skip


@pytest.fixture
def drawn(session):
    make_world(session)
    return traces(session)


def test_the_picture_holds_every_thing_once_with_all_its_words(drawn):
    for trace in drawn.values():
        root = ElementTree.fromstring(svg(trace))

        titles = [str(one.text) for one in root.iter(f"{SVG}title")][1:]
        assert sorted(titles) == sorted(full(one) for one in trace.nodes.values())
        assert len(list(root.iter(f"{SVG}path"))) == len(trace.edges)
        assert svg(trace) == svg(trace)
        assert root.get("role") == "img"


def test_no_two_boxes_overlap_and_edges_run_to_the_right(drawn):
    for trace in drawn.values():
        layout = lay_out(list(trace.nodes), sorted(trace.edges))

        assert len(set(layout.places.values())) == len(trace.nodes)
        for (one, other), way in layout.routes.items():
            assert way[0] == layout.places[one]
            assert way[-1] == layout.places[other]
            assert [column for column, _ in way] == list(range(way[0][0], way[-1][0] + 1))


@given(pairs=PAIRS)
def test_any_graph_is_laid_out_circles_too(pairs):
    keys = [("clip", str(number)) for number in range(8)]
    edges = sorted({(keys[one], keys[other]) for one, other in pairs if one != other})

    layout = lay_out(keys, edges)

    taken = [*layout.places.values(), *(one for way in layout.routes.values() for one in way[1:-1])]
    assert set(layout.places) == set(keys)
    assert set(layout.routes) == set(edges)
    assert len(set(taken)) == len(taken)


def test_a_state_is_told_by_words_and_colour(drawn):
    told = svg(drawn["down"])

    assert {"source · revoked", "shard · revoked"} <= set(re.findall(r">([^<>]+)</text>", told))
    assert "#fde3e1" in told


def test_words_that_mean_something_to_a_format_stay_words():
    odd = a_node("a", label='<b>&"quoted" \\n back\\slash\x01')
    trace = a_trace(odd, a_node("b"), edges=[(odd, a_node("b"))])

    root = ElementTree.fromstring(svg(trace))
    assert any('<b>&"quoted" \\n back\\slash' in (one.text or "") for one in root.iter())
    assert '\\"quoted\\" \\\\n back\\\\slash' in dot(trace)


def test_long_ids_are_shortened_and_lines_fit():
    node = a_node("f" * 64, label=f"{'f' * 64} and what is said about it at length")

    assert short(node).startswith("ffffffff… and what")
    assert len(short(node)) <= WIDTH
    assert "f" * 64 in full(node)


def test_the_graph_names_every_thing_and_edge_once(drawn):
    for trace in drawn.values():
        lines = dot(trace).splitlines()

        assert len([one for one in lines if " [label=" in one]) == len(trace.nodes)
        assert len([one for one in lines if " -> " in one]) == len(trace.edges)
        named = {one.split(" [label=")[0].strip() for one in lines if " [label=" in one}
        ends = {end for one in lines if " -> " in one for end in one.strip(" ;").split(" -> ")}
        assert ends <= named


def test_a_browser_shows_the_picture(drawn, tmp_path):
    if not shutil.which("chromium"):
        if os.environ.get("CLEARWAY_REQUIRE_SERVICES") == "1":
            pytest.fail(NO_CHROMIUM)
        pytest.skip(NO_CHROMIUM)
    (tmp_path / "trace.svg").write_text(svg(drawn["up"]), encoding="utf-8")
    words = ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={tmp_path}/profile", f"--screenshot={tmp_path}/trace.png",
             "--window-size=3000,500", f"file://{tmp_path}/trace.svg"]  # fmt: skip

    subprocess.run(words, check=True, capture_output=True, timeout=100)

    assert (tmp_path / "trace.png").stat().st_size > 20_000
