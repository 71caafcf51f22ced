"""Whatever fits the description is answered as the description says, and never with a fault."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from catalog import rights
from pipelines.console.app import console
from tests.pipelines.console.conftest import client_of, later, token_of
from tests.pipelines.small_world import MIT, NOW, add_source, looking, make_world, writing

FEW, MANY = 12, 1_500  # questions to each address
RULES = ("EU-CDSM-3", "EU-CDSM-4", "JP-CA-30-4")


@pytest.fixture
def acted_on(tmp_path):
    """A home of its own, which acts may change: two sources, each with a signal to settle."""
    settings, names = make_world(tmp_path), ("one", "two")
    for number, name in enumerate(names):
        add_source(settings, name, [MIT], seconds=2, seed=number)
        with writing(settings) as session:
            mark = {"layer_id": "*", "about": "a.mp4", "unread": "XMP not readable"}
            rights.attach(session, name, "signal", mark, now=NOW)
    with looking(settings) as session:
        facts = [one for name in names for one in rights.facts_of(session, name)]
    signals = tuple(one.fact_id for one in facts if one.kind == "signal")
    known = {"source": st.sampled_from(names), "rule": st.sampled_from(RULES),
             "fact": st.sampled_from(signals)}  # fmt: skip
    return SimpleNamespace(settings=settings, known=known, client=client_of(settings))


def operations(world, app, *, acts=False):
    document = world.client.get("/api/v1/openapi.json").json()
    described = schemathesis.openapi.from_dict(document)
    described.app = app
    found = list(described.get_all_operations())
    assert not [one for one in found if not isinstance(one, Ok)]
    every = [one.ok() for one in found if isinstance(one, Ok)]
    return [one for one in every if (one.method == "post") is acts]


def conforms(operation, number, *, token, known=None):
    """Ask an address what its description allows; a made-up cursor may be refused.

    Half of the questions are about what is there, where `known` says what that is.
    """
    sent, known = {"Authorization": f"Bearer {token}"}, known or {}

    @bounds(max_examples=number, deadline=None, database=None,
            suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(), is_there=st.booleans(), data=st.data())
    def answered(case, is_there, data):
        if is_there and known:
            for name in set(case.path_parameters or {}) & set(known):
                case.path_parameters[name] = data.draw(known[name])
            if isinstance(case.body, dict) and "typed" in case.body:
                case.body["what"] = case.body["typed"] = data.draw(known["source"])
        case.call_and_validate(
            base_url="http://127.0.0.1:3001/api", headers=sent,
            excluded_checks=[positive_data_acceptance, ignored_auth],  # test_gate asks that of all
        )  # fmt: skip

    answered()


def test_every_answer_is_as_it_is_described(world):
    asked, token = operations(world, world.client.app), token_of(world.settings)
    assert len(asked) > 20
    for one in asked:
        conforms(one, FEW, token=token)


def test_every_act_is_answered_as_it_is_described(acted_on):
    asked, token = operations(acted_on, acted_on.client.app, acts=True), token_of(acted_on.settings)
    assert len(asked) == 5
    for one in asked:
        conforms(one, FEW // 2, token=token, known=acted_on.known)


@pytest.mark.soak
def test_every_answer_is_as_it_is_described_for_long(world):
    token = token_of(world.settings)
    for one in operations(world, console(world.settings, clock=later)):
        conforms(one, MANY, token=token)


@pytest.mark.soak
def test_every_act_is_answered_as_it_is_described_for_long(acted_on):
    token = token_of(acted_on.settings)
    for one in operations(acted_on, acted_on.client.app, acts=True):
        conforms(one, MANY // 5, token=token, known=acted_on.known)
