"""Statements as facts: what a declarer wrote must not break what reads it later."""

from __future__ import annotations

import hashlib

import pytest

from licensing.facts import read_layers
from pipelines.scan.facts import evidence_docs, signal_docs
from pipelines.scan.statement import Statement


def docs(*signals, **how):
    return signal_docs([Statement(path="a", place="page", signals=signals, **how)])


@pytest.mark.parametrize(
    "signal",
    [
        {"plus": "x" * 3_000},
        {"plus": "\x00"},
        {"aipref": "\ud800"},
        {"tdmrep_file": "\ud800"},
        {"tdmrep_file": float("nan")},
        {"tdmrep_file": 1 << 70},
        {"tdmrep_file": [["deep"] * 2_000]},
        {"cawg": {"novel": "allowed"}},
        {"robots": 3},
        {"natural_language": "perhaps"},
        {"unheard": "of"},
    ],
)
def test_a_value_that_would_break_a_reader_is_unread(signal):
    (doc,) = docs(signal)
    assert doc["unread"] == "page, a value of no known form"


@pytest.mark.parametrize("value", [1, "1", "yes", True, None, [1], {"a": "b"}, ""])
def test_a_value_that_breaks_its_protocol_stays_as_it_was_found(value):
    (doc,) = docs({"tdmrep_html": value})
    assert doc["tdmrep_html"] == value
    assert read_layers([{"layer": "copyright", "basis": [], "signals": [{"tdmrep_html": value}]}])


def test_an_open_statement_is_a_signal_only_of_the_least_specific_place():
    assert docs({"tdmrep_html": "0"}, {"tdmrep_pdf": 0}) == []
    assert [doc["tdmrep_file"] for doc in docs({"tdmrep_file": 0})] == [0]


def test_more_signals_than_one_statement_may_have():
    found = docs(*({"aipref": f"x=n{k}"} for k in range(101)))
    assert len(found) == 101
    assert found[-1]["unread"] == "page, more than 100 statements"


def test_a_signal_is_one_fact_for_each_file_that_it_is_about():
    found = docs({"plus": "DMI-PROHIBITED"}, {"plus": "DMI-PROHIBITED"}, about=("b", "c"))
    assert [doc["about"] for doc in found] == ["b", "c"]


def test_bytes_are_kept_once(tmp_path):
    keep = tmp_path / "evidence"
    said = [Statement(path=path, place="page", raw=b"raw").kept(keep) for path in ("a", "b", "a")]
    said.append(Statement(path="c", place="page").kept(keep))
    digest = hashlib.sha256(b"raw").hexdigest()
    assert [one.name for one in keep.iterdir()] == [digest]
    assert [one["file"] for one in evidence_docs(said)] == ["a", "b"]
    assert {(one["sha256"], one["bytes"]) for one in evidence_docs(said)} == {(digest, 3)}
