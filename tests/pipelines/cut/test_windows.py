"""Windows: over the pictures, none across a gap, none lost."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalog.clips import EpisodeRow
from pipelines.clip_rules import LONGEST_NS, Cutter
from pipelines.cut.windows import span_of, stretches, windows_of

S = 10**9
SHOTS = Cutter(name="shots")


def an_episode(*streams: dict[str, Any], gaps=(), end_ns: int = 0) -> EpisodeRow:
    return EpisodeRow(
        episode_id="e", source_id="s", files=("f",), streams=streams, start_ns=0, end_ns=end_ns,
        reader="video@1", notes={"gaps": [list(gap) for gap in gaps]},
    )  # fmt: skip


def a_stream(
    start_ns: int, end_ns: int, *, kind: str = "video", name: str = "video"
) -> dict[str, Any]:
    return {"name": name, "kind": kind, "start_ns": start_ns, "end_ns": end_ns}


def spans(episode: EpisodeRow, cutter: Cutter | int = 2 * S, marks=()) -> list[Any]:
    cutter = Cutter(clip_ns=cutter) if isinstance(cutter, int) else cutter
    return [
        (one.clip.start_ns, one.clip.end_ns, one.reason)
        for one in windows_of(episode, cutter, marks)
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


def test_windows_lie_between_marks_and_none_spans_a_gap():
    episode = an_episode(a_stream(0, 9 * S), gaps=[(5 * S, 6 * S)])

    assert spans(episode, SHOTS, marks=[2 * S, 2 * S + S // 4, 99 * S]) == [
        (0, 2 * S, ""),
        (2 * S, 2 * S + S // 4, "TOO_SHORT"),
        (2 * S + S // 4, 5 * S, ""),
        (6 * S, 9 * S, ""),
    ]


def test_a_long_shot_is_cut_into_equal_parts():
    episode = an_episode(a_stream(0, 2 * LONGEST_NS + 30 * S))

    assert spans(episode, SHOTS) == [(k * 50 * S, (k + 1) * 50 * S, "") for k in range(3)]


def test_pictures_of_several_cameras_are_cut_where_all_run():
    cameras = [a_stream(0, 5 * S, name="a"), a_stream(S, 6 * S, name="b")]
    log = a_stream(0, 9 * S, kind="vector", name="joints")

    assert span_of(an_episode(*cameras, log)) == (S, 5 * S)


def test_without_pictures_the_longest_stream_is_cut():
    logs = [a_stream(0, 3 * S, kind="vector"), a_stream(S, 7 * S, kind="event")]

    assert span_of(an_episode(*logs)) == (S, 7 * S)
    assert span_of(an_episode(end_ns=5)) == (0, 5)


def test_a_clip_names_the_streams_that_run_in_it_and_who_cut_it():
    late = a_stream(3 * S, 4 * S, kind="vector", name="late")
    windows = list(windows_of(an_episode(a_stream(0, 4 * S), late), Cutter(clip_ns=2 * S)))

    assert [one.clip.streams for one in windows] == [("video",), ("video", "late")]
    assert {one.clip.cut_id for one in windows} == {'fixed@1 {"clip_ns":2000000000}'}


def test_the_same_window_cut_by_another_is_another_clip():
    episode = an_episode(a_stream(0, 2 * S))
    one, other = (next(iter(windows_of(episode, by))) for by in (Cutter(), SHOTS))

    assert one.clip.clip_id != other.clip.clip_id


@given(
    end=st.integers(1, 50),
    gaps=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=5),
    clip=st.integers(1, 9),
    marks=st.lists(st.integers(0, 50), max_size=9),
)
def test_windows_tile_what_is_not_a_gap_whoever_cuts(end, gaps, clip, marks):
    holes = [(low, low + length) for low, length in gaps]
    episode = an_episode(a_stream(0, end), gaps=holes)
    free = [at for at in range(end) if not any(low <= at < high for low, high in holes)]

    for cutter in (clip, SHOTS):
        covered = [at for low, high, _ in spans(episode, cutter, marks) for at in range(low, high)]
        assert covered == free
    assert sum(high - low for low, high in stretches((0, end), holes)) == len(free)
