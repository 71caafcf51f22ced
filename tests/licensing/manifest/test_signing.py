"""Signatures hold for exactly what was signed, by exactly who is trusted."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Key  # type: ignore[attr-defined]  # it names no exports

from licensing import manifest as papers
from tests.builders import OTHER_SECRET, SECRET
from tests.licensing.refusals import code_of

PUBLIC = papers.public_of(SECRET)
KIND = "application/x-test"


def signed(payload, secret=SECRET, kind=KIND):
    return papers.sign_statement(payload, payload_type=kind, secret=secret)


def opened(raw, publics=(PUBLIC,), kind=KIND):
    return papers.open_statement(raw, payload_type=kind, publics=publics)


def test_public_keys_travel_as_pem_that_others_read():
    pem = papers.public_pem(PUBLIC)

    assert papers.read_public_pem(pem) == (PUBLIC,)
    found = serialization.load_pem_public_key(pem.encode())
    assert isinstance(found, Ed25519PublicKey)
    assert found.public_bytes_raw() == PUBLIC
    other = papers.public_of(OTHER_SECRET)
    assert papers.read_public_pem(pem + papers.public_pem(other)) == (PUBLIC, other)


def _elliptic():
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.mark.parametrize(
    "text",
    ["", "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----\n", _elliptic()],
    ids=["empty", "no base64", "another kind"],
)
def test_other_keys_are_refused(text):
    assert code_of(papers.read_public_pem, text) == "KEY_MALFORMED"


@given(st.dictionaries(st.text(), st.integers(-(2**53) + 1, 2**53 - 1) | st.text()))
def test_what_was_signed_is_read_back(payload):
    assert opened(signed(payload)) == payload


def test_an_independent_implementation_accepts_our_envelopes():
    envelope = Envelope.from_dict(json.loads(signed({"a": 1})))
    doc = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": PUBLIC.hex()}}
    key = Key.from_dict(papers.key_id(PUBLIC), doc)

    assert list(envelope.verify([key], 1)) == [papers.key_id(PUBLIC)]


def test_one_trusted_signature_among_others_is_enough():
    envelope = json.loads(signed({"a": 1}))
    foreign = json.loads(signed({"a": 1}, OTHER_SECRET))
    envelope["signatures"] = foreign["signatures"] + envelope["signatures"]

    assert opened(papers.canonical(envelope)) == {"a": 1}


def _with(**changes):
    return papers.canonical(json.loads(signed({"a": 1})) | changes)


def _sig(**changes):
    return [json.loads(signed({"a": 1}))["signatures"][0] | changes]


def _payload(raw):
    return base64.b64encode(raw).decode()


BAD_ENVELOPES = {
    "UNSIGNED": [_with(signatures=[])],
    "KEY_UNKNOWN": [signed({"a": 1}, OTHER_SECRET), _with(signatures=_sig(keyid="0" * 16))],
    "SIGNATURE_BAD": [
        _with(payload=_payload(b'{"a":2}')),
        _with(payload=_payload(b"no JSON: nothing is parsed before a signature holds")),
        _with(signatures=_sig(sig=_payload(b"short"))),
        _with(signatures=json.loads(signed({"a": 1}, kind="text/plain"))["signatures"]),
    ],
    "SCHEMA_UNKNOWN": [signed({"a": 1}, kind="text/plain")],
    "MANIFEST_MALFORMED": [
        b"",
        b"[]",
        _with(payload=7),
        _with(payload="*"),
        _with(payload="é"),
        _with(signatures=[7]),
        _with(signatures="none"),
        json.dumps(json.loads(signed({"a": 1}))).encode(),
    ],
}


@pytest.mark.parametrize(
    ("code", "raw"), [(code, raw) for code, raws in BAD_ENVELOPES.items() for raw in raws]
)
def test_an_envelope_that_does_not_hold_is_refused(code, raw):
    assert code_of(opened, raw) == code


def test_a_signed_payload_must_be_a_canonical_object():
    for payload in (b"[]", b'{"a": 1}'):
        raw = _sign_bytes(payload)
        assert code_of(opened, raw) == "MANIFEST_MALFORMED"


def _sign_bytes(payload):
    """An envelope over bytes that `sign_statement` would never write."""
    said = b"DSSEv1 %d %b %d %b" % (len(KIND), KIND.encode(), len(payload), payload)
    sig = Ed25519PrivateKey.from_private_bytes(SECRET).sign(said)
    return papers.canonical(
        {
            "payload": _payload(payload),
            "payloadType": KIND,
            "signatures": [{"keyid": papers.key_id(PUBLIC), "sig": _payload(sig)}],
        }
    )
