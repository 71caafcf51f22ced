"""The lake: written by workers, committed once, read back exactly."""

from __future__ import annotations

from dataclasses import replace

import lance
import pyarrow as pa
import pytest
from lance import LanceOperation, Transaction

from pipelines.errors import LakeError
from pipelines.lake import commits, datasets, measures, reading
from pipelines.lake.schemas import MEDIA
from pipelines.lake.writing import write_fragments
from pipelines.records import CLIPS, Clip, clip_rows
from tests.pipelines.lakes import NotedInMemory, pieces


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


def test_writing_to_a_full_disk_is_a_refusal_with_a_way_out():
    full = OSError(28, "No space left on device")
    with pytest.raises(LakeError, match="the disk is full") as refused, datasets.refusals("lake"):
        raise full
    assert refused.value.code == "DISK_FULL"
