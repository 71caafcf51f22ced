"""A second export takes over nothing whose inputs, code or bytes are not those of the first."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import lance
import numpy as np
import pytest

from catalog import clips
from licensing.manifest import combine
from licensing.request import read_request
from pipelines.export import export_set, planning
from pipelines.export.comparing import compare_sets
from pipelines.export.rendering import RENDERER, read_left_out
from pipelines.keys import trusted_publics
from pipelines.lake.datasets import dataset_uri
from pipelines.records import STREAMS, stream_rows
from pipelines.render import RenderSpec
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NOW,
    add_source,
    damage,
    make_world,
    write,
    writing,
)
from training.gate import open_training_set
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


def selection_of(done):
    return json.loads(Path(done.uri, "documents/selection.json").read_bytes())


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


def test_a_clip_that_could_not_be_rendered_is_tried_again(world):
    (episode,) = add_source(world, "open", [MIT], seed=2)
    add_source(world, "still", [MIT], seed=5)
    mend = damage(world, "open", episode, 0)
    first = export(world)
    assert 0 < first.left_out < 3
    assert first.num_clips == 6 - first.left_out

    vain = export(world)
    assert (vain.version, vain.reused, vain.left_out) == (1, True, first.left_out)
    assert not Path(world.training_sets, "demo/2").exists()

    mend()
    second = export(world)
    assert (second.version, second.left_out, second.num_clips) == (2, 0, 6)
    assert second.shards_reused == 1
    found = {
        (one.source, one.change): one for one in compare_sets(world, "demo@1", "demo@2").changes
    }
    assert found["open", "came"].clips == first.left_out
    assert found["open", "came"].why == "RENDER_FAILED"
    assert export(world).reused


def test_a_clip_that_lacks_cameras_is_counted_once(world):
    (episode,) = add_source(world, "open", [MIT], cameras=("front", "left", "wrist"))
    damage(world, "open", episode, 1)
    damage(world, "open", episode, 2)
    done = export(world)
    lost = selection_of(done)["left_out"]
    assert done.left_out == len(lost) == len({one["clip_id"] for one in lost}) > 0
    assert {tuple(one["cameras"]) for one in lost} == {("left", "wrist")}
    assert {(tuple(one["codes"]), one["in_part"]) for one in lost} == {(("RENDER_FAILED",), True)}
    assert done.num_clips == 3
    assert selection_of(done)["shards"] == {}
    form = json.loads(Path(done.uri, "documents/ab2013.json").read_bytes())
    assert {"RENDER_FAILED of some cameras": done.left_out} in list(found(form, "left_out"))


def test_a_selection_that_names_each_camera_is_still_read():
    said = {"clip_id": "c1", "camera": "front", "code": "RENDER_FAILED", "why": "cut off"}
    (one,) = read_left_out({"left_out": [said]})
    assert (one.cameras, one.codes, one.reason) == (("front",), ("RENDER_FAILED",), one.codes[0])


def found(value, name):
    """Every value of that name in a document."""
    named = value if isinstance(value, dict) else {}
    yield from (one for key, one in named.items() if key == name)
    for one in named.values() if named else value if isinstance(value, list) else ():
        yield from found(one, name)


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [Path.unlink, emptied], ids=["missing", "short"])
@pytest.mark.parametrize("what", ["data.lance/data/**/*.lance", "documents/NOTICE"])
def test_a_set_that_lacks_a_file_is_made_again(world, harm, what):
    add_source(world, "open", [MIT])
    first = export(world)
    harm(next(Path(first.uri).glob(what)))
    later = NOW + timedelta(hours=1)
    second = export_set(
        "demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=later
    )  # fmt: skip
    assert (second.version, second.reused) == (2, False)
    assert second.content_digest == first.content_digest
    open_training_set(
        second.uri, read_request(COMMERCIAL), keys=trusted_publics(world), now=later
    )  # fmt: skip
