"""Croissant documents: valid for the reference library, complete for ours, true to the facts."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from pipelines.documents.croissant import LIST, build
from pipelines.documents.croissant_context import CONTEXT, PREFIXES
from pipelines.documents.croissant_rai import MANY, ONE
from pipelines.documents.facts import ColumnFact, FileFact, hours_text
from pipelines.errors import ExportError
from tests.pipelines.documents.sets import AGREED, ARM, FILM, a_set
from tests.pipelines.documents.validators import (
    ODD,
    RDFLIB,
    croissant_faults,
    library_context,
    many_files,
    planned,
)

MANDATORY = (
    "@context", "@type", "citeAs", "conformsTo", "creator", "datePublished", "description",
    "distribution", "license", "name", "recordSet", "url", "version",
)  # fmt: skip

pytestmark = RDFLIB


def asked(**changes):
    """The facts for a request with other fields."""
    return a_set(request={**a_set().request, **changes})


def document(facts):
    return json.loads(build(facts)["croissant.json"])


def counted(thing):
    return {one["name"]: one["value"] for one in thing["additionalProperty"]}


@pytest.mark.parametrize("facts", [a_set(), planned()], ids=["set", "plan"])
def test_the_reference_library_has_nothing_against_it(facts):
    assert croissant_faults(document(facts)) == []


def test_every_mandatory_field_stands_there():
    doc = document(a_set())

    assert not [name for name in MANDATORY if not doc.get(name)]
    assert doc["conformsTo"] == [
        "http://mlcommons.org/croissant/1.1",
        "http://mlcommons.org/croissant/RAI/1.0",
    ]
    assert doc["datePublished"] == "2026-05-01"


def test_the_context_is_that_of_the_library_and_our_prefixes():
    assert {**library_context(), **PREFIXES} == CONTEXT


def test_every_term_is_declared():
    """The library accepts a prefix that nobody declared, which then means nothing."""
    known = {*CONTEXT, "http", "https", "urn"}

    names = set(_names(document(asked(commercial=False))))

    assert not sorted(name for name in names if ":" in name and name.partition(":")[0] not in known)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("operator.name", {"organisation": replace(a_set().organisation, name=" ")}),
        ("name", {"name": ""}),
        ("request.action", {"request": {"commercial": True}}),
        ("producer", {"producer": ""}),
        ("sources", {"sources": ()}),
        ("columns", {"columns": ()}),
        ("columns.odd", {"columns": (ColumnFact(name="odd", type="map<a, b>", says=""),)}),
        ("content_digest", {"content_digest": ""}),
        ("files.a.sha256", {"files": (FileFact(path="a", num_bytes=1, sha256=""),)}),
        ("url", {"answers": {"url": "our site"}}),
    ],
)
def test_a_mandatory_field_without_a_fact_is_refused(field, changes):
    with pytest.raises(ExportError, match="expected") as refused:
        build(a_set(**changes))

    assert refused.value.code == "DOCUMENT_FIELD_MISSING"
    assert refused.value.subject == field
    assert refused.value.way_out


@pytest.mark.parametrize(
    "path",
    [
        *((name,) for name in ("@type", "citeAs", "conformsTo", "datePublished", "distribution",
                               "license", "version")),
        ("distribution", 0, "sha256"),
        ("distribution", 0, "contentUrl"),
        ("distribution", -1, "includes"),
        ("recordSet", 0, "field", 0, "dataType"),
    ],
    ids=lambda path: "-".join(map(str, path)),
)  # fmt: skip
def test_the_library_misses_what_is_taken_away(path):
    doc = document(a_set())
    at = doc
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]

    assert croissant_faults(doc)


def test_the_bytes_are_those_on_record(golden):
    raw = build(a_set())

    assert raw == build(a_set(sources=(FILM, ARM), files=a_set().files[::-1]))
    golden("documents/croissant.json", raw["croissant.json"].decode())


def test_the_numbers_are_those_of_the_facts():
    facts = a_set()
    doc = document(facts)
    sources = {one["identifier"]: one for one in doc["prov:wasDerivedFrom"]}

    assert doc["contentSize"] == f"{facts.num_bytes} B"
    assert counted(doc) == {
        "clips": facts.num_clips, "rows": facts.num_rows, "frames": facts.num_frames,
        **{f"clips {name}": count for name, count in facts.splits.items()},
        **{f"hours {name}": hours_text(each) for name, each in facts.hours().items()},
    }  # fmt: skip
    for one in facts.sources:
        told = counted(sources[one.source_id])
        assert (told["clips"], told["rows"]) == (one.num_clips, one.num_rows)
        assert sources[one.source_id]["contentSize"] == f"{one.num_bytes} B"
    listed = {one["name"]: one for one in doc["distribution"] if "sha256" in one}
    assert {name: one["sha256"] for name, one in listed.items()} == {
        one.path: one.sha256 for one in facts.files
    }
    assert doc["rai:dataCollectionTimeframe"] == [day.isoformat() for day in facts.acquired]


def test_two_licences_are_two_and_an_agreement_points_to_the_notice():
    doc = document(a_set())

    assert doc["license"] == ["documents/NOTICE", FILM.licences[0].url]
    assert [one["license"] for one in doc["prov:wasDerivedFrom"]] == [
        ["documents/NOTICE"], [FILM.licences[0].url],
    ]  # fmt: skip


def test_an_address_that_is_none_is_no_licence_link():
    film = replace(FILM, licences=(replace(FILM.licences[0], url="see the site"),))

    assert document(a_set(sources=(film,)))["license"] == ["documents/NOTICE"]


def test_the_offer_is_the_use_that_was_cleared_and_bars_the_rest():
    offer = document(a_set())["usageInfo"]
    limits = offer["odrl:permission"]["odrl:constraint"]

    assert offer["@type"] == ["CreativeWork", "odrl:Offer"]
    assert offer["odrl:permission"]["odrl:action"]["name"] == "train_generative"
    assert [one["odrl:rightOperand"] for one in limits][:3] == [
        "world_model", "api", ["action", "state", "video"],
    ]  # fmt: skip
    assert limits[3]["odrl:rightOperand"]["@value"] == "2035-01-01"
    assert offer["odrl:prohibition"]["odrl:action"] == {"@id": "odrl:distribute"}


def test_each_kind_of_duty_is_owed_once_and_told_in_the_notices():
    film = replace(FILM, duties=("attribute", "keep-notice", "share-alike:CC-BY-SA-4.0"))
    duties = document(a_set(sources=(film, ARM)))["usageInfo"]["odrl:permission"]["odrl:duty"]

    assert [one["odrl:action"]["@id"].rpartition("/")[2] for one in duties] == [
        "odrl:attribute", "v1#contract-duties", "ns#Notice", "v1#limit-retention", "ns#ShareAlike",
    ]  # fmt: skip
    assert all(one["name"].endswith("see documents/NOTICE") for one in duties)


@pytest.mark.parametrize("commercial", [False, None])
def test_what_was_not_cleared_for_commerce_is_not_offered_for_it(commercial):
    doc = document(asked(commercial=commercial))

    limits = doc["usageInfo"]["odrl:permission"]["odrl:constraint"]
    assert {"@id": "duo:0000046"} in [one["odrl:rightOperand"] for one in limits]
    assert croissant_faults(doc) == []


def test_a_set_that_may_be_passed_on_is_not_barred_from_it():
    doc = document(asked(release="dataset"))

    assert "odrl:prohibition" not in doc["usageInfo"]


def test_answers_fill_what_no_fact_tells_and_nothing_else_is_said():
    before = {name for name in document(a_set()) if name.startswith("rai:")}
    answers = {f"rai.{name}": f"said of {name}" for name in ONE | MANY} | {"rai.made-up": "x"}
    doc = document(a_set(answers=answers))

    assert "rai:dataBiases" not in before
    assert {name for name in doc if name.startswith("rai:")} == {f"rai:{n}" for n in ONE | MANY}
    assert doc["rai:dataBiases"] == ["said of dataBiases"]
    assert doc["rai:dataCollection"].endswith("said of dataCollection")
    assert doc["rai:dataCollectionTimeframe"] == ["2026-02-10", "2026-04-05"]
    assert croissant_faults(doc) == []


def test_a_creator_is_named_where_the_licence_asks_for_it_alone():
    text = build(a_set())["croissant.json"].decode()

    assert FILM.credit in text
    assert ARM.creator not in text
    assert AGREED.licensor not in text


def test_odd_strings_survive():
    organisation = replace(a_set().organisation, name=ODD)
    film = replace(FILM, source_id=ODD, title=ODD, credit=ODD)
    files = (FileFact(path=f"data.lance/{ODD}", num_bytes=1, sha256="04" * 32, source_id=ODD),)
    facts = a_set(name=ODD, organisation=organisation, sources=(film, ARM), files=files,
                  answers={"description": ODD, "url": "https://example.org/机器人"})  # fmt: skip
    doc = document(facts)

    assert croissant_faults(doc) == []
    assert doc["creator"]["name"] == doc["description"] == ODD
    assert doc["distribution"][0]["name"] == files[0].path
    assert doc["citeAs"].count("{") == doc["citeAs"].count("}")


def test_thousands_of_files_are_listed_beside_the_document():
    files = many_files()
    raw = build(a_set(files=files))
    doc = json.loads(raw["croissant.json"])
    listed = [json.loads(line) for line in raw[LIST].splitlines()]

    assert [one["@type"] for one in doc["distribution"]] == ["cr:FileObject", "cr:FileSet"]
    assert doc["distribution"][0]["sha256"] == hashlib.sha256(raw[LIST]).hexdigest()
    assert doc["contentSize"] == f"{sum(one['bytes'] for one in listed)} B"
    assert {one["path"]: one["sha256"] for one in listed} == {one.path: one.sha256 for one in files}
    assert croissant_faults(doc) == []


def test_columns_of_a_training_set_have_types():
    from pipelines.lake.schemas import set_schema

    columns = tuple(
        ColumnFact(name=one.name, type=str(one.type), says=one.name) for one in set_schema()
    )
    doc = document(a_set(columns=columns))
    fields = {one["name"]: one for one in doc["recordSet"][0]["field"]}

    assert list(fields) == set_schema().names
    assert fields["media"]["dataType"] == "sc:VideoObject"
    assert (fields["action"]["dataType"], fields["action"]["isArray"]) == ("cr:Float32", True)
    assert doc["recordSet"][0]["key"] == [{"@id": "clips/clip_id"}, {"@id": "clips/camera"}]
    assert croissant_faults(doc) == []


def _names(value, key=""):
    """Every key, type and reference of a document."""
    if isinstance(value, dict):
        for name, each in value.items():
            if name != "@context":
                yield name
                yield from _names(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from _names(each, key)
    elif key in {"@id", "@type", "dataType"}:
        yield str(value)
