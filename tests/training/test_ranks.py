"""Two ranks on gloo, without Ray: what one is told, both do."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from tests.builders import NOW, publish_revocations, revoked, tiny_training_set
from tests.training.conftest import KEYS, opened, small
from training.checkpoint import checkpoints, latest, load
from training.errors import LoaderError, Refused
from training.gate import check_again
from training.loader import shapes_of
from training.loop import Job, train
from training.loop.audit import seen
from training.model.world import weights_digest, world_of

pytestmark = pytest.mark.slow
WORLD = 2
ROOT = Path(__file__).parent.parent.parent


def rank_main(number, home, folder, story):
    """One rank of a run; writes how it ended."""
    rank, home, folder = int(number), Path(home), Path(folder)
    torch.set_num_threads(1)
    store = f"file://{folder / 'store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD)
    cleared = opened(home)
    if story == "media" and rank == 1:  # only this rank's bytes are wrong
        digests = [one and ["0" * 64] * 2 for one in cleared.index.column("gop_sha256").to_pylist()]
        at = cleared.index.column_names.index("gop_sha256")
        index = cleared.index.set_column(at, "gop_sha256", [digests])
        cleared = replace(cleared, index=index)

    def progress(_what, done, _total):
        if rank == 0 and done == 6 and story in {"source", "set"}:
            subject = "acorn" if story == "source" else cleared.manifest_digest
            publish_revocations(home, sequence=1, entries=[revoked(story, subject)])

    try:
        train(
            Job(config=small(), cleared=cleared, folder=folder),
            watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
            progress=progress,
        )
        ended = "ended"
    except (Refused, LoaderError) as error:
        ended = error.code
    (folder / f"rank-{rank}.json").write_text(json.dumps(ended))
    dist.destroy_process_group()


def run(tmp_path, home, name, story):
    """Run two ranks to their end; how each of them ended."""
    folder = tmp_path / name
    folder.mkdir()
    code = "import sys; from tests.training.test_ranks import rank_main; rank_main(*sys.argv[1:])"
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(at), str(home), str(folder), story], cwd=ROOT
        )
        for at in range(WORLD)
    ]
    assert [one.wait(100) for one in ranks] == [0, 0]
    return [json.loads((folder / f"rank-{at}.json").read_text()) for at in range(WORLD)]


def weights(cleared, folder):
    """Digest of the last weights of a run of two ranks, read back by one."""
    model = world_of(small(), shapes_of(cleared.manifest))
    last = latest(folder)
    assert last is not None
    load(last, model, manifest_digest=cleared.manifest_digest)
    return weights_digest(model)


def test_ranks_agree_on_order_bits_and_revocation(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)
    one = train(
        Job(config=small(), cleared=cleared, folder=tmp_path / "one"),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
    )

    assert run(tmp_path, home, "two", "plain") == ["ended", "ended"]
    assert run(tmp_path, home, "again", "plain") == ["ended", "ended"]
    two, again = checkpoints(tmp_path / "two"), checkpoints(tmp_path / "again")
    assert [line["chain"] for line in two] == [line["chain"] for line in one.checkpoints]
    assert [line["chain"] for line in two] == [line["chain"] for line in again]
    assert weights(cleared, tmp_path / "two") == weights(cleared, tmp_path / "again")

    assert run(tmp_path, home, "revoked", "source") == ["ended", "ended"]
    lines = list(seen(cleared.index, cleared.manifest, tmp_path / "revoked" / "step-00000012"))
    assert {line["source"] for line in lines if line["step"] < 8} == {"acorn", "birch"}
    assert {line["source"] for line in lines if line["step"] >= 8} == {"birch"}


@pytest.mark.parametrize(("story", "code"), [("set", "SET_REVOKED"), ("media", "MEDIA_CHANGED")])
def test_what_stops_one_rank_stops_both(tmp_path, story, code):
    home = tiny_training_set(tmp_path, num_clips=6)

    assert run(tmp_path, home, "run", story) == [code, code]
