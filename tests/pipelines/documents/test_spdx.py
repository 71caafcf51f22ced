"""SPDX documents: valid for the shapes of the specification and its model, true to the facts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest
from license_expression import get_spdx_licensing

from pipelines.documents.facts import FileFact
from pipelines.documents.spdx import build
from pipelines.errors import ExportError
from tests.pipelines.documents.sets import AGREED, ARM, FILM, OPEN, a_set
from tests.pipelines.documents.validators import (
    ODD,
    RDFLIB,
    many_files,
    planned,
    spdx_faults,
    spdx_objects,
)

PACKAGE = {"builtTime", "originatedBy", "releaseTime", "software_downloadLocation"}

TAKEN = (  # the last element of each kind is spoiled
    ("CreationInfo", "created"),
    ("CreationInfo", "specVersion"),
    ("Relationship", "from"),
    ("Relationship", "to"),
    ("SpdxDocument", "creationInfo"),
    ("dataset_DatasetPackage", "dataset_datasetType"),
    ("simplelicensing_LicenseExpression", "simplelicensing_licenseExpression"),
    ("simplelicensing_SimpleLicensingText", "simplelicensing_licenseText"),
    ("software_File", "verifiedUsing/hashValue"),
)

pytestmark = RDFLIB


def concluded_as(name):
    """The film under a licence that was concluded to be this."""
    return replace(FILM, licences=(replace(OPEN, concluded=name),))


def document(facts):
    return json.loads(build(facts)["spdx3.json"])


def of_type(doc, name):
    return [one for one in doc["@graph"] if one["type"] == name]


def packages(doc):
    return {one["name"]: one for one in of_type(doc, "dataset_DatasetPackage")}


def related(doc, kind):
    """What each package, file or expression points at, by names."""
    named = {one["spdxId"]: one.get("simplelicensing_licenseExpression", one.get("name"))
             for one in doc["@graph"] if "spdxId" in one}  # fmt: skip
    return {
        named[one["from"]]: [named.get(each, each) for each in one["to"]]
        for one in of_type(doc, "Relationship")
        if one["relationshipType"] == kind
    }


@pytest.mark.parametrize("facts", [a_set(), planned()], ids=["set", "plan"])
def test_the_shapes_have_nothing_against_it(facts):
    assert spdx_faults(document(facts)) == ""


def test_the_model_reads_every_element_and_every_reference():
    raw = build(a_set())["spdx3.json"]
    found = spdx_objects(raw)

    assert found.missing_ids == set()
    assert {str(one._id) for one in found.foreach() if one._id} >= {
        one["spdxId"] for one in json.loads(raw)["@graph"] if "spdxId" in one
    }


def test_every_element_is_named_and_listed():
    doc = document(a_set())
    named = {one["spdxId"] for one in doc["@graph"] if one["type"] != "CreationInfo"}
    listed = of_type(doc, "SpdxDocument")[0]

    assert all(one.startswith("urn:uuid:") for one in named)
    assert {*listed["element"], listed["spdxId"]} == named
    assert len(named) == len(doc["@graph"]) - 1
    assert listed["profileConformance"] == ["core", "dataset", "simpleLicensing", "software"]
    assert listed["rootElement"] == [packages(doc)["demo@2"]["spdxId"]]


@pytest.mark.parametrize("name", ["demo@2", "arm", "film"])
def test_a_package_says_what_is_mandatory_for_a_data_set(name):
    found = packages(document(a_set()))[name]

    assert found.keys() >= PACKAGE
    assert found["software_primaryPurpose"] == "data"
    assert found["builtTime"] == "2026-05-01T00:00:00Z"
    assert len(found["originatedBy"]) == 1


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("operator.name", {"organisation": replace(a_set().organisation, name="")}),
        ("name", {"name": "\n"}),
        ("request.action", {"request": {}}),
        ("producer", {"producer": " "}),
        ("sources", {"sources": ()}),
        ("content_digest", {"content_digest": "ab"}),
        ("files.a.sha256", {"files": (FileFact(path="a", num_bytes=1, sha256="00"),)}),
        ("url", {"answers": {"url": "x y"}}),
        ("film.licence", {"sources": (concluded_as(""),)}),
        ("film.licence", {"sources": (concluded_as("NoSuchLicence-1.0"),)}),
        ("film.licence", {"sources": (concluded_as("MIT and GPL-2.0-only"),)}),
    ],
)  # fmt: skip
def test_a_mandatory_field_without_a_fact_is_refused(field, changes):
    with pytest.raises(ExportError, match="expected") as refused:
        build(a_set(**changes))

    assert refused.value.code == "DOCUMENT_FIELD_MISSING"
    assert refused.value.subject == field
    assert refused.value.way_out


@pytest.fixture(scope="module")
def spoiled():
    """What the shapes say when each of `TAKEN` is gone: the shapes take seconds, so all at once."""
    doc = document(a_set())
    for kind, field in TAKEN:
        own, (outer, _, inner) = of_type(doc, kind)[-1], field.partition("/")
        del (own[outer][0] if inner else own)[inner or outer]
    return spdx_faults(doc)


@pytest.mark.parametrize("field", [field for _, field in TAKEN])
def test_the_shapes_miss_what_is_taken_away(spoiled, field):
    path = field.rpartition("/")[2].rpartition("_")[2]

    missed = [each for each in spoiled.split("Constraint Violation") if "minCount" in each]
    assert [each for each in missed if re.search(rf"Result Path: \S*[:/]{path}\b", each)]


def test_the_bytes_are_those_on_record(golden):
    raw = build(a_set())

    assert raw == build(a_set(sources=(FILM, ARM), files=a_set().files[::-1]))
    golden("documents/spdx3.json", raw["spdx3.json"].decode())


def test_the_numbers_are_those_of_the_facts():
    facts = a_set()
    doc = document(facts)
    found = packages(doc)

    assert found["demo@2"]["dataset_datasetSize"] == facts.num_bytes
    assert found["demo@2"]["verifiedUsing"][0]["hashValue"] == facts.content_digest
    for one in facts.sources:
        own = found[one.source_id]
        assert own["dataset_datasetSize"] == one.num_bytes
        assert own["summary"] == f"{one.num_clips} clips in {one.num_rows} rows"
    assert {
        one["name"]: one["verifiedUsing"][0]["hashValue"] for one in of_type(doc, "software_File")
    } == {one.path: one.sha256 for one in facts.files}
    assert related(doc, "contains")["arm"] == ["data.lance/data/b.lance"]


def test_what_was_found_and_what_was_decided_stand_apart():
    doc = document(a_set())
    decided, found = related(doc, "hasConcludedLicense"), related(doc, "hasDeclaredLicense")
    texts = {
        one["name"]: one["simplelicensing_licenseText"]
        for one in of_type(doc, "simplelicensing_SimpleLicensingText")
    }

    assert decided["film"] == ["CC-BY-4.0"]
    assert found["film"] != decided["film"]
    assert texts[found["film"][0]] == OPEN.declared
    assert found["arm"] == decided["arm"] == [AGREED.concluded]
    assert AGREED.instrument in texts[AGREED.concluded]


def test_a_package_has_one_of_each_and_a_file_has_a_conclusion():
    doc = document(a_set())
    kinds = [(one["relationshipType"], one["from"]) for one in of_type(doc, "Relationship")]

    for one in of_type(doc, "dataset_DatasetPackage"):
        assert kinds.count(("hasConcludedLicense", one["spdxId"])) == 1
        assert kinds.count(("hasDeclaredLicense", one["spdxId"])) == 1
    assert related(doc, "hasConcludedLicense")["data.lance/data/a.lance"] == ["CC-BY-4.0"]


def test_two_licences_are_never_one():
    """The whole names both, and no package or file that holds both sources names one alone."""
    decided = related(document(a_set()), "hasConcludedLicense")
    both = ["CC-BY-4.0 AND LicenseRef-Pier-2026"]

    assert decided["demo@2"] == decided["data.lance/_versions/2.manifest"] == both


def test_a_choice_stays_a_choice_inside_the_whole():
    doc = document(a_set(sources=(concluded_as("MIT OR Apache-2.0"), ARM)))

    assert related(doc, "hasConcludedLicense")["demo@2"] == [
        "LicenseRef-Pier-2026 AND (MIT OR Apache-2.0)"
    ]


def test_every_expression_is_one_for_another_reader_and_explains_its_own_names():
    doc = document(a_set())
    texts = {one["spdxId"] for one in of_type(doc, "simplelicensing_SimpleLicensingText")}

    for one in of_type(doc, "simplelicensing_LicenseExpression"):
        info = get_spdx_licensing().validate(one["simplelicensing_licenseExpression"])
        own = {entry["key"] for entry in one.get("simplelicensing_customIdToUri", [])}
        assert set(info.invalid_symbols) == own
        assert all(name.startswith("LicenseRef-") for name in own)
        assert {e["value"] for e in one.get("simplelicensing_customIdToUri", [])} <= texts


def test_a_source_that_rests_on_no_licence_is_said_to_have_none():
    own = replace(FILM, licences=(), acquisition="own", duties=())
    doc = document(a_set(sources=(own,)))

    assert related(doc, "hasDeclaredLicense")["film"] == ["expandedlicensing_NoneLicense"]
    assert related(doc, "hasConcludedLicense")["film"] == ["expandedlicensing_NoAssertionLicense"]
    assert packages(doc)["film"]["originatedBy"] == packages(doc)["demo@2"]["originatedBy"]
    assert spdx_faults(doc) == ""


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ((FILM,), "no"),
        ((FILM, ARM), "yes"),
        ((FILM, replace(ARM, layers=())), "noAssertion"),
    ],
)
def test_persons_are_told_from_the_layers(sources, told):
    found = packages(document(a_set(sources=sources)))

    assert found["demo@2"]["dataset_hasSensitivePersonalInformation"] == told


def test_answers_have_their_places():
    answers = {"rai.dataBiases": "Mostly daylight.", "rai.dataCollection": "By hand.",
               "url": "https://example.org/demo"}  # fmt: skip
    found = packages(document(a_set(answers=answers)))["demo@2"]

    assert found["dataset_knownBias"] == ["Mostly daylight."]
    assert found["dataset_dataCollectionProcess"].endswith("By hand.")
    assert found["software_downloadLocation"] == "https://example.org/demo"
    assert "dataset_knownBias" not in packages(document(a_set()))["demo@2"]


def test_a_creator_is_named_where_the_licence_asks_for_it_alone():
    text = build(a_set())["spdx3.json"].decode()

    assert FILM.creator in text
    assert ARM.creator not in text
    assert AGREED.licensor not in text


def test_odd_strings_survive():
    organisation = replace(a_set().organisation, name=ODD)
    film = replace(FILM, source_id=ODD, title=ODD, credit=ODD, creator=ODD, link="https://机器人/x",
                   licences=(replace(OPEN, declared=ODD),))  # fmt: skip
    files = (FileFact(path=ODD, num_bytes=1, sha256="04" * 32, source_id=ODD),)
    doc = document(a_set(name=ODD, organisation=organisation, sources=(film, ARM), files=files))

    assert spdx_faults(doc) == ""
    assert of_type(doc, "Organization")[0]["name"] == ODD
    assert packages(doc)[ODD]["software_attributionText"] == [ODD]


def test_thousands_of_files_are_left_to_the_digest_of_the_whole():
    files = many_files()
    doc = document(a_set(files=files))

    assert not of_type(doc, "software_File")
    assert packages(doc)["demo@2"]["dataset_datasetSize"] == sum(one.num_bytes for one in files)
    assert sorted(related(doc, "contains")["demo@2"]) == ["arm", "film"]


def test_a_right_without_end_sets_no_day():
    found = packages(document(a_set(not_after=date(9999, 12, 31))))["demo@2"]

    assert "validUntilTime" not in found
    assert packages(document(a_set()))["demo@2"]["validUntilTime"] == "2035-01-01T00:00:00Z"
