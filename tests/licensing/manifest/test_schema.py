"""The manifest: what is written is read back, what is odd or contradicts itself is refused."""

import json

import pytest

from licensing import manifest as papers
from licensing.errors import PaperError
from tests import builders
from tests.licensing.refusals import code_of


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return builders.read_manifest(builders.tiny_training_set(tmp_path_factory.mktemp("set")))


def test_a_written_manifest_is_read_back(written):
    assert papers.open_manifest(papers.canonical(written)) == written


def _first(doc, field, **changes):
    return {field: [doc[field][0] | changes, *doc[field][1:]]}


WRONG_MANIFESTS = {
    "a field missing": lambda doc: doc.pop("render"),
    "a field too many": lambda doc: doc.update(colour="red"),
    "version as text": lambda doc: doc.update(version="1"),
    "version zero": lambda doc: doc.update(version=0),
    "version true": lambda doc: doc.update(version=True),
    "a short digest": lambda doc: doc.update(content_digest="ab"),
    "a day that is none": lambda doc: doc.update(not_after="2026-02-30"),
    "a day with a time": lambda doc: doc.update(not_after="2026-02-03T00:00:00Z"),
    "a day that is a number": lambda doc: doc.update(not_after=20260203),
    "a list for an object": lambda doc: doc.update(splits=[]),
    "files unsorted": lambda doc: doc["files"].reverse(),
    "a file twice": lambda doc: doc["files"].insert(0, doc["files"][0]),
    "a path upwards": lambda doc: doc.update(_first(doc, "files", path="../x")),
    "a path from the root": lambda doc: doc.update(_first(doc, "files", path="/x")),
    "a path with backslash": lambda doc: doc.update(_first(doc, "files", path="a\\b")),
    "a paper as a file": lambda doc: doc.update(_first(doc, "files", path="clearance.dsse.json")),
    "a file of no object": lambda doc: doc.update(files=[1]),
    "data elsewhere": lambda doc: doc.update(data={"path": "other.lance", "version": 1}),
    "no shard": lambda doc: doc.update(shards=[], splits={"train": 0, "val": 0, "test": 0}),
    "shards unsorted": lambda doc: doc["shards"].reverse(),
    "splits that do not add up": lambda doc: doc["splits"].update(test=1),
    "a mean that is text": lambda doc: doc.update(_first(doc, "channels", mean="0")),
    "a channel of another kind": lambda doc: doc.update(_first(doc, "channels", kind="sound")),
    "a channel number twice": lambda doc: doc["channels"].append(doc["channels"][0]),
    "a layout of no source": lambda doc: doc["layouts"].update(oak={"action": [], "state": []}),
    "a layout of no channel": lambda doc: doc["layouts"]["acorn"].update(action=[9]),
    "a layout with text": lambda doc: doc["layouts"]["acorn"].update(state=["0"]),
    "another request": lambda doc: doc["request"].update(commercial=False),
    "no request": lambda doc: doc.update(request={"action": "fly"}),
    "a tombstone of no clip": lambda doc: doc["tombstones"].append({"clip_id": "a"}),
}


@pytest.mark.parametrize("harm", WRONG_MANIFESTS.values(), ids=WRONG_MANIFESTS)
def test_a_manifest_that_is_odd_or_contradicts_itself_is_refused(written, harm):
    doc = json.loads(papers.canonical(written))
    harm(doc)

    assert code_of(papers.open_manifest, papers.canonical(doc)) == "MANIFEST_MALFORMED"


@pytest.mark.parametrize("doc", [[], 1, None])
def test_a_manifest_is_an_object(doc):
    assert code_of(papers.check_manifest, doc) == "MANIFEST_MALFORMED"


def test_a_manifest_of_another_schema_is_not_guessed_at(written):
    assert code_of(papers.check_manifest, written | {"schema": "x"}) == "SCHEMA_UNKNOWN"


def test_a_refusal_names_the_field_and_cuts_long_values(written):
    with pytest.raises(PaperError, match=r"manifest\.name is \[.*\.\.\.") as caught:
        papers.check_manifest(written | {"name": list(range(100))})

    assert caught.value.subject == "manifest.name"
