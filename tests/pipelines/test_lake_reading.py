"""The lake read back: ranges, files, streams, digests, and the sealing of a training set."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipelines.errors import LakeError
from pipelines.lake import commits, datasets, reading, sealing, streams
from pipelines.lake.schemas import MEDIA, blob_column, key_columns, set_schema
from pipelines.lake.writing import write_fragments
from pipelines.records import STREAMS
from tests.pipelines.lakes import NotedInMemory, stored


@pytest.fixture
def ledger():
    return NotedInMemory()


@pytest.fixture
def media_uri(tmp_path):
    uri = datasets.dataset_uri(str(tmp_path), "demo", "media")
    datasets.create_dataset(uri, MEDIA)
    return uri


def test_ranges_across_pieces_come_back_exactly_and_in_order(media_uri, ledger):
    data = bytes(range(256)) * 20
    stored(media_uri, ledger, f=data, g=b"short")
    asked = [("f", 990, 2_050), ("g", 1, 3), ("f", 0, 10), ("f", len(data) - 5, 5), ("f", 7, 0)]
    assert reading.read_ranges(media_uri, asked) == [
        data[990:3_040],
        b"hor",
        data[:10],
        data[-5:],
        b"",
    ]
    assert reading.read_file(media_uri, "f") == data
    assert reading.file_ids(media_uri) == {"f", "g"}
    assert reading.file_size(media_uri, "f") == len(data)


def test_a_lake_file_reads_like_a_file(media_uri, ledger):
    data = bytes(range(256)) * 20
    stored(media_uri, ledger, f=data)
    with reading.open_file(media_uri, "f") as stream:
        assert stream.read(5) == data[:5]
        stream.seek(-10, 2)
        assert stream.read() == data[-10:]
        stream.seek(1_995)
        assert stream.read(10) == data[1_995:2_005]


@pytest.mark.parametrize(
    ("request_", "code"), [(("f", 95, 10), "LAKE_RANGE"), (("h", 0, 1), "LAKE_FILE_MISSING")]
)
def test_a_range_that_is_not_stored_is_refused(media_uri, ledger, request_, code):
    stored(media_uri, ledger, f=b"x" * 100)
    with pytest.raises(LakeError, match=r"past (its end|the end)|no file") as refused:
        reading.read_ranges(media_uri, [request_])
    assert refused.value.code == code


def test_a_flipped_byte_is_noticed_when_a_whole_file_is_read(media_uri, ledger, tmp_path):
    stored(media_uri, ledger, f=b"x" * 200_000)
    folder = tmp_path / "demo" / "media.lance" / "data"
    largest = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    raw = bytearray(largest.read_bytes())
    at = raw.find(b"x" * 500) + 100
    raw[at] ^= 1
    largest.write_bytes(raw)
    with pytest.raises(LakeError, match="is not what was stored") as refused:
        reading.read_file(media_uri, "f")
    assert refused.value.code == "LAKE_DAMAGED"


def chunk(number, ts, values):
    return {
        "chunk_id": f"c{number}",
        **dict.fromkeys(("source_id", "file_id", "reader", "batch_id"), "x"),
        "episode_id": "it's",
        "stream": "state",
        "kind": "vector",
        "clock": "{}",
        "chunk_no": number,
        "count": len(ts),
        "start_ns": ts[0],
        "end_ns": ts[-1],
        "ts_ns": ts,
        "values": values,
        "width": 2,
        "channels": ["x", "y"],
        "sha256": b"s" * 32,
    }


def test_the_chunks_of_a_stream_are_joined_in_order(tmp_path, ledger):
    uri = datasets.dataset_uri(str(tmp_path), "demo", "streams")
    rows = [chunk(1, [30, 40], [5.0, 6, 7, 8]), chunk(0, [10, 20], [1.0, 2, 3, 4])]
    table = pa.Table.from_pylist(rows, schema=STREAMS)
    commits.append_rows(uri, STREAMS, table, ledger=ledger, batch_id="b1", run_id="r1")
    (state,) = streams.read_streams(uri, "it's", "state")
    assert state.ts_ns.tolist() == [10, 20, 30, 40]
    assert np.array_equal(state.values, [[1, 2], [3, 4], [5, 6], [7, 8]])
    assert (state.start_ns, state.end_ns, state.channels) == (10, 40, ("x", "y"))
    assert streams.read_streams(uri, "it's", "video") == ()


@pytest.mark.parametrize("at_once", [1, 20, 10_000])
def test_each_episode_comes_with_its_own_streams_in_the_order_asked(tmp_path, ledger, at_once):
    uri = datasets.dataset_uri(str(tmp_path), "demo", "streams")
    rows = [
        chunk(number, [at * 100 + number * 10, at * 100 + number * 10 + 1], [at, 1.0, 2, number])
        | {"episode_id": f"e{at}", "chunk_id": f"{stream}{at}-{number}", "stream": stream}
        for at in range(7)
        for number in range(1 + at % 2)
        for stream in ("state", "arm")
    ]
    table = pa.Table.from_pylist(rows, schema=STREAMS)
    commits.append_rows(uri, STREAMS, table, ledger=ledger, batch_id="b1", run_id="r1")
    asked = ["e5", "nobody", *(f"e{at}" for at in (0, 1, 2, 3, 4, 6))]

    found = list(streams.each_episode(uri, asked, at_once=at_once))

    assert [episode_id for episode_id, _ in found] == asked
    for episode_id, own in found:
        alone = streams.read_streams(uri, episode_id)
        assert [one.stream for one in own] == ([] if episode_id == "nobody" else ["arm", "state"])
        for one, same in zip(own, alone, strict=True):
            assert np.array_equal(one.ts_ns, same.ts_ns)
            assert np.array_equal(one.values, same.values)


def test_the_content_digest_does_not_depend_on_order(tmp_path):
    digests = set()
    for turn, order in enumerate((("a", "b"), ("b", "a"))):
        media = datasets.dataset_uri(str(tmp_path / str(turn)), "demo", "media")
        uri = datasets.dataset_uri(str(tmp_path / str(turn)), "demo", "streams")
        datasets.create_dataset(media, MEDIA)
        datasets.create_dataset(uri, STREAMS)
        stored(media, NotedInMemory(), **{name: name.encode() * 2_500 for name in order})
        digests.add(reading.content_digest(media, uri))
    assert len(digests) == 1


def set_rows(source, *names):
    schema = set_schema()
    blank: dict[str, list[int]] = {one.name: [] for one in schema if pa.types.is_list(one.type)}
    numbers = {one.name: 1 for one in schema if not pa.types.is_list(one.type)}
    numbers = {k: v for k, v in numbers.items() if not pa.types.is_string(schema.field(k).type)}
    columns = []
    for one in schema:
        if one.name == "media":
            columns.append(blob_column([name.encode() * 100 for name in names]))
        else:
            texts = {"clip_id": names, "source_id": [source] * len(names)}
            values = texts.get(one.name, [(blank | numbers).get(one.name, "t")] * len(names))
            columns.append(pa.array(values, one.type))
    return pa.record_batch(columns, schema=schema)


def test_a_training_set_has_one_source_per_fragment_and_no_older_version(tmp_path):
    uri = str(tmp_path / "set" / "data.lance")
    schema = set_schema()
    datasets.create_dataset(uri, schema)
    parts = [
        write_fragments(uri, schema, [set_rows("s1", "a", "b")], max_rows=10**6),
        write_fragments(uri, schema, [set_rows("s2", "c")], max_rows=10**6),
    ]
    sealing.commit_set(uri, parts)
    orphan = tmp_path / "set" / "data.lance" / "data" / "dead.lance"
    orphan.write_bytes(b"dead")
    version = sealing.seal(uri)
    shards = sealing.set_fragments(uri)
    assert [(one.num_rows, one.source_ids) for one in shards] == [(2, ("s1",)), (1, ("s2",))]
    assert datasets.version_of(uri) == version
    files = sealing.all_files(uri)
    assert len([path for path in files if path.endswith(".manifest")]) == 1
    assert "data/dead.lance" not in files
    assert {f"data/{name}" for part in parts for name in [part.files[0][0][5:]]} <= set(files)
    with pytest.raises(LakeError, match="expected an empty dataset"):
        sealing.commit_set(uri, parts)


def test_keys_are_found_in_the_schema():
    assert key_columns(MEDIA) == ("file_id", "piece")
    assert key_columns(set_schema()) == ("clip_id", "camera")
