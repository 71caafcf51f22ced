"""Whatever fits the description is answered as the description says, and never with a fault."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from pipelines.console.app import console
from tests.pipelines.console.conftest import later, token_of

FEW, MANY = 12, 1_500  # questions to each address


def operations(world, app):
    document = world.client.get("/api/v1/openapi.json").json()
    described = schemathesis.openapi.from_dict(document)
    described.app = app
    found = list(described.get_all_operations())
    assert not [one for one in found if not isinstance(one, Ok)]
    return [one.ok() for one in found if isinstance(one, Ok)]


def conforms(operation, number, *, token):
    """Ask an address what its description allows; a made-up cursor may be refused."""
    sent = {"Authorization": f"Bearer {token}"}

    @bounds(max_examples=number, deadline=None, database=None,
            suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy())
    def answered(case):
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


@pytest.mark.soak
def test_every_answer_is_as_it_is_described_for_long(world):
    token = token_of(world.settings)
    for one in operations(world, console(world.settings, clock=later)):
        conforms(one, MANY, token=token)
