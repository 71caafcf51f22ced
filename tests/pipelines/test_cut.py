"""Cutting: windows over the pictures, none across a gap, none lost, none twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.clips import EpisodeRow, clips_of
from catalog.engine import open_catalog, reading
from pipelines.cut import cut, span_of, stretches, windows_of
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from tests.pipelines.places import NOW, a_home, a_source, film

S = 10**9


def an_episode(*streams: dict[str, Any], gaps=(), end_ns: int = 0) -> EpisodeRow:
    return EpisodeRow(
        episode_id="e", source_id="s", files=("f",), streams=streams, start_ns=0, end_ns=end_ns,
        reader="video@1", notes={"gaps": [list(gap) for gap in gaps]},
    )  # fmt: skip


def a_stream(
    start_ns: int, end_ns: int, *, kind: str = "video", name: str = "video"
) -> dict[str, Any]:
    return {"name": name, "kind": kind, "start_ns": start_ns, "end_ns": end_ns}


def spans(episode: EpisodeRow, clip_ns: int = 2 * S) -> list[tuple[int, int, str]]:
    return [
        (one.clip.start_ns, one.clip.end_ns, one.reason) for one in windows_of(episode, clip_ns)
    ]


def test_windows_cover_the_pictures_and_a_short_tail_is_filtered():
    assert spans(an_episode(a_stream(0, 4 * S + S // 2))) == [
        (0, 2 * S, ""),
        (2 * S, 4 * S, ""),
        (4 * S, 4 * S + S // 2, "TOO_SHORT"),
    ]


def test_a_tail_of_half_a_window_is_kept():
    assert spans(an_episode(a_stream(0, 3 * S)))[-1] == (2 * S, 3 * S, "")


def test_no_window_spans_a_gap():
    episode = an_episode(a_stream(0, 6 * S), gaps=[(3 * S, 4 * S)])

    assert spans(episode) == [(0, 2 * S, ""), (2 * S, 3 * S, ""), (4 * S, 6 * S, "")]


def test_pictures_of_several_cameras_are_cut_where_all_run():
    cameras = [a_stream(0, 5 * S, name="a"), a_stream(S, 6 * S, name="b")]
    log = a_stream(0, 9 * S, kind="vector", name="joints")

    assert span_of(an_episode(*cameras, log)) == (S, 5 * S)


def test_without_pictures_the_longest_stream_is_cut():
    logs = [a_stream(0, 3 * S, kind="vector"), a_stream(S, 7 * S, kind="event")]

    assert span_of(an_episode(*logs)) == (S, 7 * S)
    assert span_of(an_episode(end_ns=5)) == (0, 5)


def test_a_clip_names_the_streams_that_run_in_it():
    late = a_stream(3 * S, 4 * S, kind="vector", name="late")
    windows = list(windows_of(an_episode(a_stream(0, 4 * S), late), 2 * S))

    assert [one.clip.streams for one in windows] == [("video",), ("video", "late")]


@given(
    end=st.integers(1, 50),
    gaps=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=5),
    clip=st.integers(1, 9),
)
def test_windows_tile_what_is_not_a_gap(end, gaps, clip):
    holes = [(low, low + length) for low, length in gaps]
    episode = an_episode(a_stream(0, end), gaps=holes)

    covered = [at for low, high, _ in spans(episode, clip) for at in range(low, high)]

    free = [at for at in range(end) if not any(low <= at < high for low, high in holes)]
    assert covered == free
    assert sum(high - low for low, high in stretches((0, end), holes)) == len(free)


@pytest.fixture
def home(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    film(folder / "a.mp4", frames=90)
    film(folder / "b.mp4", frames=50, seed=3)
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    return settings


def test_cutting_publishes_clips_once_and_records_every_window(home):
    first = cut("demo", home, run_id="r1", now=NOW)
    again = cut("demo", home, run_id="r2", now=NOW)

    assert (first.num_kept, first.num_filtered, first.num_new) == (3, 2, 3)
    assert first.conserved
    assert (again.num_kept, again.num_new, again.version) == (3, 0, first.version)
    stored = scan_columns(dataset_uri(home.lake, "demo", "clips"), ["clip_id"])
    with reading(open_catalog(home.catalog_url)) as session:
        rows = clips_of(session, "demo")
    kept = {row.clip_id for row in rows if row.status == "kept"}
    assert set(stored["clip_id"].to_pylist()) == kept
    assert [row.reason for row in rows if row.status == "filtered"] == ["TOO_SHORT"] * 2


def test_a_new_episode_adds_its_clips_and_touches_no_other(home, tmp_path):
    cut("demo", home, run_id="r1", now=NOW)
    film(tmp_path / "in/c.mp4", frames=40, seed=9)
    ingest("demo", home, at_once=0, run_id="r2", now=NOW)

    report = cut("demo", home, run_id="r2", now=NOW)

    assert (report.num_new, report.num_kept) == (1, 4)
    assert report.line()["kept"] == 4
    assert "4 clips of 3 episodes" in report.summary()


def test_a_source_without_episodes_has_no_clips(tmp_path):
    settings = a_home(tmp_path)
    a_source(settings, tmp_path / "in")

    report = cut("demo", settings, run_id="r1", now=NOW)

    assert (report.num_episodes, report.num_kept, report.num_new) == (0, 0, 0)
