"""How the tests ask the gate: with the builder's key and clock, unless they say otherwise."""

from typing import Any

import pytest

from licensing.manifest import public_of
from tests import builders
from tests.builders import NOW, SECRET
from training import gate
from training.errors import Refused

KEYS = (public_of(SECRET),)


def opened(home, **changes):
    given: dict[str, Any] = {"keys": KEYS, "now": NOW} | changes
    return gate.open_training_set(home, given.pop("use", builders.training_request()), **given)


def refusal(home, **changes):
    with pytest.raises(Refused) as caught:
        opened(home, **changes)
    assert caught.value.subject
    assert caught.value.way_out
    return caught.value
