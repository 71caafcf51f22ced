"""The gate in the middle of a run: papers are read again, and what ended is named."""

from datetime import timedelta

import pytest

from licensing.manifest import sha256_hex
from tests import builders
from tests.builders import NOW, revoked
from tests.rows import tiny_row
from tests.training.gates import KEYS, opened
from tests.training.harms import digest, edit, list_of, nothing, revoke, some_clip
from training import gate
from training.errors import Refused


@pytest.fixture
def home(tmp_path):
    return builders.tiny_training_set(tmp_path, without_video=True)


def test_checking_again_names_the_clips_that_ended(home):
    cleared = opened(home)
    revoke(home, revoked("source", "acorn"), revoked("clip", some_clip()))

    standing = gate.check_again(cleared, keys=KEYS, now=NOW)

    acorns = {tiny_row("acorn", at)["clip_id"] for at in range(3)}
    assert standing.dead == acorns | {some_clip()}
    assert standing.sequence == 1


def test_checking_again_names_the_clearance_that_was_checked(home):
    cleared = opened(home)
    assert gate.check_again(cleared, keys=KEYS, now=NOW).clearance_digest == (
        cleared.clearance_digest
    )
    builders.sign_clearance(home, not_after=NOW + timedelta(hours=30))

    renewed = gate.check_again(cleared, keys=KEYS, now=NOW).clearance_digest
    assert renewed == sha256_hex((home / "clearance.dsse.json").read_bytes())


AGAIN = [
    ("EXPIRED", nothing, {"now": NOW + timedelta(hours=25)}),
    ("MANIFEST_CHANGED", lambda home: edit(home, name="other"), {}),
    ("MANIFEST_MISSING", lambda home: (home / "clearance.dsse.json").unlink(), {}),
    ("SET_REVOKED", lambda home: revoke(home, revoked("set", digest(home))), {}),
    ("REVOCATIONS_MISSING", lambda home: list_of(home).unlink(), {}),
    ("REVOCATIONS_ROLLED_BACK", nothing, {"seen_sequence": 7}),
]


@pytest.mark.parametrize(("code", "harm", "call"), AGAIN)
def test_checking_again_refuses_too(home, code, harm, call):
    cleared = opened(home)
    harm(home)

    with pytest.raises(Refused) as caught:
        gate.check_again(cleared, **({"keys": KEYS, "now": NOW} | call))

    assert caught.value.code == code


def test_a_list_older_than_the_one_at_the_start_is_refused_in_the_run(home):
    builders.publish_revocations(home, sequence=3)
    cleared = opened(home)
    builders.publish_revocations(home, sequence=2)

    with pytest.raises(Refused, match="3 was seen") as caught:
        gate.check_again(cleared, keys=KEYS, now=NOW)

    assert caught.value.code == "REVOCATIONS_ROLLED_BACK"
