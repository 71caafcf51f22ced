"""The papers: one byte form, signatures over exactly that, and shapes without exceptions."""

import base64
import json
import struct
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Key  # type: ignore[attr-defined]  # it names no exports

from licensing import manifest as papers
from licensing.errors import PaperError
from licensing.merkle import leaf_hash, tree_head
from tests import builders
from tests.builders import NOW, OTHER_SECRET, SECRET

PUBLIC = papers.public_of(SECRET)
KIND = "application/x-test"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return builders.read_manifest(builders.tiny_training_set(tmp_path_factory.mktemp("set")))


def signed(payload, secret=SECRET, kind=KIND):
    return papers.sign_statement(payload, payload_type=kind, secret=secret)


def opened(raw, publics=(PUBLIC,), kind=KIND):
    return papers.open_statement(raw, payload_type=kind, publics=publics)


def code_of(call, *args, **kwargs):
    with pytest.raises(PaperError) as caught:
        call(*args, **kwargs)
    assert caught.value.way_out
    return caught.value.code


# --- canonical JSON and digests


def test_canonical_json_is_the_form_of_rfc_8785():
    doc = {"b": 1.0, "a": ["é", None, True, 1e21], "😀": 0.1}

    assert papers.canonical(doc) == '{"a":["é",null,true,1e+21],"b":1,"😀":0.1}'.encode()
    assert papers.digest({}) == papers.sha256_hex(b"{}")


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**60, {1: 2}, {"\ud800": 1}, "\udfff"]
)
def test_what_has_no_canonical_form_is_refused(value):
    assert code_of(papers.canonical, {"a": value}) == "MANIFEST_MALFORMED"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a": 1}', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b"\xff", b'{"a":1.0}', b"1e400"],
)
def test_bytes_with_a_second_form_are_refused(raw):
    assert code_of(papers.from_canonical, raw, "it") == "MANIFEST_MALFORMED"


def test_nesting_without_end_is_refused():
    assert code_of(papers.from_canonical, b"[" * 100_000, "it") == "MANIFEST_MALFORMED"


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=8)
)
ROWS = st.dictionaries(st.text(max_size=4), PLAIN, max_size=4)


def exact(row):
    """A row with its types, and floats by their bits, so that 1, 1.0 and True differ."""
    return {
        name: (type(value), struct.pack("<d", value) if isinstance(value, float) else value)
        for name, value in row.items()
    }


@given(ROWS, ROWS)
def test_rows_share_a_digest_only_if_they_are_equal(one, other):
    same = papers.row_digest(one) == papers.row_digest(other)

    assert same == (exact(one) == exact(other))


@given(ROWS)
def test_the_order_of_columns_does_not_matter(row):
    assert papers.row_digest(row) == papers.row_digest(dict(reversed(row.items())))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 0.0}, {"a": -0.0}),
        ({"a": "1"}, {"a": b"1"}),
        ({"a": None}, {"a": ""}),
        ({"ab": "c"}, {"a": "bc"}),
        ({"a": "b", "c": "d"}, {"a": "bc", "d": ""}),
    ],
)
def test_rows_that_only_look_alike_differ(one, other):
    assert papers.row_digest(one) != papers.row_digest(other)


def test_the_bytes_of_a_row_digest_are_pinned():
    row = {"n": None, "b": True, "i": -3, "f": 0.5, "s": "ü", "y": b"\x00"}
    value = {
        "b": b"b" + _long(1) + b"\x01",
        "f": b"f" + _long(8) + bytes.fromhex("000000000000e03f"),
        "i": b"i" + _long(2) + b"-3",
        "n": b"0" + _long(0),
        "s": b"s" + _long(2) + b"\xc3\xbc",
        "y": b"y" + _long(1) + b"\x00",
    }
    written = b"".join(_long(1) + name.encode() + value[name] for name in sorted(value))

    assert papers.row_digest(row) == papers.sha256_hex(written)


def _long(number):
    return struct.pack("<Q", number)


def test_a_list_is_no_plain_value():
    assert code_of(papers.row_digest, {"a": [1]}) == "ROW_MALFORMED"


def test_combining_keeps_the_order():
    assert papers.combine(["aa", "bb"]) == papers.sha256_hex(b"aabb")
    assert papers.combine(["aa", "bb"]) != papers.combine(["bb", "aa"])


# --- keys and signatures


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


# --- the manifest


def test_a_written_manifest_is_read_back(written):
    assert papers.open_manifest(papers.canonical(written)) == written


def _first(doc, field, **changes):
    return {field: [doc[field][0] | changes, *doc[field][1:]]}


WRONG_MANIFESTS = {
    "a field missing": lambda doc: doc.pop("render"),
    "a field too many": lambda doc: doc.update(colour="red"),
    "version as text": lambda doc: doc.update(version="1"),
    "version zero": lambda doc: doc.update(version=0),
    "version true": lambda doc: doc.update(version=True),
    "a short digest": lambda doc: doc.update(content_digest="ab"),
    "a day that is none": lambda doc: doc.update(not_after="2026-02-30"),
    "a day with a time": lambda doc: doc.update(not_after="2026-02-03T00:00:00Z"),
    "a day that is a number": lambda doc: doc.update(not_after=20260203),
    "a list for an object": lambda doc: doc.update(splits=[]),
    "files unsorted": lambda doc: doc["files"].reverse(),
    "a file twice": lambda doc: doc["files"].insert(0, doc["files"][0]),
    "a path upwards": lambda doc: doc.update(_first(doc, "files", path="../x")),
    "a path from the root": lambda doc: doc.update(_first(doc, "files", path="/x")),
    "a path with backslash": lambda doc: doc.update(_first(doc, "files", path="a\\b")),
    "a paper as a file": lambda doc: doc.update(_first(doc, "files", path="clearance.dsse.json")),
    "a file of no object": lambda doc: doc.update(files=[1]),
    "data elsewhere": lambda doc: doc.update(data={"path": "other.lance", "version": 1}),
    "no shard": lambda doc: doc.update(shards=[], splits={"train": 0, "val": 0, "test": 0}),
    "shards unsorted": lambda doc: doc["shards"].reverse(),
    "splits that do not add up": lambda doc: doc["splits"].update(test=1),
    "a mean that is text": lambda doc: doc.update(_first(doc, "channels", mean="0")),
    "a channel of another kind": lambda doc: doc.update(_first(doc, "channels", kind="sound")),
    "a channel number twice": lambda doc: doc["channels"].append(doc["channels"][0]),
    "a layout of no source": lambda doc: doc["layouts"].update(oak={"action": [], "state": []}),
    "a layout of no channel": lambda doc: doc["layouts"]["acorn"].update(action=[9]),
    "a layout with text": lambda doc: doc["layouts"]["acorn"].update(state=["0"]),
    "another request": lambda doc: doc["request"].update(commercial=False),
    "no request": lambda doc: doc.update(request={"action": "fly"}),
    "a tombstone of no clip": lambda doc: doc["tombstones"].append({"clip_id": "a"}),
}


@pytest.mark.parametrize("harm", WRONG_MANIFESTS.values(), ids=WRONG_MANIFESTS)
def test_a_manifest_that_is_odd_or_contradicts_itself_is_refused(written, harm):
    doc = json.loads(papers.canonical(written))
    harm(doc)

    assert code_of(papers.open_manifest, papers.canonical(doc)) == "MANIFEST_MALFORMED"


@pytest.mark.parametrize("doc", [[], 1, None])
def test_a_manifest_is_an_object(doc):
    assert code_of(papers.check_manifest, doc) == "MANIFEST_MALFORMED"


def test_a_manifest_of_another_schema_is_not_guessed_at(written):
    assert code_of(papers.check_manifest, written | {"schema": "x"}) == "SCHEMA_UNKNOWN"


def test_a_refusal_names_the_field_and_cuts_long_values(written):
    with pytest.raises(PaperError, match=r"manifest\.name is \[.*\.\.\.") as caught:
        papers.check_manifest(written | {"name": list(range(100))})

    assert caught.value.subject == "manifest.name"


# --- clearance statement and revocation list


def statement(**changes):
    given: dict[str, Any] = {
        "request": {"action": "train", "commercial": True},
        "profile": "conservative",
        "rulebook_digest": "a" * 64,
        "valid": "2026-11-24",
        "known": "2026-11-24",
        "decisions": ["c" * 64, "b" * 64, "c" * 64],
        "obligations": ["attribute"],
        "not_before": NOW,
        "not_after": NOW + timedelta(hours=24),
        "log": None,
    }
    return papers.clearance_statement("d" * 64, **(given | changes))


def clearance(doc, kind=papers.CLEARANCE_TYPE):
    return papers.open_clearance(signed(doc, kind=kind), (PUBLIC,))


def test_a_clearance_is_an_in_toto_statement_about_the_manifest():
    doc = statement(log={"origin": "here", "size": 3})
    raw = signed(doc, kind=papers.CLEARANCE_TYPE)
    found = papers.open_clearance(raw, (PUBLIC,))

    assert doc["_type"] == "https://in-toto.io/Statement/v1"
    assert doc["predicateType"] == "https://clearway.example/clearance/v1"
    assert doc["subject"] == [{"name": "manifest.json", "digest": {"sha256": "d" * 64}}]
    assert (found.manifest_digest, found.digest) == ("d" * 64, papers.sha256_hex(raw))
    assert (found.not_before, found.not_after) == (NOW, NOW + timedelta(hours=24))
    assert found.predicate == doc["predicate"]


def test_decisions_are_listed_once_in_order_under_their_head():
    predicate = statement()["predicate"]
    leaves = [leaf_hash(bytes.fromhex(one * 64)) for one in "bc"]

    assert predicate["decisions"] == ["b" * 64, "c" * 64]
    assert predicate["decisions_root"] == tree_head(leaves).hex()


def test_moments_are_cut_to_whole_seconds_in_utc():
    there = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 24, 14, 30, 59, 999_999, there)

    assert papers.instant(moment) == "2026-11-24T12:30:59Z"
    assert papers.moment("2026-11-24T12:30:59Z") == datetime(2026, 11, 24, 12, 30, 59, tzinfo=UTC)


WRONG_STATEMENTS = {
    "two subjects": lambda doc: doc["subject"].append(doc["subject"][0]),
    "another subject": lambda doc: doc["subject"][0].update(name="NOTICE"),
    "another statement": lambda doc: doc.update(_type="https://in-toto.io/Statement/v0"),
    "a digest of another kind": lambda doc: doc["subject"][0].update(digest={"md5": "0"}),
    "no request": lambda doc: doc["predicate"].pop("request"),
    "an end before the beginning": lambda doc: doc["predicate"].update(
        not_after=doc["predicate"]["not_before"]
    ),
    "another head": lambda doc: doc["predicate"].update(decisions_root="0" * 64),
    "an hour that is none": lambda doc: doc["predicate"].update(not_after="2026-11-24T25:00:00Z"),
}


@pytest.mark.parametrize("harm", WRONG_STATEMENTS.values(), ids=WRONG_STATEMENTS)
def test_a_clearance_that_is_odd_is_refused_though_signed(harm):
    doc = json.loads(papers.canonical(statement()))
    harm(doc)

    assert code_of(clearance, doc) == "MANIFEST_MALFORMED"


def test_a_clearance_that_would_be_refused_is_not_written():
    assert code_of(statement, not_after=NOW) == "MANIFEST_MALFORMED"
    assert code_of(statement, rulebook_digest="") == "MANIFEST_MALFORMED"


def test_another_predicate_and_another_payload_type_are_not_guessed_at():
    doc = statement()

    assert code_of(clearance, doc | {"predicateType": "x"}) == "SCHEMA_UNKNOWN"
    assert code_of(clearance, doc, papers.REVOCATIONS_TYPE) == "SCHEMA_UNKNOWN"


def listed(entries=(), sequence=0):
    return papers.revocation_list(
        sequence, issued_at=NOW, fresh_until=NOW + timedelta(days=1), entries=entries
    )


def test_a_revocation_list_is_read_back_by_kind():
    entries = [builders.revoked("source", "acorn"), builders.revoked("clip", "c1", "e" * 64)]
    raw = signed(listed(entries, 2), kind=papers.REVOCATIONS_TYPE)

    found = papers.open_revocations(raw, (PUBLIC,))

    assert (found.sequence, found.issued_at) == (2, NOW)
    assert found.fresh_until == NOW + timedelta(days=1)
    assert found.digest == papers.sha256_hex(raw)
    assert found.of("source") == {"acorn": entries[0]}
    assert found.of("clip") == {"c1": entries[1]}
    assert found.of("set") == {}


@pytest.mark.parametrize(
    "changes",
    [{"kind": "party"}, {"id": ""}, {"at": "2026-11-24"}, {"successor": "x"}, {"licence": "MIT"}],
)
def test_an_odd_entry_is_refused(changes):
    entry = builders.revoked("source", "acorn") | changes

    assert code_of(listed, [entry]) == "MANIFEST_MALFORMED"


def test_a_list_of_another_schema_or_a_negative_sequence_is_refused():
    raw = signed(listed() | {"schema": "x"}, kind=papers.REVOCATIONS_TYPE)

    assert code_of(papers.open_revocations, raw, (PUBLIC,)) == "SCHEMA_UNKNOWN"
    assert code_of(listed, (), -1) == "MANIFEST_MALFORMED"
