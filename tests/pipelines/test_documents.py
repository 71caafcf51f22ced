"""The documents of an export: what nobody answered is asked for, what disagrees fails."""

from __future__ import annotations

from pathlib import Path

import pytest

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
