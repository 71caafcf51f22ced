"""The documents of an export: what nobody answered is asked for, what disagrees fails."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from catalog import rights
from pipelines.errors import ExportError
from pipelines.export import export_set
from pipelines.export.answering import answer, documents_of, missing_of, questions
from pipelines.render import RenderSpec
from tests.pipelines.small_world import (
    LATER,
    MIT,
    NOW,
    add_source,
    contract,
    make_world,
    writing,
)

SPEC = RenderSpec(width=32, height=32, fps=10)


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], seed=2)
    add_source(settings, "arm", [contract(end="2026-12-24")], seed=3)
    return settings


def export(world, now=NOW):
    return export_set(
        "demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=now
    )  # fmt: skip


def read(done, name):
    return Path(done.uri, "documents", name).read_text(encoding="utf-8")


def test_an_answer_is_recorded_written_down_and_taken_back(world):
    first = export(world)
    assert "Mostly night" not in read(first, "README.md")
    assert answer(world, {"rai.dataBiases": "Mostly night."}, now=NOW) == {
        "rai.dataBiases": "added"
    }
    assert answer(world, {"rai.dataBiases": "Mostly night."}, now=NOW) == {
        "rai.dataBiases": "unchanged"
    }
    second = export(world, now=LATER)
    assert second.version == 2
    assert "Mostly night" in read(second, "README.md")
    assert answer(world, {"rai.dataBiases": ""}, now=LATER) == {"rai.dataBiases": "changed"}
    assert "Mostly night" not in read(export(world, now=LATER), "README.md")


def test_an_answer_for_one_set_goes_before_that_for_all(world):
    answer(world, {"rai.dataBiases": "all"}, now=NOW)
    answer(world, {"rai.dataBiases": "own"}, set_name="demo", now=NOW)
    answer(world, {"rai.dataBiases": "other"}, set_name="else", now=NOW)
    found = {one.field: one.answer for one in questions(world, set_name="demo")}
    assert found["rai.dataBiases"] == "own"
    assert "Biases: own" in read(export(world), "README.md")


def test_a_field_that_no_document_asks_for_is_refused_with_the_nearest(world):
    with pytest.raises(ExportError, match=r"nearest field is rai\.dataBiases") as refused:
        answer(world, {"rai.dataBias": "x", "card.motivation": "y"}, now=NOW)
    assert refused.value.code == "ANSWER_UNKNOWN"
    assert not any(one.answer for one in questions(world))


def test_the_documents_are_listed_as_the_manifest_has_them(world):
    done = export(world)
    listed = {one.name: one for one in documents_of(world, done.set_id)}
    assert {"NOTICE", "notices.json", "README.md", "selection.json"} <= set(listed)
    for name, one in listed.items():
        assert len(Path(done.uri, "documents", name).read_bytes()) == one.num_bytes
    missing = {one.field for one in missing_of(world, done.set_id)}
    assert missing == {field for one in listed.values() for field in one.missing}


def test_without_the_operator_nothing_is_rendered(tmp_path):
    settings = make_world(tmp_path, operator="")
    add_source(settings, "open", [MIT])
    with pytest.raises(ExportError, match="no party `operator`") as refused:
        export(settings)
    assert refused.value.code == "DOCUMENT_FIELD_MISSING"
    assert not Path(settings.training_sets, "demo").exists()


def test_how_a_source_was_come_by_is_asked_for_before_rendering(tmp_path):
    settings = make_world(tmp_path)
    consent = {"layer": "voice", "basis": [{"type": "anonymised", "verified": True}], "signals": []}
    add_source(settings, "voices", [consent])
    with pytest.raises(ExportError, match="how it was come by") as refused:
        export(settings)
    assert refused.value.subject == "voices.acquisition"
    assert not Path(settings.training_sets, "demo").exists()


@pytest.fixture
def revised(world):
    """The second version of a set that lost a source, and its JSON documents by name."""
    add_source(world, "gone", [MIT], seed=7, now=NOW)
    export(world)
    with writing(world) as session:
        lost = next(one for one in rights.facts_of(session, "gone") if one.kind == "layer")
        rights.end_fact(
            session, lost.fact_id, at=date(2026, 12, 1), kind="taken_down", reason="x", now=NOW
        )
    done = export(world, now=LATER)
    names = ("croissant", "spdx3", "cyclonedx", "sourcing", "ab2013", "eu_summary", "art30",
             "gpai_copyright", "notices")  # fmt: skip
    return done, {name: json.loads(read(done, f"{name}.json")) for name in names}


def manifest_of(done):
    return json.loads(Path(done.uri, "manifest.json").read_bytes())


def items(docs):
    return {one["item"]: one["values"] for one in docs["ab2013"]["items"]}


def test_files_clips_rows_and_bytes_agree(revised):
    done, docs = revised
    manifest = manifest_of(done)
    data = [one for one in manifest["files"] if one["path"].startswith("data.lance/")]
    rows = sum(one["num_rows"] for one in manifest["shards"])
    files = [one for one in docs["croissant"]["distribution"] if "sha256" in one]
    assert {one["sha256"] for one in data} == {one["sha256"] for one in files}

    number = items(docs)[3]
    assert number["clips"] == done.num_clips == sum(one["num_clips"] for one in manifest["shards"])
    assert number["rows"] == rows
    assert number["bytes"] == sum(one["bytes"] for one in data)
    sizes = {one.get("dataset_datasetSize") for one in docs["spdx3"]["@graph"]}
    assert number["bytes"] in sizes
    assert f"{done.num_clips} clips in {rows} rows" in read(done, "README.md")


def test_licences_sources_and_duties_agree(revised):
    done, docs = revised
    sources = {one["source_id"] for one in manifest_of(done)["shards"]}
    assert sources == {"open", "arm"}
    licences = items(docs)[5]["licences"]
    assert licences == ["LicenseRef-agreement", "MIT"]
    for name in licences:
        for document in ("README.md", "spdx3.json", "cyclonedx.json", "sourcing.json"):
            assert name in read(done, document), (name, document)
    assert {one["source"] for one in docs["sourcing"]["sources"]} == sources
    assert {one["source"] for one in items(docs)[1]["sources"]} == sources
    parts = [docs["eu_summary"][number] for number in ("2.1", "2.2.1", "2.2.2", "2.3", "2.4",
             "2.5", "2.6")]  # fmt: skip
    assert sorted(name for one in parts for name in one.get("sources", ())) == sorted(sources)
    owed = {(one["source"], one["duty"]) for one in docs["notices"]}
    assert owed == {("open", "keep-notice"), ("arm", "contract-duties")}


def test_a_source_that_was_lost_is_in_no_document(revised):
    done, docs = revised
    for name in docs:
        assert "gone (fictional)" not in read(done, f"{name}.json"), name
    assert manifest_of(done)["predecessor"] in read(done, "README.md")
