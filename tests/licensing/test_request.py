"""Requests: reading, defaults, digests, and what lies inside what."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from licensing.errors import BadCase
from licensing.request import not_covered, read_request, request_digest, request_doc, undated

HOSTED = {"action": "train_generative", "commercial": True, "release": "api", "at": "2026-12-01"}


def test_the_usual_operation_follows_the_action():
    ops = {
        action: read_request({"action": action, "commercial": None}).op
        for action in ("train", "publish_dataset", "ingest", "use")
    }
    assert ops == {
        "train": "train",
        "publish_dataset": "adaptation",
        "ingest": "copy",
        "use": "adaptation",
    }


def test_a_request_survives_writing_and_reading():
    request = read_request(HOSTED | {"territory": ["US", "EU", "US"], "streams": ["video"]})
    assert request.territory == ("EU", "US")
    assert read_request(request_doc(request)) == request
    assert request_digest(request) == request_digest(read_request(request_doc(request)))


def test_the_same_use_asked_on_another_day_is_one_request():
    asked = {"action": "train_generative", "commercial": True}
    first, then = (read_request(asked | {"at": day}) for day in ("2026-01-01", "2026-02-01"))
    assert request_digest(undated(first)) == request_digest(undated(then))
    assert request_digest(first) != request_digest(then)


def test_toml_dates_are_accepted():
    assert read_request(HOSTED | {"at": dt.date(2026, 12, 1)}) == read_request(HOSTED)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": None}, "action"),
        ({"action": "training"}, "action"),
        ({"releas": "api"}, "releas"),
        ({"commercial": "yes"}, "commercial"),
        ({"purpose": "surveilance"}, "purpose"),
        ({"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "at"),
        ({"streams": []}, "streams"),
        ({"territory": []}, "territory"),
        ({"profile": "lax"}, "profile"),
    ],
)
def test_what_cannot_be_read_is_named(change: dict[str, Any], field: str):
    with pytest.raises(BadCase, match=field) as caught:
        read_request(HOSTED | change)
    assert caught.value.code == f"BAD_CASE:{field}"


def test_commercial_must_be_stated_even_if_unknown():
    with pytest.raises(BadCase, match="required: true, false, or null"):
        read_request({"action": "train"})


@pytest.mark.parametrize(
    ("outer", "inner", "beyond"),
    [
        ({}, {}, ()),
        ({}, {"commercial": False}, ()),
        ({"commercial": False}, {}, ("commercial",)),
        ({}, {"release": "weights"}, ("release",)),
        ({}, {"release": None}, ("release",)),
        ({"release": None}, {"release": "weights"}, ()),
        ({}, {"action": "train_discriminative"}, ("action",)),
        ({"action": "train"}, {}, ("action",)),
        ({"purpose": "games"}, {"purpose": "robotics"}, ("purpose",)),
        ({"territory": ["EU"]}, {"territory": ["FR"]}, ()),
        ({"territory": ["EU"]}, {}, ("territory",)),
        ({"streams": ["video"]}, {}, ("streams",)),
        ({"streams": ["video", "action"]}, {"streams": ["action"]}, ()),
        ({"at": "2026-01-01"}, {"at": "2027-01-01"}, ()),
    ],
)
def test_not_covered(outer: dict[str, Any], inner: dict[str, Any], beyond: tuple[str, ...]):
    assert not_covered(read_request(HOSTED | outer), read_request(HOSTED | inner)) == beyond
