"""The lake: written by workers, committed once, read back exactly."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import lance
import numpy as np
import pyarrow as pa
import pytest
from lance import LanceOperation, Transaction

from pipelines.errors import LakeError
from pipelines.lake import commits, datasets, measures, reading, sealing
from pipelines.lake.ledger import Entry
from pipelines.lake.schemas import MEDIA, blob_column, key_columns, set_schema
from pipelines.lake.writing import write_fragments
from pipelines.records import CLIPS, STREAMS, Clip, clip_rows


class NotedInMemory:
    """A ledger without a database: the same steps, kept in a dict."""

    def __init__(self):
        self.entries: dict[tuple[str, str], Entry] = {}

    def entry(self, dataset, batch_id):
        return self.entries.get((dataset, batch_id))

    def plan(self, dataset, batch_id, *, base_version, run_id):  # noqa: ARG002 - as the protocol has it
        self.entries[dataset, batch_id] = Entry(
            dataset=dataset,
            batch_id=batch_id,
            state="planned",
            base_version=base_version,
            files={},
        )

    def written(self, *entries):
        for entry in entries:
            key = entry.dataset, entry.batch_id
            self.entries[key] = replace(entry, base_version=self.entries[key].base_version)

    def committed(self, dataset, batch_id, version):
        self.entries[dataset, batch_id] = self.entries[dataset, batch_id].at(version)

    def verified(self, dataset, batch_id):
        self.entries[dataset, batch_id] = replace(self.entries[dataset, batch_id], state="verified")


@pytest.fixture
def ledger():
    return NotedInMemory()


@pytest.fixture
def clips_uri(tmp_path):
    return datasets.dataset_uri(str(tmp_path), "demo", "clips")


@pytest.fixture
def media_uri(tmp_path):
    uri = datasets.dataset_uri(str(tmp_path), "demo", "media")
    datasets.create_dataset(uri, MEDIA)
    return uri


def clips(*names):
    return pa.Table.from_batches(
        [
            clip_rows(
                [
                    Clip(
                        clip_id=name,
                        source_id="demo",
                        episode_id="e1",
                        cut_id="fixed@1",
                        start_ns=0,
                        end_ns=2_000_000_000,
                        streams=("video",),
                        split_group="e1",
                    )
                    for name in names
                ],
                "b1",
            )
        ]
    )


def pieces(file_id, data, size):
    for number, start in enumerate(range(0, len(data), size)):
        part = data[start : start + size]
        yield pa.record_batch(
            [
                pa.array(["demo"]),
                pa.array([file_id]),
                pa.array([number], pa.int32()),
                pa.array([start], pa.int64()),
                pa.array([hashlib.sha256(part).digest()], pa.binary(32)),
                pa.array(["b1"]),
                blob_column([part]),
            ],
            schema=MEDIA,
        )


def append(uri, ledger, *names, batch="b1"):
    return commits.append_rows(
        uri, CLIPS, clips(*names), ledger=ledger, batch_id=batch, run_id="r1"
    )


def test_rows_appended_are_there_once(clips_uri, ledger):
    version = append(clips_uri, ledger, "a", "b")
    assert append(clips_uri, ledger, "a", "b") == version
    assert datasets.count_rows(clips_uri) == 2
    assert ledger.entry("clips", "b1").state == "verified"


def test_an_empty_batch_is_verified_without_a_version(clips_uri, ledger):
    version = append(clips_uri, ledger)
    assert version == datasets.version_of(clips_uri)
    assert ledger.entry("clips", "b1").state == "verified"


def test_creation_keeps_what_is_there(clips_uri, ledger):
    append(clips_uri, ledger, "a")
    datasets.create_dataset(clips_uri, CLIPS)
    assert datasets.count_rows(clips_uri) == 1


def test_a_key_that_is_there_is_refused(clips_uri, ledger):
    append(clips_uri, ledger, "a")
    with pytest.raises(LakeError, match="keys are there already") as refused:
        append(clips_uri, ledger, "a", "b", batch="b2")
    assert refused.value.code == "KEY_PRESENT"
    assert datasets.count_rows(clips_uri) == 1


def written(uri, ledger, *names):
    datasets.create_dataset(uri, CLIPS)
    commits.plan_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")
    done = write_fragments(uri, CLIPS, clips(*names))
    commits.note_written(uri, done, ledger=ledger, batch_id="b1")
    return done


def finish(uri, ledger):
    return commits.finish_batch(uri, ledger=ledger, batch_id="b1", run_id="r2")


def test_a_batch_killed_before_its_commit_is_committed_by_the_next_run(clips_uri, ledger):
    written(clips_uri, ledger, "a", "b")
    finish(clips_uri, ledger)
    assert datasets.count_rows(clips_uri) == 2


def test_a_batch_killed_after_its_commit_is_not_committed_again(clips_uri, ledger):
    written(clips_uri, ledger, "a", "b")
    version = commits.commit_batch(clips_uri, ledger=ledger, batch_id="b1", run_id="r1")
    ledger.entries["clips", "b1"] = replace(
        ledger.entries["clips", "b1"], state="written", version=0
    )
    assert finish(clips_uri, ledger) == version
    assert datasets.count_rows(clips_uri) == 2


def test_fragments_committed_behind_our_back_are_found_and_removed(clips_uri, ledger):
    done = written(clips_uri, ledger, "a", "b")
    commits.commit_batch(clips_uri, ledger=ledger, batch_id="b1", run_id="r1")
    again = [lance.FragmentMetadata.from_json(text) for text in done.fragments]
    version = datasets.version_of(clips_uri)
    lance.LanceDataset.commit(
        clips_uri, Transaction(read_version=version, operation=LanceOperation.Append(again))
    )
    assert datasets.count_rows(clips_uri) == 4
    finish(clips_uri, ledger)
    assert datasets.count_rows(clips_uri) == 2
    assert sorted(reading.scan_columns(clips_uri, ["clip_id"])["clip_id"].to_pylist()) == ["a", "b"]


@pytest.mark.parametrize("harm", ["missing", "truncated"])
def test_a_damaged_file_is_refused_before_the_commit(media_uri, ledger, harm, tmp_path):
    commits.plan_batch(media_uri, ledger=ledger, batch_id="b1", run_id="r1")
    done = write_fragments(media_uri, MEDIA, pieces("f", b"x" * 100_000, 100_000))
    commits.note_written(media_uri, done, ledger=ledger, batch_id="b1")
    blob = next(path for path, _ in done.files if path.endswith(".blob"))
    victim = tmp_path / "demo" / "media.lance" / blob
    if harm == "missing":
        victim.unlink()
    else:
        victim.write_bytes(b"x")
    with pytest.raises(LakeError, match=r"\.blob has") as refused:
        finish(media_uri, ledger)
    assert refused.value.code == "LAKE_FILE_MISSING"
    assert datasets.count_rows(media_uri) == 0


def test_fragments_of_another_number_of_rows_are_refused(clips_uri, ledger):
    written(clips_uri, ledger, "a", "b")
    ledger.entries["clips", "b1"] = replace(ledger.entries["clips", "b1"], rows=3)
    with pytest.raises(LakeError, match="hold 2 rows, 3 were written"):
        finish(clips_uri, ledger)


def test_no_dataset_is_a_refusal_with_a_way_out(clips_uri):
    assert not datasets.has_dataset(clips_uri)
    assert datasets.version_of(clips_uri) == 0
    with pytest.raises(LakeError, match="there is no dataset") as refused:
        reading.scan_columns(clips_uri, ["clip_id"])
    assert refused.value.code == "DATASET_MISSING"
    assert "clearway ingest" in refused.value.way_out


def test_measures_are_merged_and_merging_again_writes_nothing(clips_uri, ledger):
    append(clips_uri, ledger, "a", "b", "c")
    narrow = pa.table({"clip_id": ["c", "a"], "motion": [0.5, 0.25], "hue": [1.0, 2.0]})
    version = measures.merge_columns(clips_uri, "clip_id", narrow)
    assert measures.merge_columns(clips_uri, "clip_id", narrow) == version
    rows = reading.scan_columns(clips_uri, ["clip_id", "motion", "hue"]).sort_by("clip_id")
    assert rows.to_pydict() == {
        "clip_id": ["a", "b", "c"],
        "motion": [0.25, None, 0.5],
        "hue": [2.0, None, 1.0],
    }


@pytest.mark.parametrize(
    ("keys", "code"), [(["a", "x"], "KEY_MISSING"), (["a", "a"], "KEY_PRESENT")]
)
def test_measures_of_unknown_or_doubled_rows_are_refused(clips_uri, ledger, keys, code):
    append(clips_uri, ledger, "a", "b")
    with pytest.raises(LakeError, match=r"measures name|no row has") as refused:
        measures.merge_columns(
            clips_uri, "clip_id", pa.table({"clip_id": keys, "blur": [0.1, 0.2]})
        )
    assert refused.value.code == code


def stored(uri, ledger, **files):
    commits.plan_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")
    rows = (row for name, data in files.items() for row in pieces(name, data, 1_000))
    commits.note_written(uri, write_fragments(uri, MEDIA, rows), ledger=ledger, batch_id="b1")
    commits.finish_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")


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
    (state,) = reading.read_streams(uri, "it's", "state")
    assert state.ts_ns.tolist() == [10, 20, 30, 40]
    assert np.array_equal(state.values, [[1, 2], [3, 4], [5, 6], [7, 8]])
    assert (state.start_ns, state.end_ns, state.channels) == (10, 40, ("x", "y"))
    assert reading.read_streams(uri, "it's", "video") == ()


def test_the_content_digest_does_not_depend_on_order(tmp_path):
    digests = set()
    for turn, order in enumerate((("a", "b"), ("b", "a"))):
        media = datasets.dataset_uri(str(tmp_path / str(turn)), "demo", "media")
        streams = datasets.dataset_uri(str(tmp_path / str(turn)), "demo", "streams")
        datasets.create_dataset(media, MEDIA)
        datasets.create_dataset(streams, STREAMS)
        stored(media, NotedInMemory(), **{name: name.encode() * 2_500 for name in order})
        digests.add(reading.content_digest(media, streams))
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


def test_writing_to_a_full_disk_is_a_refusal_with_a_way_out():
    full = OSError(28, "No space left on device")
    with pytest.raises(LakeError, match="the disk is full") as refused, datasets.refusals("lake"):
        raise full
    assert refused.value.code == "DISK_FULL"
