"""The jobs of the Launchpad: what a person does to a source and says of it, by forms."""

import pytest

from catalog import rights
from catalog.acts import acts
from catalog.files import files_of
from catalog.rights import facts_of, revocations
from catalog.sources import Source, register_source, source
from pipelines import definitions
from pipelines.attach.deriving import made_of
from pipelines.clear import clear
from pipelines.defs.sources import catalog_read
from pipelines.ingest.station import ingest
from tests.builders import ALL_SETTLED
from tests.pipelines.defs.world import NOW, add_sources, writing

DAY = "2026-11-24"


@pytest.fixture(scope="module")
def loaded():
    return definitions.defs()


@pytest.fixture
def act(loaded, instance, settings):  # noqa: ARG001 - the home is named by the environment
    """Launch a job with its form filled in; what it left beside the run, or why it failed."""

    def run(job, **form):
        found = loaded.resolve_job_def(job)
        (op,) = found.all_node_defs
        config = {"ops": {op.name: {"config": form}}} if form else None
        done = found.execute_in_process(instance=instance, run_config=config, raise_on_error=False)
        if done.success:
            (output,) = [one for one in done.all_events if one.is_successful_output]
            return {k: v.value for k, v in output.step_output_data.metadata.items()}
        (failed,) = [one for one in done.all_events if one.is_step_failure]
        return failed.step_failure_data.error.message

    return run


def test_a_source_is_registered_and_given_rights_by_forms(act, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("CLEARWAY_CONSOLE_URL", "http://127.0.0.1:9")
    (tmp_path / "pad").mkdir()
    form = {"uri": str(tmp_path / "pad"), "modality": "game", "title": "A pad"}
    made = act("register", name="pad", streams={"events": "event"}, **form)
    assert made["said"] == "source pad: added"
    assert made["console/source"] == "http://127.0.0.1:9/sources/pad"
    settled = [f"{heading}={words}" for heading, words in ALL_SETTLED.items()]
    paper = tmp_path / "LICENSE"
    form = {"source": "pad", "licence": "MIT", "grade": "E2", "evidence": str(paper)}
    assert "EVIDENCE_MISSING" in act("attach", **form)
    paper.write_text("MIT License")
    given = act("attach", **form, settled=settled)
    assert given["report"]["facts"] == {"added": 3}
    with catalog_read(settings) as session:
        assert source(session, "pad").title == "A pad"
        kinds = {one.kind for one in facts_of(session, "pad")}
    assert kinds == {"layer", "basis", "evidence", "settled"}


def test_a_source_is_revoked_and_erased_by_forms(act, settings, tmp_path):
    def paths():
        with catalog_read(settings) as session:
            return {one.path for one in files_of(session, "pad")}

    add_sources(settings, tmp_path, ["pad"])
    ingest("pad", settings, at_once=0, run_id="test", now=NOW)
    clear("commercial", settings, now=NOW, run_id="test")
    form = {"what": "pad", "reason": "breach", "at": DAY}
    assert act("revoke", **form)["report"]["dry_run"]
    assert "NOT_CONFIRMED" in act("revoke", **form, dry_run=False, confirm="pat")
    with catalog_read(settings) as session:
        assert not list(revocations(session))
    act("revoke", **form, dry_run=False, confirm="pad")
    with catalog_read(settings) as session:
        (one,) = revocations(session)
        assert (one.subject_id, one.reason) == ("pad", "breach")

    before = paths()
    assert act("erase", what="pad")["report"]["erased"][0]["dry_run"]
    assert paths() == before
    assert act("erase", what="pad", dry_run=False, wait_s=5)["report"]["erased"][0]["certificate"]
    assert not paths() & before


def test_what_counsel_and_stewards_say_is_said_by_forms(act, settings, monkeypatch):
    monkeypatch.setenv("CLEARWAY_CONSOLE_URL", "http://127.0.0.1:9")
    with writing(settings) as session:
        for name in ("reel", "captions"):
            register_source(session, Source(source_id=name, uri="/gone", modality="video"), now=NOW)
        rights.attach_layer(session, "reel", {"layer": "copyright", "basis": []}, now=NOW)
        mark = {"layer_id": "*", "about": "a.mp4", "unread": "XMP not read"}
        rights.attach(session, "reel", "signal", mark, now=NOW)
        (signal,) = [one.fact_id for one in facts_of(session, "reel") if one.kind == "signal"]

    form = {"signal": signal, "reading": "reserved", "reason": "read in line 3"}
    assert act("settle", **form)["report"]["dry_run"]
    done = act("settle", **form, dry_run=False)
    assert done["console/source"] == "http://127.0.0.1:9/sources/reel"
    assert "ALREADY_SETTLED" in act("settle", **form, dry_run=False)

    form = {"source": "reel", "rule": "EU-CDSM-4", "reason": "opinion 12"}
    assert act("approve", **form)["report"]["dry_run"]
    assert "NOT_APPROVED" in act("withdraw", **form)
    assert "OPTION_INVALID" in act("approve", **form, lawful_access="perhaps")
    assert act("approve", **form, lawful_access="yes", dry_run=False)["report"]["layers"] == 1
    assert act("withdraw", **form, dry_run=False)["report"]["layers"] == 1

    assert "made from reel" in act("derive", source="captions", inputs=["reel"])["said"]
    with catalog_read(settings) as session:
        said = [(one.act, one.actor) for one in acts(session, subject="reel")]
        assert made_of(settings, "captions")
    assert said == [("approve", "Dagster UI"), ("withdraw", "Dagster UI")]


@pytest.mark.parametrize(
    ("job", "code"),
    [("register", "SOURCE_PATH_MISSING"), ("attach", "UNKNOWN_ID"), ("revoke", "UNKNOWN_ID"),
     ("erase", "UNKNOWN_ID"), ("settle", "REASON_MISSING"), ("approve", "REASON_MISSING"),
     ("withdraw", "REASON_MISSING"), ("derive", "UNKNOWN_ID")],
)  # fmt: skip
def test_a_form_that_was_left_as_it_came_is_refused_like_a_command(act, job, code):
    assert code in act(job)


def test_a_day_that_is_none_is_refused(act):
    assert "OPTION_INVALID" in act("revoke", what="pad", at="tomorrow")
