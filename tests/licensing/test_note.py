"""A signed head is a note that others read, and holds for exactly what was signed."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.manifest import key_id, public_of
from licensing.note import open_head, sign_head, verifier_key
from tests.builders import OTHER_SECRET, SECRET
from tests.licensing.refusals import code_of

PUBLIC, OTHER = public_of(SECRET), public_of(OTHER_SECRET)
ORIGIN, ROOT = "clearway/0123456789abcdef", "ab" * 32
NOTE = sign_head(ORIGIN, size=7, root=ROOT, secret=SECRET)


def test_a_head_is_read_back_as_it_was_signed():
    head = open_head(NOTE, [OTHER, PUBLIC])

    assert (head.origin, head.size, head.root) == (ORIGIN, 7, ROOT)
    assert head.key_id == key_id(PUBLIC)


def test_a_head_is_a_checkpoint_of_three_lines():
    text, signature = NOTE.split("\n\n")

    assert text.split("\n") == [ORIGIN, "7", base64.b64encode(bytes.fromhex(ROOT)).decode()]
    assert signature.startswith(f"— {ORIGIN} ")
    assert NOTE.endswith("\n")


@pytest.mark.parametrize(
    "known",  # the two keys that the reference implementation of signed notes is shown with
    [
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ],
)
def test_a_key_is_written_as_tools_for_notes_read_it(known):
    name, _, raw = known.split("+", 2)

    assert verifier_key(name, base64.b64decode(raw)[1:]) == known


def test_other_signatures_and_extension_lines_are_in_nobodys_way():
    other = sign_head(ORIGIN, size=7, root=ROOT, secret=OTHER_SECRET).split("\n\n")[1]

    assert open_head(NOTE + other, [OTHER]).key_id == key_id(OTHER)
    assert open_head(NOTE + other, [PUBLIC]).key_id == key_id(PUBLIC)


_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
_UNUSED = _LETTERS[_LETTERS.index(NOTE[-3]) + 1]  # differs in bits that stand for no byte


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (NOTE[:-3] + _UNUSED + NOTE[-2:], "HEAD_MALFORMED"),
        ("", "HEAD_MALFORMED"),
        ("one\ntwo\n", "HEAD_MALFORMED"),
        (NOTE.replace("\n7\n", "\n07\n"), "HEAD_MALFORMED"),
        (NOTE[:-1], "HEAD_MALFORMED"),
        (NOTE.split("\n\n")[0] + f"\n\n— {ORIGIN} AAAAA\n", "HEAD_MALFORMED"),
        (NOTE.split("\n\n")[0] + "\n\n", "HEAD_MALFORMED"),
        (NOTE.split("\n\n")[0] + "\n\nno signature\n", "KEY_UNKNOWN"),
        (NOTE.replace("\n7\n", "\n8\n"), "SIGNATURE_BAD"),
        (sign_head(ORIGIN, size=7, root=ROOT, secret=OTHER_SECRET), "KEY_UNKNOWN"),
    ],
)
def test_a_head_that_nobody_signed_so_is_refused_with_its_code(note, code):
    assert code_of(lambda: open_head(note, [PUBLIC])) == code


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="ascii"))
def test_no_changed_character_passes(at, character):
    changed = NOTE[:at] + character + NOTE[at + 1 :]
    if changed == NOTE:
        return

    assert code_of(lambda: open_head(changed, [PUBLIC])) in {
        "HEAD_MALFORMED",
        "KEY_UNKNOWN",
        "SIGNATURE_BAD",
    }
