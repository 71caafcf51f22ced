"""What a replay leaves out is sealed, and a seal alone is enough for one."""

import json
import shutil

import pytest

from tests.builders import NOW
from tests.training.conftest import KEYS, small
from tests.training.test_loop import Stop, half_broken, lines_of, stop_at, until_sealed
from training.checkpoint import SEAL, latest, lineage_doc, read_cursor
from training.errors import CheckpointError
from training.gate import check_again
from training.loop import Job, train
from training.loop.audit import exposures, seen
from training.loop.lost import LOST, read_lost
from training.loop.recalled import recall, recall_from

CONFIG = small(max_quarantined=1.0)


@pytest.fixture(scope="module")
def torn_set(cleared):
    """The set with every other clip that does not decode: each of a few steps loses windows."""
    return half_broken(cleared)


@pytest.fixture(scope="module")
def done(cleared, torn_set, tmp_path_factory):
    """A run that lost windows in steps before and after its first checkpoint."""
    folder = tmp_path_factory.mktemp("done")
    train(Job(config=CONFIG, cleared=torn_set, folder=folder), watch=standing(cleared))
    lost = read_lost(folder)
    assert min(lost)[0] < 4 <= max(lost)[0]
    return folder


@pytest.fixture
def run(done, tmp_path):
    """A copy of that run's folder, to be changed."""
    return shutil.copytree(done, tmp_path / "run")


def standing(cleared):
    return lambda seen: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=seen)


def note(folder, *lost):
    with (folder / LOST).open("a") as stream:
        stream.writelines(json.dumps(one) + "\n" for one in lost)


def refused(cleared, folder, step):
    path = folder / f"step-{step:08d}"
    with pytest.raises(CheckpointError) as one:
        lines_of(cleared, folder, step)
    with pytest.raises(CheckpointError) as other:
        exposures(cleared.index, cleared.manifest, recall(path), of=lambda *_: True, steps=[step])
    assert one.value.code == other.value.code
    return one.value.code


def test_lines_that_nobody_sealed_hide_no_window(cleared, run):
    before = lines_of(cleared, run, 8)
    note(run, *([one["step"], one["slot"], 0, "DECODE_FAILED"] for one in before))

    assert refused(cleared, run, 8) == "QUARANTINE_CHANGED"


def test_a_list_that_lacks_a_line_or_cannot_be_read_is_refused(cleared, run):
    whole = (run / LOST).read_text()
    (run / LOST).write_text("".join(whole.splitlines(keepends=True)[1:]))
    assert refused(cleared, run, 12) == "QUARANTINE_CHANGED"
    (run / LOST).write_text(whole + '{"step": 3}\n')
    assert refused(cleared, run, 12) == "QUARANTINE_CHANGED"
    (run / LOST).unlink()
    assert refused(cleared, run, 12) == "QUARANTINE_CHANGED"


def test_lines_of_later_steps_do_not_concern_an_earlier_checkpoint(cleared, run):
    lost = [one for one in read_lost(run) if one[0] < 4]
    before = lines_of(cleared, run, 4)
    note(run, [11, 3, 0, "DECODE_FAILED"])

    assert lines_of(cleared, run, 4) == before
    assert len(before) == 16 - len(lost)


def test_a_run_does_not_go_on_from_a_list_that_was_changed(torn_set, run, watch):
    note(run, [0, 0, 0, "DECODE_FAILED"])
    with pytest.raises(CheckpointError, match="not the list that step-00000012 sealed") as caught:
        train(Job(config=CONFIG, cleared=torn_set, folder=run), watch=watch)
    assert caught.value.code == "QUARANTINE_CHANGED"


def test_what_a_killed_attempt_lost_after_its_last_checkpoint_did_not_happen(
    cleared, torn_set, done, watch, tmp_path
):
    folder = tmp_path / "cut"
    with pytest.raises(Stop):
        train(
            Job(config=CONFIG, cleared=torn_set, folder=folder),
            watch=watch,
            progress=stop_at(7),
        )
    until_sealed(folder, 4)
    note(folder, [5, 0, 0, "DECODE_TIMEOUT"])  # as an attempt does that dies before it seals
    train(Job(config=CONFIG, cleared=torn_set, folder=folder), watch=watch)

    assert read_lost(folder) == read_lost(done)
    assert lines_of(cleared, folder, 12) == lines_of(cleared, done, 12)


def test_a_seal_from_before_lists_were_sealed_is_taken_where_nothing_was_lost(cleared, run):
    seal = run / "step-00000008" / SEAL
    doc = json.loads(seal.read_text())
    del doc["lost_digest"], doc["num_lost"]
    seal.write_text(json.dumps(doc))

    assert refused(cleared, run, 8) == "CHECKPOINT_OTHER_VERSION"
    (run / LOST).unlink()
    assert len(lines_of(cleared, run, 8)) == 32


def test_a_checkpoint_whose_weights_are_gone_is_still_replayed(cleared, watch, tmp_path):
    train(Job(config=small(keep_checkpoints=1), cleared=cleared, folder=tmp_path), watch=watch)
    thinned = tmp_path / "step-00000004"
    assert [one.name for one in thinned.iterdir()] == [SEAL]
    last = latest(tmp_path)
    assert last is not None

    assert read_cursor(thinned).seal.cursor.step == 4
    assert lines_of(cleared, tmp_path, 4) == lines_of(cleared, tmp_path, 12)[:16]


def test_a_record_replays_to_the_rows_of_the_seals(cleared, torn_set, run, watch):
    record = train(Job(config=CONFIG, cleared=torn_set, folder=run), watch=watch)
    doc = json.loads(json.dumps(lineage_doc(record)))
    assert doc["quarantined"]["count"] > 0
    for step in (4, 8, 12):
        told = seen(cleared.index, cleared.manifest, recall_from(doc, step, name="run"))
        assert list(told) == lines_of(cleared, run, step)


def test_a_record_that_does_not_reach_says_so(torn_set, run, watch):
    record = train(Job(config=CONFIG, cleared=torn_set, folder=run), watch=watch)
    doc = lineage_doc(record)
    lost = doc["quarantined"]
    first = {"DECODE_FAILED": sorted(lost["first"]["DECODE_FAILED"])[:-1]}
    silent = [
        (doc, 5),
        ({"stopped": "EXPIRED", "checkpoints": []}, 4),
        ({name: doc[name] for name in doc if name != "quarantined"}, 4),
        (doc | {"quarantined": lost | {"first": first}}, 12),
        (doc | {"quarantined": lost | {"first": first, "count": lost["count"] - 1}}, 12),
    ]
    for one, step in silent:
        with pytest.raises(CheckpointError) as caught:
            recall_from(one, step, name="run")
        assert caught.value.code == "CHECKPOINT_MISSING"


def test_a_list_that_cannot_be_written_stops_before_the_seal(torn_set, watch, tmp_path):
    (tmp_path / f"{LOST}.tmp").mkdir()
    with pytest.raises(CheckpointError, match="could not be written") as caught:
        train(Job(config=CONFIG, cleared=torn_set, folder=tmp_path), watch=watch)
    assert caught.value.code == "CHECKPOINT_WRITE_FAILED"
    assert latest(tmp_path) is None
