"""How measures are spread: every clip stands in one bar, and what no clip has is left out."""

import pyarrow as pa
import pytest

from pipelines.assess.spread import BARS, spreads
from pipelines.records import CLIPS, Clip, clip_rows
from tests.pipelines.places import a_home
from tests.pipelines.small_world import write


def measured(settings, blurs):
    """Clips of which each has this blur and no other measure."""
    clips = [
        Clip(
            clip_id=f"c{number:03}",
            source_id="films",
            episode_id="e",
            cut_id="fixed@1",
            start_ns=number,
            end_ns=number + 1,
            streams=("video",),
            split_group="e",
        )
        for number in range(len(blurs))
    ]
    rows = clip_rows(clips, "batch").to_pylist()
    told = [row | {"blur": blur} for row, blur in zip(rows, blurs, strict=True)]
    write(settings, "films", "clips", CLIPS, [pa.RecordBatch.from_pylist(told, schema=CLIPS)])


@pytest.mark.parametrize("blurs", [[float(n) for n in range(101)], [7.0, 7.0], [0.0, 3.0, 100.0]])
def test_every_clip_stands_in_one_bar_between_the_least_and_the_greatest(tmp_path, blurs):
    settings = a_home(tmp_path)
    measured(settings, [*blurs, None])

    (found,) = spreads("films", settings)

    assert (found.measure, found.num_clips) == ("blur", len(blurs))
    assert sum(found.bars) == len(blurs)
    assert len(found.bars) == (BARS if len(set(blurs)) > 1 else 1)
    assert (found.least, found.greatest) == (min(blurs), max(blurs))
    assert found.least <= found.p05 <= found.median <= found.p95 <= found.greatest
    assert found.bars[-1] > 0


def test_a_source_without_clips_has_none(tmp_path):
    assert list(spreads("films", a_home(tmp_path))) == []
