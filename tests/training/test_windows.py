"""The numbering of windows."""

import numpy as np

from training.windows import WindowSpec, windows_of

SPEC = WindowSpec(length=8, stride=4)


def row(source, clip, num_frames, **more):
    return {
        "source_id": source, "clip_id": clip, "camera": "", "num_frames": num_frames,
        "split": "train",
    } | more  # fmt: skip


ROWS = [row("b", "2", 20), row("a", "9", 8), row("a", "1", 7), row("b", "1", 13)]


def test_windows_lie_inside_their_clips_in_order_of_source_and_clip():
    windows = windows_of(ROWS, SPEC)
    spans, firsts = windows.locate(np.arange(len(windows)))

    got = [
        (windows.spans[span].source_id, windows.spans[span].clip_id, int(first))
        for span, first in zip(spans, firsts, strict=True)
    ]
    assert got == [
        ("a", "9", 0), ("b", "1", 0), ("b", "1", 4),
        ("b", "2", 0), ("b", "2", 4), ("b", "2", 8), ("b", "2", 12),
    ]  # fmt: skip
    assert windows.by_source() == {"a": (0, 1), "b": (1, 6)}


def test_storage_order_does_not_move_a_number():
    one, other = windows_of(ROWS, SPEC), windows_of(ROWS[::-1], SPEC)

    names = [[(span.source_id, span.clip_id) for span in it.spans] for it in (one, other)]
    assert names[0] == names[1]
    assert one.ends.tolist() == other.ends.tolist()


def test_an_erased_clip_keeps_its_numbers_and_is_dead():
    whole = windows_of(ROWS, SPEC)
    less = windows_of(ROWS[:3], SPEC, tombstones=[row("b", "1", 13)])

    assert whole.ends.tolist() == less.ends.tolist()
    assert np.flatnonzero(less.dead(())).tolist() == [1, 2]


def test_revoked_subjects_are_dead():
    windows = windows_of(ROWS, SPEC)

    assert np.flatnonzero(windows.dead(["source:a"])).tolist() == [0]
    assert np.flatnonzero(windows.dead(["clip:2"])).tolist() == [3, 4, 5, 6]
    assert not windows.dead(["source:c"]).any()


def test_only_the_asked_split_counts():
    windows = windows_of([*ROWS, row("c", "1", 8, split="val")], SPEC, split="val")

    assert [span.clip_id for span in windows.spans] == ["1"]
    assert windows.spans[0].row == 4
    assert len(windows_of(ROWS, SPEC, split="test")) == 0
