"""Signing and checking statements: DSSE envelopes over Ed25519, keys as 32 raw bytes.

The envelope signs the payload *and* its type, and `open_statement` parses nothing before a
signature holds. Written on `cryptography` alone: securesystemslib would bring its key stores and
subprocesses into a package that does no I/O (a test checks that it accepts our envelopes).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from licensing.errors import PaperError
from licensing.manifest.digests import canonical, from_canonical, sha256_hex

# An Ed25519 SubjectPublicKeyInfo is this header and the 32 bytes of the key (RFC 8410, section 4).
_SPKI = bytes.fromhex("302a300506032b6570032100")
_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)-----END PUBLIC KEY-----")
_RENEW = "sign the paper again with a key that this reader trusts (`clearway set renew`)"


def public_of(secret: bytes) -> bytes:
    """The public key of a secret key."""
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """The name of a public key: the first 16 hex digits of its sha256."""
    return sha256_hex(public)[:16]


def public_pem(public: bytes) -> str:
    """A public key as PEM, the form that openssl and other people's tools read."""
    body = base64.b64encode(_SPKI + public).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def read_public_pem(text: str) -> tuple[bytes, ...]:
    """Every Ed25519 public key of a PEM text, in order.

    Raises:
        PaperError: KEY_MALFORMED if the text holds none, or a key of another kind.
    """
    keys = tuple(_key_of(body) for body in _PEM.findall(text))
    if not keys:
        raise _bad_key("no PEM block `PUBLIC KEY` found")
    return keys


def sign_statement(payload: Mapping[str, Any], *, payload_type: str, secret: bytes) -> bytes:
    """Wrap `payload` in a signed DSSE envelope, as canonical JSON."""
    raw = canonical(dict(payload))
    signature = Ed25519PrivateKey.from_private_bytes(secret).sign(_signed_bytes(payload_type, raw))
    envelope = {
        "payload": base64.b64encode(raw).decode(),
        "payloadType": payload_type,
        "signatures": [
            {"keyid": key_id(public_of(secret)), "sig": base64.b64encode(signature).decode()}
        ],
    }
    return canonical(envelope)


def open_statement(raw: bytes, *, payload_type: str, publics: Sequence[bytes]) -> dict[str, Any]:
    """The payload of an envelope that one of the trusted keys in `publics` has signed.

    Raises:
        PaperError: MANIFEST_MALFORMED (no envelope), SCHEMA_UNKNOWN (another payload type),
            UNSIGNED, KEY_UNKNOWN (signed, by nobody we trust) or SIGNATURE_BAD.
    """
    found_type, payload, signatures = _parts(from_canonical(raw, "the signed statement"))
    if found_type != payload_type:
        raise PaperError(
            f"the statement is of type {found_type!r}, expected {payload_type!r}",
            code="SCHEMA_UNKNOWN",
            subject="payloadType",
            way_out="put the right paper in its place",
        )
    _check_signatures(_signed_bytes(payload_type, payload), signatures, publics)
    doc = from_canonical(payload, "the payload of the signed statement")
    if not isinstance(doc, dict):
        raise _no_envelope("the payload is no JSON object")
    return doc


def _check_signatures(
    signed: bytes, signatures: Sequence[tuple[str, bytes]], publics: Sequence[bytes]
) -> None:
    if not signatures:
        raise PaperError(
            "the statement carries no signature", code="UNSIGNED", subject="signatures",
            way_out=_RENEW,
        )  # fmt: skip
    trusted = {key_id(public): public for public in publics}
    tried = [(name, sig) for name, sig in signatures if name in trusted]
    if not tried:
        names = ", ".join(name for name, _ in signatures)
        raise PaperError(
            f"signed by {names}, which is none of the trusted keys ({', '.join(trusted) or '-'})",
            code="KEY_UNKNOWN",
            subject=names,
            way_out="ask the issuer for the public key and pass it, or " + _RENEW,
        )
    if not any(_holds(trusted[name], sig, signed) for name, sig in tried):
        raise PaperError(
            f"the signature of {tried[0][0]} does not fit the statement: it was changed",
            code="SIGNATURE_BAD",
            subject=tried[0][0],
            way_out="fetch the paper again from its issuer, or " + _RENEW,
        )


def _holds(public: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _parts(envelope: object) -> tuple[str, bytes, list[tuple[str, bytes]]]:
    match envelope:
        case {"payload": str(payload), "payloadType": str(kind), "signatures": list(entries)}:
            return kind, _unbase64(payload), [_signature(entry) for entry in entries]
    raise _no_envelope("expected payload, payloadType and signatures")


def _signature(entry: object) -> tuple[str, bytes]:
    match entry:
        case {"keyid": str(name), "sig": str(sig)}:
            return name, _unbase64(sig)
    raise _no_envelope("a signature needs keyid and sig")


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_envelope(f"not base64: {error}") from error


def _signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: lengths keep type and payload apart."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _key_of(body: str) -> bytes:
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except binascii.Error as error:
        raise _bad_key(f"not base64: {error}") from error
    if not der.startswith(_SPKI) or len(der) != len(_SPKI) + 32:
        raise _bad_key("the key is not an Ed25519 key")
    return der[len(_SPKI) :]


def _bad_key(why: str) -> PaperError:
    return PaperError(
        f"not a public key that can check a clearance: {why}",
        code="KEY_MALFORMED",
        subject="public key",
        way_out="use the file that `clearway keys export` writes",
    )


def _no_envelope(why: str) -> PaperError:
    return PaperError(
        f"not a DSSE envelope: {why}",
        code="MANIFEST_MALFORMED",
        subject="envelope",
        way_out="fetch the paper again from its issuer",
    )
