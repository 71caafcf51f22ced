"""What assets share: going on after a refusal, cancels, metadata and progress."""

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import pytest

from licensing.errors import ClearwayError
from pipelines.defs.clearance import all_decided
from pipelines.defs.outcomes import conserved, drawn
from pipelines.defs.resources import described, each_key, numbers, pages, refusals_shown

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")
KEYS = dg.DynamicPartitionsDefinition(name="source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A station's report as assets meet it."""

    num_found: int = 2
    digest: str = "ab"
    conserved: bool = True
    rows: tuple[str, ...] = ("not shown",)
    uri: str = "s3://lake/a"
    at: datetime = datetime(2026, 12, 1, tzinfo=UTC)

    @property
    def num_rows(self) -> int:
        """Counted when asked for."""
        return len(self.rows)


@pytest.fixture(autouse=True)
def _listened_to():
    """A launch in this process keeps its lines from other handlers; here they are read."""
    logger = logging.getLogger("clearway")
    before = logger.propagate, logger.disabled  # a library may disable the loggers that it finds
    logger.propagate, logger.disabled = True, False
    yield
    logger.propagate, logger.disabled = before


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as it:
        it.add_dynamic_partitions("source", ["a", "b", "c"])
        yield it


def run(instance, work, keys=("a", "c")):
    @dg.asset(partitions_def=KEYS, backfill_policy=dg.BackfillPolicy.single_run())
    def thing(context: dg.AssetExecutionContext) -> None:
        each_key(context, work)

    tags = {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
    return dg.materialize([thing], instance=instance, tags=tags, raise_on_error=False)


def failing_at(bad):
    def work(key, told):
        told("files", 1, 1)
        if key == bad:
            raise ClearwayError(f"{key}: broken", code="BROKEN", subject=key, way_out="mend it")
        return Report()

    return work


def test_one_run_takes_every_partition_and_describes_each(instance):
    result = run(instance, failing_at(None))
    assert result.success
    shown = {
        event.partition: event.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    assert set(shown) == {"a", "b", "c"}
    assert shown["b"]["clearway/num_found"].value == 2
    assert "clearway/rows" not in shown["b"]


def test_the_others_go_on_and_the_refused_one_fails_the_step(instance):
    seen = []

    def work(key, told):
        seen.append(key)
        return failing_at("b")(key, told)

    result = run(instance, work)
    assert not result.success
    assert seen == ["a", "b", "c"]
    (failure,) = [one for one in result.all_events if one.is_step_failure]
    shown = failure.step_failure_data.user_failure_data
    assert shown.description == "b: BROKEN: b: broken (way out: mend it)"
    assert shown.metadata["refused"].value == {"b": "BROKEN"}
    below = failure.step_failure_data.error.cause
    assert "ClearwayError" in below.cls_name
    assert any("in work" in one for one in below.stack)


def test_an_error_that_is_not_ours_is_not_dressed_up(instance):
    def work(key, _):
        raise ZeroDivisionError(key)

    result = run(instance, work)
    (failure,) = [one for one in result.all_events if one.is_step_failure]
    assert failure.step_failure_data.user_failure_data is None
    assert "ZeroDivisionError" in failure.step_failure_data.error_display_string


def test_a_signal_makes_the_run_canceled_and_no_later_partition_begins(instance):
    seen = []

    def work(key, _):
        seen.append(key)
        raise KeyboardInterrupt

    result = run(instance, work)
    assert seen == ["a"]
    assert instance.get_run_by_id(result.run_id).status == dg.DagsterRunStatus.CANCELED


def test_a_refusal_outside_a_loop_is_shown_the_same_way():
    with dg.DagsterInstance.ephemeral() as instance:

        @dg.asset
        def alone(context: dg.AssetExecutionContext) -> None:
            with refusals_shown(context):
                raise ClearwayError("no request", code="UNKNOWN_ID", way_out="name one")

        result = dg.materialize([alone], instance=instance, raise_on_error=False)
        (failure,) = [one for one in result.all_events if one.is_step_failure]
        shown = failure.step_failure_data.user_failure_data
        assert shown is not None
        assert shown.description == "alone: UNKNOWN_ID: no request (way out: name one)"


def test_numbers_are_the_plain_fields_of_a_report():
    assert numbers(Report()) == {
        "num_found": 2,
        "digest": "ab",
        "conserved": True,
        "uri": "s3://lake/a",
        "at": "2026-12-01T00:00:00+00:00",
        "num_rows": 1,
    }
    assert described(Report())["dagster/uri"] == "s3://lake/a"
    assert numbers("text") == {}
    assert numbers(Report) == {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A report of something that the console has a page of."""

    set_id: str = "demo@1"
    checkpoint_id: str = "a/b c"
    conserved: bool = True


def test_links_lead_to_the_pages_of_the_console_where_one_is_known():
    found = pages(Made(), "http://127.0.0.1:3001")
    assert {name: one.value for name, one in found.items()} == {
        "console/set": "http://127.0.0.1:3001/sets/demo@1",
        "console/checkpoint": "http://127.0.0.1:3001/checkpoints/a%2Fb%20c",
    }
    assert pages(Made(), "") == {}


def test_counts_that_do_not_add_up_fail_and_name_the_source():
    check = conserved("row_conservation", {"a": Made(), "b": Made(conserved=False)})
    assert not check.passed
    assert check.description == "the counts do not add up of b"
    assert conserved("row_conservation", {"a": Made()}).passed


def test_a_verdict_or_a_reason_that_is_missing_fails():
    permit = {"source": "a", "verdict": "permit", "reasons": ""}
    assert all_decided({"a": [permit]}, 1).passed
    assert not all_decided({"a": [permit], "b": []}, 1).passed
    assert not all_decided({"a": [permit | {"verdict": "deny"}]}, 1).passed
    assert all_decided({"a": [permit | {"verdict": "deny", "reasons": "NC"}]}, 1).passed


def test_counts_are_drawn_with_the_tallest_block_for_the_greatest():
    assert drawn((0, 1, 4, 8)) == "·▁▄█"


def test_progress_is_thinned_but_the_last_line_always_comes(instance, caplog):
    def work(_, told):
        for done in range(1, 1001):
            told("files", done, 1000)
        return Report()

    with caplog.at_level(logging.INFO, logger="clearway"):
        run(instance, work)
    lines = [json.loads(one.clearway) for one in caplog.records if hasattr(one, "clearway")]
    progress = [one for one in lines if one["event"] == "progress" and one["key"] == "a"]
    assert progress[0]["done"] == 1
    assert progress[-1]["done"] == 1000
    assert len(progress) < 100
    assert {"step", "key", "event", "run_id"} <= set(lines[0])


def test_progress_of_zero_things_is_told(instance, caplog):
    def work(_, told):
        told("files", 0, 0)
        return Report()

    with caplog.at_level(logging.INFO, logger="clearway"):
        assert run(instance, work).success
    assert "what files, done 0, total 0" in caplog.text
