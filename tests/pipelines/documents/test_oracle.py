"""Our summary and disclosure against corpuscard, which wrote the same forms on its own."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from corpuscard.render_ab2013 import render_ab2013
from corpuscard.schema import TrainingSummary
from corpuscard.validate import validate
from pydantic import ValidationError

from pipelines.documents import ab2013, eu_summary
from tests.pipelines.documents.answered import answered
from tests.pipelines.documents.sets import ARM
from tests.pipelines.documents.test_eu_summary import FULL

COMPUTED = replace(ARM, modality="synthetic")
CASES = {
    "two sources": answered(),
    "all parts": FULL,
    "computed": replace(FULL, sources=(COMPUTED,)),
}


@pytest.mark.parametrize("name", CASES)
def test_the_other_schema_and_its_checks_take_our_summary(name):
    facts = CASES[name]
    summary = TrainingSummary.model_validate(_summary(facts))

    assert [one for one in validate(summary, today=facts.valid) if one.level == "error"] == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda doc: doc["general_information"]["provider_identification"].clear(),
        lambda doc: doc["general_information"]["model_identification"].clear(),
        lambda doc: doc["general_information"]["modalities"].clear(),
        lambda doc: doc["general_information"]["modalities"][0].update(size_range="some hours"),
        lambda doc: doc["general_information"].pop("continuously_trained_on_new_data"),
        lambda doc: doc["data_processing_aspects"]["tdm_reservation_respect"].clear(),
        lambda doc: doc.pop("last_update"),
    ],
)
def test_the_other_schema_sees_what_is_wrong(spoil):
    doc = _summary(FULL)
    spoil(doc)

    with pytest.raises(ValidationError):
        TrainingSummary.model_validate(doc)


def test_the_other_check_asks_for_the_domains_of_what_was_crawled():
    doc = _summary(FULL)
    doc["data_sources"]["crawled_data"]["top_domains_summary"] = None
    found = validate(TrainingSummary.model_validate(doc), today=FULL.valid)

    assert [one.section for one in found if one.level == "error"] == ["2.3"]


@pytest.mark.parametrize("name", CASES)
def test_both_number_the_twelve_items_alike_and_agree_on_yes_and_no(name):
    facts = CASES[name]
    ours = ab2013.build(facts, draft=False)["ab2013.md"].decode()
    theirs = render_ab2013(TrainingSummary.model_validate(_summary(facts)))
    values = {one["item"]: one["values"] for one in _disclosure(facts)["items"]}

    assert _numbers(ours) == _numbers(theirs) == list(range(1, 13))
    for item, said in (
        (6, values[6]["licensed"]),
        (7, values[7]["personal_information"]),
        (8, values[8]["aggregate_consumer_information"]),
        (12, values[12]["synthetic"]),
    ):
        assert _part(theirs, item).startswith("Yes") == said, item


def _summary(facts):
    """Our summary in the words of the other schema."""
    doc = json.loads(eu_summary.build(facts, draft=False)["eu_summary.json"])
    disclosed = {one["item"]: one for one in _disclosure(facts)["items"]}
    return {
        "version": doc["head"]["version"],
        "last_update": doc["head"]["last_update"],
        "general_information": _general(doc),
        "data_sources": _sources(doc),
        "data_processing_aspects": {
            "tdm_reservation_respect": {
                "is_code_of_practice_signatory": doc["3.1"]["code_signatory"],
                "measures_description": doc["3.1"]["measures"],
            },
            "illegal_content_removal": {"measures_description": doc["3.2"]["illegal_content"]},
        },
        "ab2013": {
            "intended_purpose_description": disclosed[2]["says"][0],
            "ip_status": {
                "includes_copyrighted_content": disclosed[5]["values"]["copyright"],
                "includes_trademarked_content": disclosed[5]["values"]["trademark"],
                "includes_patented_content": disclosed[5]["values"]["patent"],
                "includes_public_domain_content": False,
            },
            "includes_personal_information": disclosed[7]["values"]["personal_information"],
            "includes_aggregate_consumer_information": (
                disclosed[8]["values"]["aggregate_consumer_information"]
            ),
            "data_cleaning_description": disclosed[9]["says"][0],
            "first_used_in_development_date": disclosed[11]["says"][0],
        },
    }


def _general(doc):
    return {
        "provider_identification": {
            "provider_name_and_contact": (
                f"{doc['1.1']['provider_name']}, {doc['1.1']['provider_contact']}"
            ),
            "authorised_representative_name_and_contact": doc["1.1"].get("representative"),
        },
        "model_identification": {
            "versioned_model_names": [doc["1.2"]["model_names"]],
            "model_dependencies": doc["1.2"]["dependencies"],
            "date_of_placement_on_union_market": doc["1.2"]["placed_on_market"],
        },
        "modalities": [
            {
                "modality": one["modality"],
                "other_modality_name": one.get("name"),
                "size_range": _sentence(one["size_range"]) if "size_range" in one else None,
                "custom_size_value": one["size"],
                "custom_size_unit": one["unit"],
                "types_of_content": one["types_of_content"],
            }
            for one in doc["1.3"]["modalities"]
        ],
        "latest_data_collection_date": doc["1.3"]["latest_acquisition"],
        "continuously_trained_on_new_data": doc["1.3"]["continuously_trained"],
        "linguistic_characteristics": doc["1.3"]["linguistic"],
    }


def _sources(doc):
    crawled = doc["2.3"]
    return {
        "publicly_available_datasets": {
            "used": doc["2.1"]["used"],
            "modalities_covered": doc["2.1"]["modalities"],
            "large_datasets": [
                {
                    "identifier_or_name": one["name"],
                    "link": one.get("link"),
                    "description": one["description"],
                    "collection_start_date": one["from"],
                    "collection_end_date": one["to"],
                }
                for one in doc["2.1"].get("large", ())
            ],
        },
        "private_third_party_datasets": {
            "licensed": {
                "has_licensing_agreements": doc["2.2.1"]["used"],
                "modalities_covered": doc["2.2.1"]["modalities"],
            },
            "other_third_party": {
                "obtained": doc["2.2.2"]["used"],
                "modalities_covered": doc["2.2.2"]["modalities"],
                "general_description": doc["2.2.2"].get("description"),
            },
        },
        "crawled_data": {
            "crawlers_used": crawled["used"],
            "crawler_names": [crawled["crawlers"]] if crawled["used"] else [],
            "crawler_purposes": crawled.get("purposes"),
            "crawler_behaviour_description": crawled.get("behaviour"),
            "collection_period_start": crawled.get("from"),
            "collection_period_end": crawled.get("to"),
            "content_and_sources_description": crawled.get("content"),
            "modalities_covered": crawled["modalities"],
            "top_domains_summary": ", ".join(crawled.get("top_domains", ())) or None,
        },
        "user_data": {
            "model_interaction_data_used": doc["2.4"]["model_interactions"],
            "other_product_interaction_data_used": doc["2.4"]["other_products"],
            "services_or_products_description": doc["2.4"].get("products"),
            "modalities_covered": doc["2.4"]["modalities"],
        },
        "synthetic_data": {
            "used": doc["2.5"]["used"],
            "modalities_covered": doc["2.5"]["modalities"],
            "other_generating_models_description": doc["2.5"].get("own_models"),
        },
        "other_sources": {
            "used": doc["2.6"]["used"],
            "description": doc["2.6"].get("description"),
        },
    }


def _disclosure(facts):
    return json.loads(ab2013.build(facts, draft=False)["ab2013.json"])


def _sentence(text):
    return text[0].upper() + text[1:]


def _numbers(page):
    return [int(number) for number in re.findall(r"^## (\d+)\. ", page, re.MULTILINE)]


def _part(page, item):
    return page.split(f"\n## {item}. ")[1].split("\n\n")[1]
