"""One flipped byte anywhere in a set, and `clearway verify` refuses with exit code 1 and a code."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from licensing.errors import ClearwayError
from pipelines.cli import app
from pipelines.export import export_set
from pipelines.keys import export_public
from pipelines.render import RenderSpec
from tests.pipelines.small_world import MIT, add_source, make_world

SIGNED = {  # what each paper may answer; every other file answers FILE_CHANGED
    "manifest.json": {"MANIFEST_MALFORMED", "MANIFEST_CHANGED", "SCHEMA_UNKNOWN"},
    "clearance.dsse.json": {"SIGNATURE_BAD", "KEY_UNKNOWN", "MANIFEST_MALFORMED", "SCHEMA_UNKNOWN"},
    "revocations.dsse.json": {"REVOCATIONS_BAD"},
}
PLACES = {"first": 0.0, "early": 0.2, "middle": 0.5, "late": 0.8, "last": 1.0}
FIELD = re.compile(rb'"(\w+)":')


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    """A real set with its revocation list and a public key, away from its home."""
    now = datetime.now(UTC).replace(microsecond=0)
    settings = make_world(tmp_path_factory.mktemp("home"), now=now)
    add_source(settings, "open", [MIT], episodes=2, seconds=2, seed=2, now=now)
    spec = RenderSpec(width=32, height=32, fps=10)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=now)
    folder = tmp_path_factory.mktemp("away")
    shutil.copytree(settings.set_uri("demo", 1), folder / "demo/1")
    shutil.copy(settings.revocations, folder / "revocations.dsse.json")
    export_public(settings, folder / "key.pub")
    return folder


def answer(folder):
    """Exit code and code of `clearway verify`."""
    words = ["verify", str(folder / "demo/1"), "--key", str(folder / "key.pub")]
    done = CliRunner().invoke(app, [*words, "--revocations", str(folder / "revocations.dsse.json")])
    code = done.exception.code if isinstance(done.exception, ClearwayError) else ""
    return done.exit_code, code


def every_byte_class(path: Path) -> dict[str, int]:
    """Where to flip: five places of any file; in a paper also the name and value of each field."""
    raw = path.read_bytes()
    found = {name: round(share * (len(raw) - 1)) for name, share in PLACES.items()}
    if path.name in SIGNED:
        for field in FIELD.finditer(raw):
            found.setdefault(f"name of {field[1].decode()}", field.start(1))
            found.setdefault(f"value of {field[1].decode()}", min(field.end() + 1, len(raw) - 1))
    return found


def test_a_flipped_byte_of_any_class_is_refused(carried):
    assert answer(carried) == (0, "")
    files = [one for one in sorted(carried.rglob("*")) if one.is_file() and one.stat().st_size]
    taken = []
    for path in files:
        if path.name == "key.pub":
            continue
        raw = path.read_bytes()
        may = SIGNED.get(path.name, {"FILE_CHANGED"})
        for name, at in every_byte_class(path).items():
            path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
            said = answer(carried)
            if said[0] != 1 or said[1] not in may:
                taken.append((path.relative_to(carried).as_posix(), name, said))
        path.write_bytes(raw)
    assert not taken, "; ".join(f"{path}, {name}: {said}" for path, name, said in taken)
    assert answer(carried) == (0, "")


def swap_key(folder):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    other = Ed25519PrivateKey.generate().public_key()
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "key.pub").write_bytes(other.public_bytes(serialization.Encoding.PEM, kind))


def shard_of(folder):
    return next((folder / "demo/1/data.lance/data").rglob("*.lance"))


HARMS = {
    "a swapped key": ("KEY_UNKNOWN", swap_key),
    "a shard taken away": ("FILE_MISSING", lambda folder: shard_of(folder).unlink()),
    "a shard added": (
        "FILE_EXTRA",
        lambda folder: shutil.copy(shard_of(folder), shard_of(folder).with_name("more.lance")),
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_was_added_taken_or_swapped_has_its_own_code(carried, harm, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(carried, folder)
    code, do = HARMS[harm]
    do(folder)
    assert answer(folder) == (1, code)
