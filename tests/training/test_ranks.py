"""Two ranks on gloo, without Ray: what one is told, both do."""

from dataclasses import replace

import pytest

from tests.builders import NOW, publish_revocations, revoked, tiny_training_set
from tests.training.conftest import KEYS, opened, small
from tests.training.ranks import run_ranks, training_rank
from tests.training.test_loop import half_broken, lines_of
from training.checkpoint import checkpoints
from training.gate import check_again
from training.loop import Job, train
from training.loop.audit import seen
from training.loop.lost import read_lost
from training.loop.recalled import recall

pytestmark = pytest.mark.slow


def source_revoked(rank, done, home):
    if rank == 0 and done == 6:
        publish_revocations(home, sequence=1, entries=[revoked("source", "acorn")])


def set_revoked(rank, done, home):
    if rank == 0 and done == 6:
        entry = revoked("set", opened(home).manifest_digest)
        publish_revocations(home, sequence=1, entries=[entry])


def rank_with_wrong_bytes(*, rank, folder, home, **_told):
    """Only rank 1 reads bytes that are not those of the manifest."""
    cleared = opened(home)
    if rank == 1:
        digests = [one and ["0" * 64] * 2 for one in cleared.index.column("gop_sha256").to_pylist()]
        at = cleared.index.column_names.index("gop_sha256")
        index = cleared.index.set_column(at, "gop_sha256", [digests])
        cleared = replace(cleared, index=index)
    train(
        Job(config=small(), cleared=cleared, folder=folder / "run"),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
    )


def job_with_broken_clips(home, folder):
    cleared = opened(home)
    config = small(max_quarantined=1.0)
    return Job(config=config, cleared=half_broken(cleared), folder=folder / "run")


def rank_with_broken_clips(*, folder, home, **_told):
    job = job_with_broken_clips(home, folder)
    train(job, watch=lambda at: check_again(job.cleared, keys=KEYS, now=NOW, seen_sequence=at))


def test_what_either_rank_lost_is_sealed(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    (tmp_path / "one").mkdir()
    rank_with_broken_clips(folder=tmp_path / "one", home=home)

    two = tmp_path / "two"
    assert run_ranks(rank_with_broken_clips, two, world=2, home=home) == ["ended"] * 2
    lost = read_lost(two / "run")
    assert lost == read_lost(tmp_path / "one" / "run")
    assert {slot % 2 for _, slot, _, _ in lost} == {0, 1}
    for step in (4, 8, 12):
        own = [one for one in lost if one[0] < step]
        assert len(lines_of(opened(home), two / "run", step)) == 4 * step - len(own)


def test_ranks_agree_on_order_and_revocation(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)
    one = train(
        Job(config=small(), cleared=cleared, folder=tmp_path / "one"),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
    )
    told = {"home": home, "changes": {}}

    assert run_ranks(training_rank, tmp_path / "two", world=2, **told) == ["ended"] * 2
    two = checkpoints(tmp_path / "two" / "run")
    assert [line["chain"] for line in two] == [line["chain"] for line in one.checkpoints]

    told["story"] = source_revoked
    assert run_ranks(training_rank, tmp_path / "revoked", world=2, **told) == ["ended"] * 2
    run = tmp_path / "revoked" / "run"
    lines = list(seen(cleared.index, cleared.manifest, recall(run / "step-00000012")))
    assert {line["source"] for line in lines if line["step"] < 8} == {"acorn", "birch"}
    assert {line["source"] for line in lines if line["step"] >= 8} == {"birch"}


def test_a_set_that_is_revoked_stops_both(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    told = {"home": home, "changes": {}, "story": set_revoked}

    assert run_ranks(training_rank, tmp_path / "run", world=2, **told) == ["SET_REVOKED"] * 2


def test_wrong_bytes_on_one_rank_stop_both(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)

    said = run_ranks(rank_with_wrong_bytes, tmp_path / "run", world=2, home=home)

    assert said == ["MEDIA_CHANGED"] * 2
