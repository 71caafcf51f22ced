"""A training set owes for the clips that are in it: a part that was left out whole owes nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from licensing.manifest import open_clearance
from pipelines.export import export_set
from pipelines.export.mixture import read_mixture
from pipelines.export.renewal import renew
from pipelines.keys import trusted_publics
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import read_file
from pipelines.render import RenderSpec
from tests.pipelines.small_world import (
    MIT,
    NOW,
    add_source,
    make_world,
    replace_media,
)
from training.gate import verify_training_set

BY = MIT | {"basis": [{"type": "public_licence", "id": "CC-BY-4.0", "grade": "E2"}]}
DAY = timedelta(days=1)


def test_a_recording_that_could_not_be_rendered_adds_no_duty(tmp_path):
    world = make_world(tmp_path)
    _, torn = add_source(world, "alder", [MIT], episodes=2, seed=1)
    add_source(world, "birch", [BY], seed=2)  # the bytes of alder's second recording
    raw = read_file(dataset_uri(world.lake, "alder", "media"), torn.files[0])

    def export(now):
        return export_set(
            "demo", "commercial", world, spec=RenderSpec(width=32, height=32), at_once=0,
            run_id="test", now=now, mixture=read_mixture(["alder"]),
        )  # fmt: skip

    def owed(done, now):
        """The duties by the notices, with their clips, and by the clearance."""
        public = trusted_publics(world)
        verify_training_set(done.uri, public, now=now)
        notices = json.loads(Path(done.uri, "documents/notices.json").read_bytes())
        paper = open_clearance(Path(done.uri, "clearance.dsse.json").read_bytes(), public)
        said = paper.predicate["obligations"]
        return sorted((one["duty"], one["clips"]) for one in notices), sorted(said)

    replace_media(world, "alder", torn.files[0], raw[:64] + bytes(len(raw) - 64))
    first = export(NOW)
    assert (first.num_clips, first.left_out) == (3, 3)
    alone = ([("keep-notice", 3)], ["keep-notice"])
    assert owed(first, NOW) == alone
    renew(first.set_id, world, now=NOW + DAY)
    assert owed(first, NOW + DAY) == alone
    assert export(NOW + 2.5 * DAY).renewed  # tried again in vain, and its clearance had lapsed
    assert owed(first, NOW + 2.5 * DAY) == alone

    replace_media(world, "alder", torn.files[0], raw)
    whole = export(NOW + 3 * DAY)
    assert (whole.version, whole.num_clips, whole.left_out) == (2, 6, 0)
    duties = {"keep-notice", "attribute:dataset-link"}
    told, said = owed(whole, NOW + 3 * DAY)
    assert set(said) == {duty for duty, _ in told} == duties
    assert sum(clips for duty, clips in told if duty == "keep-notice") == whole.num_clips
