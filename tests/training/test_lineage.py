"""The record that is kept: small for a long run, and it replays to the exact rows."""

import json

import numpy as np
import pytest

from tests.training.conftest import small
from training.checkpoint import RunRecord, cursors_of, lineage_doc
from training.config import config_doc
from training.sampler import Cursor, Segment, link, plan_order, replay, take
from training.windows import Span, Windows, WindowSpec

SOURCES = [f"source-{at:02d}" for at in range(20)]
WEIGHTS = {name: round(0.03 + 0.002 * at, 4) for at, name in enumerate(SOURCES)}
BATCH, STEPS = 4096, 250  # 1 024 000 samples


@pytest.fixture(scope="module")
def windows():
    spans = [
        Span(source_id=name, clip_id=f"{number:02d}{at:030x}", camera="", num_frames=300, row=at)
        for number, name in enumerate(SOURCES)
        for at in range(50)
    ]
    return Windows(spans=tuple(sorted(spans)), spec=WindowSpec(length=64, stride=8))


@pytest.fixture(scope="module")
def run(windows):
    """A run as its ranks would chain it: twenty revocations, fifty checkpoints."""
    plan = plan_order(windows, "a" * 64, 3)  # weights only add bytes to the record: they take long
    cursor, cursors, dead = Cursor(manifest="a" * 64, seed=3), [], windows.dead(())
    position, chain, subjects = 0, cursor.chain, []
    segments = [Segment(step=0, position=0, sequence=0, digest="b" * 64)]
    for step in range(STEPS):
        if step and step % 12 == 0 and len(segments) <= 20:
            at = len(segments)
            whole = at % 4 == 0
            subjects.append(
                f"source:{SOURCES[at - 1]}" if whole else f"clip:{at % 20:02d}{at:030x}"
            )
            ordered = tuple(sorted(subjects, key=lambda one: (not one.startswith("source:"), one)))
            segments.append(
                Segment(
                    step=step, position=position, sequence=at, digest=f"{at:064x}", subjects=ordered
                )
            )
            dead = windows.dead(subjects)
        ids, position = take(plan, position, size=BATCH, dead=dead)
        chain = link(chain, step, ids)
        if (step + 1) % 5 == 0:
            cursors.append(
                Cursor(
                    manifest="a" * 64,
                    seed=3,
                    step=step + 1,
                    position=position,
                    chain=chain,
                    segments=tuple(segments),
                )
            )
    return plan, cursors


def record(cursors):
    lost = [[7 * at, at, 31 * at, "DECODE_FAILED"] for at in range(50)]
    return RunRecord(
        manifest_digest="a" * 64,
        clearance_digest="c" * 64,
        request_digest="d" * 64,
        code_version="0.1.0",
        config=config_doc(small(batch=BATCH, steps=STEPS, weights=WEIGHTS)),
        seed=3,
        windows={"length": 64, "stride": 8, "count": 30_000},
        world=8,
        steps=STEPS,
        segments=tuple(cursors[-1].doc()["segments"]),
        attempts=tuple({"from_step": 190 * at, "world": 8, "reached": 199} for at in range(10)),
        checkpoints=tuple(
            {
                "step": one.step,
                "position": one.position,
                "chain": one.chain,
                "path": f"step-{one.step:08d}",
                "digest": one.chain,
            }
            for one in cursors
        ),
        losses={"tokenizer": (0.5, 0.1), "dynamics": (0.4, 0.01)},
        curve=tuple((31 * at, 0.123456) for at in range(64)),
        quarantined={"count": 50, "digest": "e" * 64, "first": lost},
        tokenizer_digest="f" * 64,
    )


def test_the_record_of_a_million_samples_is_under_ten_kilobytes_and_replays_exactly(windows, run):
    plan, cursors = run
    raw = json.dumps(lineage_doc(record(cursors)), separators=(",", ":"))
    read = cursors_of(json.loads(raw))

    assert cursors[-1].step * BATCH >= 1_000_000
    assert len(read) == 50
    assert len(read[-1].segments) == 21
    assert len(raw) < 10_000, len(raw)
    assert read == tuple(
        Cursor(
            manifest=one.manifest,
            seed=one.seed,
            step=one.step,
            position=one.position,
            chain=one.chain,
            segments=tuple(part for part in cursors[-1].segments if part.step <= one.step),
        )
        for one in cursors
    )
    gone = np.flatnonzero(windows.dead([f"source:{SOURCES[3]}"]))
    since = next(one.step for one in read[-1].segments if f"source:{SOURCES[3]}" in one.subjects)
    chains, chain = {one.step: one.chain for one in read}, Cursor(manifest="", seed=0).chain
    for step, ids in replay(plan, windows, read[-1], batch=BATCH):
        chain = link(chain, step, ids)
        assert chains.get(step + 1, chain) == chain
        assert not (step >= since and np.isin(ids, gone).any())
    assert chain == read[-1].chain


def test_a_revocation_that_is_taken_back_is_read_back(run):
    _, cursors = run
    first, *rest = cursors[-1].segments
    shrunk = (first, rest[3], rest[1])
    doc = record(cursors).doc()
    doc["segments"] = Cursor(manifest="a" * 64, seed=3, segments=shrunk).doc()["segments"]
    packed = lineage_doc(RunRecord(**doc))

    assert [len(one) for one in packed["segments"]] == [5, 5, 6]
    assert cursors_of(packed)[-1].segments == shrunk
