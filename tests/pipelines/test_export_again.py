"""A second export takes over nothing whose inputs, code or bytes are not those of the first."""

from __future__ import annotations

from dataclasses import replace

import lance
import numpy as np
import pytest

from catalog import clips
from licensing.manifest import combine
from pipelines.export import export_set, planning
from pipelines.export.rendering import RENDERER
from pipelines.lake.datasets import dataset_uri
from pipelines.records import STREAMS, stream_rows
from pipelines.render import RenderSpec
from tests.pipelines.small_world import MIT, NOW, add_source, make_world, write, writing
from training.loader import read_index

SPEC = RenderSpec(width=32, height=32, fps=10)


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


def export(world):
    return export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=NOW)


def corrected(world, source, episodes, *, reader):
    """Read the numbers of a source differently: other rows under the same ids."""
    lance.dataset(dataset_uri(world.lake, source, "streams")).delete("true")
    for episode in episodes:
        *films, pad = episode.streams
        other = replace(pad, values=np.asarray(pad.values) * 2)
        again = replace(episode, reader=reader, streams=(*films, other))
        write(world, source, "streams", STREAMS, list(stream_rows(again, "again")))
        with writing(world) as session:
            (row,) = clips.episodes_with(session, [episode.episode_id])
            clips.record_episodes(session, [replace(row, reader=reader)], run_id="r", now=NOW)


def states_of(done, source):
    rows = read_index(f"{done.uri}/data.lance").to_pylist()
    return [value for one in rows if one["source_id"] == source for value in one["state"]]


@pytest.mark.parametrize("reader", ["test@1", "test@2"])
def test_rows_that_were_corrected_under_the_same_ids_are_rendered_anew(world, reader):
    episodes = add_source(world, "open", [MIT], seed=2)
    add_source(world, "still", [MIT], seed=5)
    first = export(world)

    corrected(world, "open", episodes, reader=reader)
    second = export(world)

    assert (second.version, second.shards_reused) == (2, 1)
    assert states_of(second, "open") == [2 * one for one in states_of(first, "open")]
    assert states_of(second, "still") == states_of(first, "still")


def test_a_source_that_another_reader_read_alike_is_rendered_anew(world):
    add_source(world, "open", [MIT])
    export(world)
    with writing(world) as session:
        (row,) = clips.episodes_of(session, "open")
        clips.record_episodes(session, [replace(row, reader="test@2")], run_id="r", now=NOW)
    assert (export(world).version, export(world).reused) == (2, True)


def test_what_other_code_rendered_is_rendered_anew(world, monkeypatch):
    add_source(world, "open", [MIT])
    export(world)
    monkeypatch.setattr(planning, "RENDERER", RENDERER + 1)
    second = export(world)
    assert (second.version, second.shards_reused) == (2, 0)


def test_a_change_of_what_is_rendered_raises_the_number_of_the_renderer(world, golden):
    add_source(world, "pad", [MIT], video=False)
    rows = read_index(f"{export(world).uri}/data.lance").to_pylist()
    numbers = combine(one["sha256"] for one in rows)  # pictures depend on the build of the encoder
    golden("export/renderer.txt", f"{RENDERER} {numbers}\n")
