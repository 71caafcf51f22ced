"""The station's signing keys: made at `init`, rotated, and the public part handed out.

Layout of the keys folder: `signing.key`, the secret in use (PKCS #8 PEM, readable by its owner
only), and `trusted/<key id>.pub`, one public key a file. The secret of a rotated key is gone; its
public part stays trusted, so that what it signed can still be checked until it expires.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from licensing.errors import PaperError
from licensing.manifest import key_id, public_of, public_pem, read_public_pem
from pipelines.errors import KeysError
from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInfo:
    """A trusted public key; `signing` marks the one whose secret signs now."""

    key_id: str
    path: Path
    signing: bool


def make_keys(settings: Settings) -> str:
    """Make the key pair of this station unless it has one; its key id either way."""
    (settings.keys_dir / "trusted").mkdir(parents=True, exist_ok=True)
    if not _secret_path(settings).exists():
        fresh = _new_secret(settings)
        with suppress(FileExistsError):  # an `init` beside this one was first: its key counts
            _place(fresh, _secret_path(settings))
        fresh.unlink(missing_ok=True)
    return _trust_own(settings)


def rotate_keys(settings: Settings) -> str:
    """Replace the signing key by a new one; the old public key stays trusted.

    Raises:
        KeysError: KEY_MISSING if there is no key to replace.
    """
    _trust_own(settings)
    _new_secret(settings).replace(_secret_path(settings))
    return _trust_own(settings)


def signing_secret(settings: Settings) -> bytes:
    """The 32 bytes that sign.

    Raises:
        KeysError: KEY_MISSING if `init` has not run, KEY_INVALID if the file holds no such key.
    """
    path = _secret_path(settings)
    try:
        pem = path.read_bytes()
    except FileNotFoundError as error:
        raise KeysError(
            f"{path}: no signing key",
            code="KEY_MISSING",
            subject=str(path),
            way_out="run `clearway init`, or put the key back from your backup",
        ) from error
    try:
        secret = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise _invalid(path, str(error)) from error
    if not isinstance(secret, Ed25519PrivateKey):
        raise _invalid(path, f"a {type(secret).__name__}")
    return secret.private_bytes_raw()


def trusted_publics(settings: Settings) -> tuple[bytes, ...]:
    """Every public key that this station trusts, the one in use first.

    Raises:
        KeysError: KEY_MISSING if `init` has not run.
    """
    own = public_of(signing_secret(settings))
    others = (
        key
        for path in sorted((settings.keys_dir / "trusted").glob("*.pub"))
        for key in read_publics(path)
    )
    return (own, *dict.fromkeys(key for key in others if key != own))


def read_publics(path: Path) -> tuple[bytes, ...]:
    """The public keys of a file that `export_public` wrote, here or elsewhere.

    Raises:
        KeysError: KEY_MISSING if there is no such file, KEY_INVALID if it holds no such key.
    """
    try:
        return read_public_pem(path.read_text(encoding="ascii"))
    except FileNotFoundError as error:
        raise KeysError(
            f"{path}: no such file, expected a public key",
            code="KEY_MISSING",
            subject=str(path),
            way_out="name the file that `clearway keys export` wrote",
        ) from error
    except (PaperError, UnicodeDecodeError) as error:
        raise KeysError(
            f"{path}: {error}",
            code="KEY_INVALID",
            subject=str(path),
            way_out="name the file that `clearway keys export` wrote",
        ) from error


def list_keys(settings: Settings) -> tuple[KeyInfo, ...]:
    """The trusted keys, the one in use first."""
    own, *others = trusted_publics(settings)
    return tuple(
        KeyInfo(key_id=key_id(public), path=_public_path(settings, public), signing=public == own)
        for public in (own, *others)
    )


def export_public(settings: Settings, path: Path) -> Path:
    """Write the trusted public keys to `path`: all that a trainer or an auditor needs.

    Raises:
        KeysError: KEY_EXISTS if `path` holds something else already, a folder included.
    """
    pem = "".join(public_pem(public) for public in trusted_publics(settings))
    if path.is_dir() or (path.exists() and path.read_bytes() != pem.encode()):
        raise KeysError(
            f"{path} exists and holds something else than the trusted public keys",
            code="KEY_EXISTS",
            subject=str(path),
            way_out="name another file, or remove this one",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pem, encoding="ascii")
    return path


def _trust_own(settings: Settings) -> str:
    public = public_of(signing_secret(settings))
    path = _public_path(settings, public)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(public_pem(public), encoding="ascii")
    return key_id(public)


def _new_secret(settings: Settings) -> Path:
    """A new secret in a file of its own, whole before it takes the name that others read."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        encoding=serialization.Encoding.PEM,
        format=serialization.PrivateFormat.PKCS8,
        encryption_algorithm=serialization.NoEncryption(),
    )
    handle, name = tempfile.mkstemp(prefix="signing.", dir=settings.keys_dir)  # made with mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return Path(name)


def _place(fresh: Path, path: Path) -> None:
    """Give the file its name unless the name is taken; a link tells which of two came first."""
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        fresh.rename(path)


def _secret_path(settings: Settings) -> Path:
    return settings.keys_dir / "signing.key"


def _public_path(settings: Settings, public: bytes) -> Path:
    return settings.keys_dir / "trusted" / f"{key_id(public)}.pub"


def _invalid(path: Path, found: str) -> KeysError:
    return KeysError(
        f"{path}: expected an Ed25519 private key in PEM, got {found}",
        code="KEY_INVALID",
        subject=str(path),
        way_out="put the key back from your backup, or move it away and run `clearway init`",
    )
