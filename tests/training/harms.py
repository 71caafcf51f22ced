"""What can be done to a training set, by accident or on purpose, before the gate sees it."""

import json
from datetime import timedelta

import lance

from licensing.manifest import canonical, sha256_hex
from tests import builders
from tests.builders import NOW
from tests.rows import tiny_row


def edit(home, **changes):
    """Change the manifest and have it signed again: an exporter that went wrong."""
    builders.write_manifest(home, builders.read_manifest(home) | changes)
    builders.sign_clearance(home)


def flip(path, at=-1):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def rename(home):
    """A manifest with another name that nobody has signed."""
    builders.write_manifest(home, builders.read_manifest(home) | {"name": "other"})


def reencode(home):
    manifest = builders.read_manifest(home)
    (home / "manifest.json").write_text(json.dumps(manifest, indent=1))


def unsign(home):
    path = home / "clearance.dsse.json"
    envelope = json.loads(path.read_bytes())
    path.write_bytes(canonical(envelope | {"signatures": []}))


def forge(home):
    """Keep the signature, put other words below it."""
    path = home / "clearance.dsse.json"
    signed = json.loads(path.read_bytes())
    builders.sign_clearance(home, not_after=NOW + timedelta(days=9_000))
    longer = json.loads(path.read_bytes())
    path.write_bytes(canonical(longer | {"signatures": signed["signatures"]}))


def largest(home):
    return max((home / "data.lance" / "data").rglob("*.lance"), key=lambda one: one.stat().st_size)


def change_row(home, column, value):
    """Rewrite one value where a whole export would have to be signed again, and list the files."""
    path = home / "data.lance"
    lance.dataset(path).update({column: value}, where="split = 'val'")
    manifest = builders.read_manifest(home)
    data = {"path": "data.lance", "version": lance.dataset(path).version}
    edit(home, data=data, files=builders.listed_files(home), splits=manifest["splits"])


def wrong_shard(home, **changes):
    shards = builders.read_manifest(home)["shards"]
    edit(home, shards=[shards[0] | changes, *shards[1:]])


def drop_shard(home):
    manifest = builders.read_manifest(home)
    first = manifest["shards"][0]
    edit(
        home,
        shards=[first],
        splits={"train": first["num_clips"], "val": 0, "test": 0},
        layouts={first["source_id"]: manifest["layouts"][first["source_id"]]},
    )


def list_fewer(home):
    files = builders.read_manifest(home)["files"]
    kept = [file for file in files if not file["path"].endswith("latest_version_hint.json")]
    edit(home, files=kept)


def sized(home):
    files = builders.read_manifest(home)["files"]
    edit(home, files=[file | {"bytes": file["bytes"] + 1} for file in files])


def revoke(home, *entries):
    builders.publish_revocations(home, sequence=1, entries=entries)


def some_clip():
    return tiny_row("birch", 0)["clip_id"]


def nothing(_home):
    """The set is left as it is; the call is what is wrong."""


def make_folder(path):
    path.unlink()
    path.mkdir()


def list_of(home):
    return home.parent.parent / "revocations.dsse.json"


def swap_papers(home):
    list_of(home).write_bytes((home / "clearance.dsse.json").read_bytes())


def publish_old(home):
    builders.publish_revocations(home, now=NOW - timedelta(days=2))


def digest(home):
    return sha256_hex((home / "manifest.json").read_bytes())


def flip_media(home, cleared):
    """Turn one bit in the stored film of the first row."""
    row_id = cleared.index.column("_rowid")[0].as_py()
    media = lance.dataset(home / "data.lance").read_blobs("media", ids=[row_id])[0][1]
    assert media is not None
    for path in (home / "data.lance").rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        if (at := raw.find(media)) >= 0:
            path.write_bytes(raw[: at + 99] + bytes([raw[at + 99] ^ 1]) + raw[at + 100 :])
