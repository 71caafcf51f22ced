"""A revocation ends rights, reaches every trainer through the signed list, and is made once."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from catalog import rights
from catalog.audit import verify_log
from catalog.errors import NotFound
from licensing.manifest import open_revocations
from licensing.request import read_request
from pipelines.errors import ExportError, RevocationError
from pipelines.export import export_set, renew
from pipelines.keys import trusted_publics
from pipelines.render import RenderSpec
from pipelines.revocations import publish_revocations, published_list
from pipelines.revoke import revoke
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
)
from training.errors import Refused
from training.gate import open_training_set

SPEC = RenderSpec(width=32, height=32)
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], episodes=2)
    add_source(settings, "arm", [contract()], seconds=4, seed=3)
    return settings


def export(world, now=NOW):
    return export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=now)


def listed(world):
    found = published_list(world)
    assert found is not None
    return found


def end(world, source="arm", **how):
    return revoke(
        source,
        world,
        reason=how.pop("reason", "breach"),
        at=how.pop("at", NOW.date()),
        now=how.pop("now", LATER),
        run_id="test",
        **how,
    )


def open_gate(world, done, now=LATER):
    return open_training_set(
        done.uri, read_request(COMMERCIAL), keys=trusted_publics(world), now=now
    )


def test_it_reaches_clips_shards_and_sets(world):
    export(world)
    done = end(world)
    assert len(done.clips) == 2
    assert done.training_sets == ("demo@1",)
    assert [one[0] for one in done.shards] == ["demo@1"]
    assert done.checkpoints == ()
    assert done.facts == 1
    assert done.verdicts == {"commercial": "deny (EXPIRED)"}
    assert "demo@1" in done.summary()
    assert done.line()["clips"] == 2


def test_the_trainer_refuses_the_set_from_then_on(world):
    done = export(world)
    open_gate(world, done, now=NOW)
    end(world)
    with pytest.raises(Refused, match="source arm") as caught:
        open_gate(world, done)
    assert caught.value.code == "SHARD_REVOKED"


def test_the_next_version_is_clean_and_the_list_names_it(world):
    first = export(world)
    end(world)
    second = export(world, now=LATER)
    assert second.sources == ("open",)
    assert open_gate(world, second).manifest["predecessor"] == first.manifest_digest
    with pytest.raises(Refused) as caught:
        open_gate(world, first)
    assert second.manifest_digest in caught.value.way_out


def test_the_list_is_signed_and_counts_up(world):
    before = listed(world)
    assert (before.sequence, before.entries) == (0, ())
    end(world)
    raw = Path(world.revocations).read_bytes()
    found = open_revocations(raw, trusted_publics(world))
    assert found.sequence == 1
    assert [(one["kind"], one["id"], one["reason"]) for one in found.entries] == [
        ("source", "arm", "breach")
    ]
    assert found.fresh_until - found.issued_at == timedelta(days=7)


def test_publishing_again_keeps_the_sequence_and_freshens(world):
    end(world)
    assert publish_revocations(world, now=LATER + timedelta(days=30)) == 1
    assert listed(world).fresh_until == LATER + timedelta(days=37)


def test_a_list_that_was_lost_is_rebuilt_from_the_catalog(world):
    end(world)
    Path(world.revocations).unlink()
    assert publish_revocations(world, now=LATER) == 1
    assert [one["id"] for one in listed(world).entries] == ["arm"]


def test_dry_run_changes_nothing(world):
    export(world)
    raw = Path(world.revocations).read_bytes()
    done = end(world, dry_run=True)
    assert done.training_sets == ("demo@1",)
    assert (done.facts, done.sequence, done.dry_run) == (1, 0, True)
    assert "would end" in done.summary()
    assert Path(world.revocations).read_bytes() == raw
    with looking(world) as session:
        assert rights.revocations(session) == ()
    assert end(world).sequence == 1


def test_a_list_that_was_never_published_is_by_the_next_run_then_twice_is_refused(world):
    end(world)
    Path(world.revocations).unlink()
    again = end(world)
    assert (again.resumed, again.sequence) == (True, 1)
    assert listed(world).sequence == 1
    with pytest.raises(RevocationError, match="was revoked from 2026-12-01") as caught:
        end(world)
    assert caught.value.code == "ALREADY_REVOKED"


def test_unknown_source_and_unknown_reason_are_refused(world):
    with pytest.raises(NotFound, match="nobody"):
        end(world, source="nobody")
    with pytest.raises(RevocationError, match="expected one of"):
        end(world, reason="because")


@pytest.mark.parametrize(
    ("reason", "source", "verdict"),
    [
        ("ended", "arm", "deny"),
        ("void", "arm", "deny"),
        ("breach", "open", "deny"),
        ("withdrawn", "open", "undetermined"),
        ("taken_down", "open", "undetermined"),
    ],
)
def test_no_reason_leaves_a_source_permitted(world, reason, source, verdict):
    done = end(world, source, reason=reason)
    assert done.verdicts["commercial"].startswith(verdict)


def test_renewal_of_the_old_set_is_refused(world):
    export(world)
    end(world)
    with pytest.raises(ExportError, match="arm is deny"):
        renew("demo@1", world, now=LATER)


def test_a_future_end_is_listed_from_its_day_on(world):
    done = end(world, at=date(2026, 12, 24), reason="ended")
    assert done.verdicts["commercial"].startswith("permit")
    assert listed(world).entries == ()
    publish_revocations(world, now=NOW.replace(day=24))
    assert [one["id"] for one in listed(world).entries] == ["arm"]


def test_the_act_is_in_the_log(world):
    end(world)
    with looking(world) as session:
        assert [one.subject_id for one in rights.revocations(session)] == ["arm"]
        assert verify_log(session).broken == ()
