"""Records: an episode becomes the same rows on every run, and nothing of it is lost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.measures import NAMES
from pipelines.records import (
    CHUNK_ENTRIES,
    CHUNK_NS,
    CLIPS,
    STREAMS,
    Clip,
    Clock,
    Episode,
    PacketIndex,
    Stream,
    clip_rows,
    content_id,
    period_ns,
    stream_rows,
)


def a_stream(entries: int, *, step_ns: int = 10**7, units: int = 0, **changes) -> Stream:
    ts_ns = np.arange(entries, dtype=np.int64) * step_ns
    index = None
    if units:
        index = PacketIndex(
            file_id="f",
            offset=np.arange(units, dtype=np.int64),
            size=np.ones(units, np.int32),
            key=np.ones(units, np.bool_),
            pts_ns=np.arange(units, dtype=np.int64),
            extradata=b"x",
        )
    told = {"name": "video", "kind": "video", "file_id": "f", "index": index} | changes
    return Stream(clock=Clock(kind="pts", epoch="start"), ts_ns=ts_ns, **told)


def an_episode(*streams: Stream) -> Episode:
    return Episode(
        episode_id="e", source_id="s", files=("f",), reader="video@1", streams=streams,
        start_ns=0, end_ns=1,
    )  # fmt: skip


def table(episode: Episode) -> pa.Table:
    return pa.Table.from_batches(list(stream_rows(episode, "b")), schema=STREAMS)


@pytest.mark.parametrize("count", [1, CHUNK_ENTRIES, CHUNK_ENTRIES + 1, 3 * CHUNK_ENTRIES])
@pytest.mark.parametrize("extra", [-1, 0, 7])
def test_every_entry_and_packet_is_in_one_chunk_in_order(count, extra):
    stream = a_stream(count, units=max(1, count + extra))

    rows = table(an_episode(stream)).to_pylist()

    assert stream.index is not None
    assert [row["chunk_no"] for row in rows] == list(range(len(rows)))
    assert [ts for row in rows for ts in row["ts_ns"]] == stream.ts_ns.tolist()
    assert [at for row in rows for at in row["unit_offset"]] == stream.index.offset.tolist()
    assert all(row["count"] == len(row["ts_ns"]) <= CHUNK_ENTRIES for row in rows)


def test_a_chunk_spans_at_most_a_minute():
    rows = table(an_episode(a_stream(200, step_ns=10**9))).to_pylist()

    assert len(rows) == 4
    assert all(row["end_ns"] - row["start_ns"] < CHUNK_NS for row in rows)


def test_numbers_and_texts_are_cut_with_their_times():
    values = np.arange(2 * (CHUNK_ENTRIES + 5), dtype=np.float64).reshape(-1, 2)
    texts = tuple(str(number) for number in range(CHUNK_ENTRIES + 5))
    stream = a_stream(
        CHUNK_ENTRIES + 5, kind="vector", values=values, channels=("a", "b"), events=texts
    )

    rows = table(an_episode(stream)).to_pylist()

    assert [cell for row in rows for cell in row["values"]] == values.ravel().tolist()
    assert [text for row in rows for text in row["events"]] == list(texts)
    assert {row["width"] for row in rows} == {2}


def test_rows_are_the_same_on_every_run_and_differ_with_their_content():
    stream = a_stream(10)
    first, again = table(an_episode(stream)), table(an_episode(stream))
    other = table(an_episode(a_stream(11)))

    assert first.equals(again)
    assert first["chunk_id"][0] == other["chunk_id"][0]
    assert first["sha256"][0] != other["sha256"][0]


def test_the_batch_stays_out_of_the_digest():
    episode = an_episode(a_stream(3))
    first, second = (next(stream_rows(episode, batch)) for batch in ("one", "two"))

    assert first["sha256"] == second["sha256"]


def test_a_stream_without_entries_still_has_a_row():
    sound = a_stream(0, name="audio", kind="audio")

    (row,) = table(an_episode(sound)).to_pylist()

    assert (row["count"], row["ts_ns"]) == (0, [])
    assert sound.doc()["num_frames"] == 0


def test_a_clock_survives_its_text():
    clock = Clock(kind="stamp", epoch="unix", how="ö", skew={"rate_hz": 10.0})

    assert Clock.of_text(clock.text()) == clock


def test_clips_start_without_measures():
    clip = Clip(
        clip_id="c", source_id="s", episode_id="e", cut_id="fixed@1", start_ns=0, end_ns=1,
        streams=("video",), split_group="g",
    )  # fmt: skip

    batch = clip_rows([clip], "b")

    assert batch.schema.equals(CLIPS)
    assert {batch[name][0].as_py() for name in NAMES} == {None}


def test_periods_are_rounded_up_and_ids_are_short():
    assert period_ns(np.array([0, 10, 21])) == 11
    assert period_ns(np.array([5])) == 1
    assert len(content_id("a", ["b"], 1)) == 32
