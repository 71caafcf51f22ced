"""What is recorded was decided on all that is on record: a revocation is never overtaken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select

from catalog import decisions, parts, rights, schema
from catalog.engine import transaction
from pipelines.clear import clear, station
from pipelines.revoke import revoke
from tests.pipelines.small_world import (
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world(tmp_path, catalog_url):
    return make_world(tmp_path, catalog_url=catalog_url)


def decide(world, **how):
    return clear("commercial", world, now=how.pop("now", NOW), run_id="test", **how)


def end(world, source, *, now=LATER):
    return revoke(source, world, reason="breach", at=NOW.date(), now=now, run_id="test")


@pytest.fixture
def between(monkeypatch):
    """Let something happen once, after `clear` has decided and before it records."""

    def happen(act):
        waiting = [act]

        @contextmanager
        def interrupted(engine):
            if waiting:
                waiting.pop()()
            with transaction(engine) as session:
                yield session

        monkeypatch.setattr(station, "transaction", interrupted)

    return happen


def overtaken(world):
    """Permits on record after the revocation of their source."""
    of, table = schema.revocations, schema.decisions
    late = select(table.c.decision_id).join(of, of.c.subject_id == table.c.source_id)
    late = late.where(table.c.seq > of.c.seq, table.c.verdict == "permit")
    with looking(world) as session:
        return session.execute(late).scalars().all()


def latest(world, done):
    with looking(world) as session:
        return decisions.latest_decisions(session, done.request_digest)


def test_a_revocation_between_deciding_and_recording_is_heard(world, between):
    add_source(world, "arm", [contract()], episodes=0)
    assert decide(world, record=False).counts()["permit"] == 1
    between(lambda: end(world, "arm"))

    done = decide(world)

    assert done.counts() == {"permit": 0, "undetermined": 0, "deny": 1}
    assert overtaken(world) == []
    assert [one.verdict for one in latest(world, done)] == ["deny"]


def test_a_layer_attached_between_deciding_and_recording_is_keyed_and_weighed(world, between):
    add_source(world, "open", [MIT], seconds=2)
    decide(world, record=False)

    def attach():
        with writing(world) as session:
            rights.attach_layer(session, "open", {**NON_COMMERCIAL, "part": "music"}, now=LATER)

    between(attach)

    (part,) = decide(world).parts

    assert part.verdict == "deny"
    with looking(world) as session:
        assert parts.unkeyed(session) == ()


def test_what_was_recorded_is_what_was_known_at_its_instant(world, between):
    add_source(world, "arm", [contract()], episodes=0)
    decide(world, record=False)
    between(lambda: end(world, "arm"))
    (row,) = latest(world, decide(world))
    with writing(world) as session:
        rights.attach_layer(session, "arm", {**NON_COMMERCIAL, "part": "music"}, now=LATER)

    (again,) = decide(world, known=row.known).parts

    assert row.known > LATER > NOW  # the clock of the one who cleared was behind
    assert (again.verdict, again.reasons) == (row.verdict, row.reasons)


def test_clearing_beside_a_revocation_never_leaves_a_later_permit(world):
    names = [f"arm-{number}" for number in range(3)]
    for name in names:
        add_source(world, name, [contract()], episodes=0)
    for number, name in enumerate(names):
        start = Barrier(2)

        def act(what, start=start):
            start.wait()
            return what()

        day = NOW + timedelta(days=number)
        acts = (
            lambda day=day: decide(world, now=day),
            lambda name=name, day=day: end(world, name, now=day + timedelta(hours=1)),
        )
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(act, one) for one in acts]:
                done.result()
        assert overtaken(world) == []
