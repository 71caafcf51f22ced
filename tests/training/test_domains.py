"""A source keeps its number, whatever else leaves the set."""

import json
from dataclasses import asdict

from training.loader import domains_of, shapes_from, shapes_of


def test_a_source_whose_clips_were_all_erased_keeps_its_number(cleared):
    layouts = dict(cleared.manifest["layouts"])
    gone = {"source_id": "acorn", "clip_id": "c", "num_frames": 20}
    del layouts["acorn"]
    successor = {**cleared.manifest, "layouts": layouts, "tombstones": [gone, gone]}

    assert domains_of(cleared.manifest) == domains_of(successor) == ("acorn", "birch")
    assert domains_of({**successor, "tombstones": []}) == ("birch",)


def test_shapes_come_back_from_a_checkpoint(cleared):
    shapes = shapes_of(cleared.manifest)

    assert shapes_from(json.loads(json.dumps(asdict(shapes)))) == shapes
    assert shapes.domains == ("acorn", "birch")
