"""The station's keys: made once, kept private, rotated, and the public part handed out."""

import stat

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from licensing.manifest import (
    key_id,
    open_statement,
    public_of,
    public_pem,
    read_public_pem,
    sign_statement,
)
from pipelines import keys
from pipelines.errors import KeysError
from pipelines.settings import read_settings


@pytest.fixture
def settings(tmp_path):
    return read_settings({}, tmp_path)


def code_of(call, *args):
    with pytest.raises(KeysError) as caught:
        call(*args)
    assert caught.value.way_out
    return caught.value.code


def secret_file(settings):
    return settings.keys_dir / "signing.key"


def test_making_keys_twice_keeps_the_first(settings):
    first = keys.make_keys(settings)
    secret = keys.signing_secret(settings)

    assert keys.make_keys(settings) == first == key_id(public_of(secret))
    assert keys.signing_secret(settings) == secret


def test_only_the_owner_can_read_the_secret(settings):
    keys.make_keys(settings)

    assert stat.S_IMODE(secret_file(settings).stat().st_mode) == 0o600
    keys.rotate_keys(settings)
    assert stat.S_IMODE(secret_file(settings).stat().st_mode) == 0o600
    names = sorted(path.name for path in settings.keys_dir.iterdir())
    assert names == ["signing.key", "trusted"]


def test_two_stations_have_two_keys(settings, tmp_path):
    other = read_settings({}, tmp_path / "other")

    assert keys.make_keys(settings) != keys.make_keys(other)


def test_whoever_comes_second_takes_the_first_ones_key(settings, monkeypatch):
    first = keys.make_keys(settings)
    monkeypatch.setattr(type(secret_file(settings)), "exists", lambda _: False)

    assert keys.make_keys(settings) == first


def test_a_file_system_without_links_gets_a_key_too(settings, monkeypatch):
    def unsupported(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(type(secret_file(settings)), "hardlink_to", unsupported)

    assert keys.make_keys(settings) == keys.make_keys(settings)
    assert stat.S_IMODE(secret_file(settings).stat().st_mode) == 0o600
    assert sorted(path.name for path in settings.keys_dir.iterdir()) == ["signing.key", "trusted"]


def test_what_is_signed_here_is_checked_with_the_exported_file(settings, tmp_path):
    keys.make_keys(settings)
    raw = sign_statement({"a": 1}, payload_type="t", secret=keys.signing_secret(settings))

    path = keys.export_public(settings, tmp_path / "out" / "station.pub")

    publics = keys.read_publics(path)
    assert publics == keys.trusted_publics(settings)
    assert open_statement(raw, payload_type="t", publics=publics) == {"a": 1}
    assert b"PRIVATE" not in path.read_bytes()


def test_a_rotated_key_signs_no_more_and_is_trusted_on(settings, tmp_path):
    old_id = keys.make_keys(settings)
    old = keys.trusted_publics(settings)

    new_id = keys.rotate_keys(settings)

    assert new_id != old_id
    assert keys.trusted_publics(settings) == (public_of(keys.signing_secret(settings)), *old)
    assert [(one.key_id, one.signing) for one in keys.list_keys(settings)] == [
        (new_id, True),
        (old_id, False),
    ]
    assert all(one.path.is_file() for one in keys.list_keys(settings))
    exported = keys.export_public(settings, tmp_path / "both.pub").read_text()
    assert len(read_public_pem(exported)) == 2


def test_exporting_again_changes_nothing_and_overwrites_nothing(settings, tmp_path):
    keys.make_keys(settings)
    path = keys.export_public(settings, tmp_path / "station.pub")
    assert keys.export_public(settings, path) == path

    path.write_text(public_pem(bytes(32)))

    assert code_of(keys.export_public, settings, path) == "KEY_EXISTS"
    assert path.read_text() == public_pem(bytes(32))


@pytest.mark.parametrize("call", [keys.signing_secret, keys.trusted_publics, keys.rotate_keys])
def test_without_init_there_is_no_key(settings, call):
    assert code_of(call, settings) == "KEY_MISSING"


def _elliptic():
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.mark.parametrize("content", [b"", b"no key", _elliptic()], ids=["empty", "text", "other"])
def test_a_broken_secret_is_not_replaced_silently(settings, content):
    keys.make_keys(settings)
    secret_file(settings).write_bytes(content)

    assert code_of(keys.make_keys, settings) == "KEY_INVALID"
    assert secret_file(settings).read_bytes() == content


def test_a_file_without_a_public_key_is_refused(tmp_path):
    path = tmp_path / "some.pub"
    assert code_of(keys.read_publics, path) == "KEY_MISSING"
    for content in (b"", b"\xff", b"ssh-ed25519 AAAA"):
        path.write_bytes(content)
        assert code_of(keys.read_publics, path) == "KEY_INVALID"


def test_a_broken_file_among_the_trusted_ones_is_named(settings):
    keys.make_keys(settings)
    (settings.keys_dir / "trusted" / "zz.pub").write_text("?")

    assert code_of(keys.trusted_publics, settings) == "KEY_INVALID"
