"""The signed head of a log: a checkpoint of C2SP, which is a signed note of three lines.

In: the origin of a log, its size and root, a secret. Out: a note, and the head read back from one
once a signature of a trusted key holds. Other people's tools read these notes, too
(https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from licensing.errors import PaperError
from licensing.manifest import canonical, key_id, public_of

PROOF_SCHEMA: Final = "clearway/log-proof/1"
_ED25519: Final = b"\x01"  # the type of the signature, before the key it is made with
_HEAD: Final = re.compile(
    r"(?P<origin>[^\s+]+)\n(?P<size>0|[1-9]\d{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*"
)
_SIGNATURE: Final = re.compile(r"— (?P<name>[^\s+]+) (?P<raw>[A-Za-z0-9+/]+=*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head whose signature held: the log's name, its number of leaves, its root in hex.

    `key_id` names the key that signed it, as `keys list` does.
    """

    origin: str
    size: int
    root: str
    key_id: str


def sign_head(origin: str, *, size: int, root: str, secret: bytes) -> str:
    """Write and sign the head of a log; `root` is in hex."""
    text = f"{origin}\n{size}\n{_text(bytes.fromhex(root))}\n"
    signature = Ed25519PrivateKey.from_private_bytes(secret).sign(text.encode())
    named = _key_hash(origin, public_of(secret)) + signature
    return f"{text}\n— {origin} {_text(named)}\n"


def open_head(note: str, publics: Sequence[bytes]) -> SignedHead:
    """Read the head in a note that one of the trusted keys in `publics` has signed.

    Raises:
        PaperError: HEAD_MALFORMED (no checkpoint), KEY_UNKNOWN (signed, by nobody we trust) or
            SIGNATURE_BAD.
    """
    text, _, signed = note.rpartition("\n\n")
    text += "\n"
    head = _HEAD.fullmatch(text)
    if head is None or not signed.endswith("\n"):
        raise _malformed("expected origin, size, root, an empty line and signatures")
    signatures = [_SIGNATURE.fullmatch(line) for line in signed.split("\n")]
    public = _signer(text, [one for one in signatures if one is not None], publics)
    return SignedHead(
        origin=head["origin"],
        size=int(head["size"]),
        root=base64.b64decode(head["root"]).hex(),
        key_id=key_id(public),
    )


def verifier_key(origin: str, public: bytes) -> str:
    """A public key in the form that tools for signed notes take."""
    return f"{origin}+{_key_hash(origin, public).hex()}+{_text(_ED25519 + public)}"


def log_proof(
    note: str, entries: Sequence[Mapping[str, Any]], older: Mapping[str, Any] | None
) -> bytes:
    """The file that proves what a log holds to whoever has a public key.

    An entry is `{"index", "leaf", "path", "document"}`: the leaf and the record's document as the
    texts that were hashed, the path as hex from the leaf upwards. The document is None where the
    record is no single text. `older` is `{"note", "path"}`: an earlier head that this one only
    adds to, and the path that shows it.
    """
    said = [dict(one) for one in entries]
    old = None if older is None else dict(older)
    return canonical({"schema": PROOF_SCHEMA, "note": note, "entries": said, "older": old})


def _signer(text: str, found: Sequence[re.Match[str]], publics: Sequence[bytes]) -> bytes:
    """The trusted key whose signature over `text` is among those found."""
    known = list(_by_trusted(found, publics))
    if not known:
        names = ", ".join(one["name"] for one in found) or "nobody"
        raise PaperError(
            f"the log's head is signed by {names}, with none of the {len(publics)} trusted keys",
            code="KEY_UNKNOWN",
            subject=names,
            way_out="ask the log's keeper for the public key and pass it with --key",
        )
    for public, signature in known:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
        except InvalidSignature:
            continue
        return public
    raise PaperError(
        f"the signature of {key_id(known[0][0])} does not fit the head of the log: it was changed",
        code="SIGNATURE_BAD",
        subject=key_id(known[0][0]),
        way_out="fetch the head again from the log's keeper",
    )


def _by_trusted(
    found: Sequence[re.Match[str]], publics: Sequence[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    for one in found:
        try:
            raw = base64.b64decode(one["raw"], validate=True)
        except binascii.Error as error:
            raise _malformed(f"a signature is not base64: {error}") from error
        if _text(raw) != one["raw"]:
            raise _malformed("a signature is not the base64 of any bytes")
        for public in publics:
            if raw[:4] == _key_hash(one["name"], public):
                yield public, raw[4:]


def _key_hash(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _malformed(why: str) -> PaperError:
    return PaperError(
        f"not a signed head of a log: {why}",
        code="HEAD_MALFORMED",
        subject="head",
        way_out="fetch the head again from the log's keeper",
    )
