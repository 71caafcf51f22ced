"""Files are stored as they are: copied by the system, read back where they lie, or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event

import pytest
from lance.file import LanceFileSession
from moto.server import ThreadedMotoServer
from pyarrow import fs

from pipelines.errors import LakeError, Unreadable
from pipelines.lake import commits, packs
from pipelines.lake.datasets import create_dataset
from pipelines.lake.erasing import erase_rows, leftovers
from pipelines.lake.packs import BLOB_ID, PACK_NAME, Whole, store_files
from pipelines.lake.reading import file_ids, iter_pieces, read_file, read_ranges
from pipelines.lake.schemas import MEDIA
from pipelines.lake.sealing import sweep
from pipelines.lake.writing import write_fragments
from pipelines.storage import copy_bytes
from tests.pipelines.lakes import NotedInMemory, pieces

PIECE = 1_000
SIZES = {"a": 1, "b": PIECE, "c": 3 * PIECE, "d": 7 * PIECE + 13, "e": 20}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(packs, "PIECE_BYTES", PIECE)
    monkeypatch.setattr(packs, "MAX_PIECES", 3)


@pytest.fixture
def uri(tmp_path):
    made = f"{tmp_path}/lake/demo/media.lance"
    create_dataset(made, MEDIA)
    return made


def whole(folder: Path, name: str, data: bytes) -> Whole:
    path = folder / name
    path.write_bytes(data)
    return Whole(source_id="demo", file_id=hashlib.sha256(data).hexdigest(), path=path)


def wholes(folder):
    """Files of no piece in full, of one, of a pack in full, of more than two packs."""
    return [
        whole(folder, name, hashlib.shake_256(name.encode()).digest(size))
        for name, size in SIZES.items()
    ]


def stored(uri, files, tmp_path):
    ledger = NotedInMemory()
    commits.plan_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")
    written = written_for(uri, files, tmp_path)
    commits.note_written(uri, written, ledger=ledger, batch_id="b1")
    commits.finish_batch(uri, ledger=ledger, batch_id="b1", run_id="r1")
    return written


def written_for(uri, files, tmp_path, *, stop=None):
    return store_files(
        uri, files, batch_id="b1", scratch=tmp_path / "scratch", stop=stop or Event()
    )


def data_files(uri):
    return sorted(str(one) for one in Path(uri, "data").rglob("*") if one.is_file())


def test_files_come_back_bit_by_bit_whatever_their_size(uri, tmp_path):
    files = wholes(tmp_path)

    written = stored(uri, files, tmp_path)

    assert file_ids(uri) == {one.file_id for one in files}
    for one in files:
        assert read_file(uri, one.file_id) == one.path.read_bytes()
    long = files[3]
    assert read_ranges(uri, [(long.file_id, 990, 2_020)]) == [long.path.read_bytes()[990:3_010]]
    assert [len(one) for one in iter_pieces(uri, long.file_id)] == [*[PIECE] * 7, 13]
    assert len(written.fragments) == 5  # of three pieces: 1 + 1 + 3 + 8 + 1
    assert sorted(f"{uri}/{path}" for path, _ in written.files) == data_files(uri)
    assert [one for one in leftovers(uri) if one.startswith("data/")] == []


def test_a_pack_is_named_and_a_fragment_described_as_the_library_does(uri, tmp_path, monkeypatch):
    session = LanceFileSession(f"{uri}/data")
    named = session.open_packed_blob_writer("some.lance", BLOB_ID).path
    assert named.endswith(f"/data/some/{PACK_NAME}")
    large = 100_000  # it keeps pieces up to 64 KiB with their rows
    monkeypatch.setattr(packs, "PIECE_BYTES", large)
    data = hashlib.shake_256(b"large").digest(2 * large)
    file = whole(tmp_path, "large", data)
    its = write_fragments(uri, MEDIA, pieces(file.file_id, data, large))

    ours = written_for(uri, [file], tmp_path)

    assert described(ours) == described(its)
    assert ours.keys == its.keys
    assert [size for path, size in ours.files if path.endswith(".lance")] == [
        size for path, size in its.files if path.endswith(".lance")
    ]


def described(written):
    (fragment,) = map(json.loads, written.fragments)
    (file,) = fragment.pop("files")
    return fragment, {name: value for name, value in file.items() if name != "path"}


def test_a_file_that_is_not_what_was_found_leaves_nothing(uri, tmp_path):
    files = wholes(tmp_path)
    changed = files[3].path
    changed.write_bytes(changed.read_bytes()[:-1])

    with pytest.raises(Unreadable, match="no longer what was scanned") as caught:
        written_for(uri, files, tmp_path)

    assert (caught.value.code, caught.value.subject) == ("CHANGED_WHILE_READ", str(changed))
    assert data_files(uri) == []


def test_what_is_hashed_lies_in_the_lake(uri, tmp_path, monkeypatch):
    def badly(source, target, size):
        copied = copy_bytes(source, target, size)
        os.pwrite(target, b"?", 0)
        return copied

    monkeypatch.setattr(packs, "copy_bytes", badly)
    with pytest.raises(Unreadable):
        written_for(uri, wholes(tmp_path), tmp_path)
    assert data_files(uri) == []


def test_storing_that_is_stopped_leaves_nothing(uri, tmp_path):
    stop = Event()

    def files():
        yield from wholes(tmp_path)[:3]
        stop.set()
        yield wholes(tmp_path)[3]

    with pytest.raises(CancelledError):
        written_for(uri, files(), tmp_path, stop=stop)
    assert data_files(uri) == []


def test_a_file_that_is_gone_is_said_and_a_lake_that_cannot_be_written_is_the_lakes(uri, tmp_path):
    gone = Whole(source_id="demo", file_id="0", path=tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        written_for(uri, [gone], tmp_path)

    Path(uri, "data").write_bytes(b"in the way")
    with pytest.raises(LakeError) as caught:
        written_for(uri, wholes(tmp_path), tmp_path)
    assert caught.value.code == "LAKE_UNWRITABLE"


def test_one_of_several_files_of_a_pack_is_erased_and_the_others_stay(uri, tmp_path, monkeypatch):
    monkeypatch.setattr(packs, "MAX_PIECES", 64)
    files = wholes(tmp_path)
    stored(uri, files, tmp_path)
    staying = [*files[:2], *files[3:]]
    marker = files[2].path.read_bytes()[:32]
    assert any(marker in Path(one).read_bytes() for one in data_files(uri))

    erase_rows(uri, f"file_id = '{files[2].file_id}'")

    assert leftovers(uri) == ()
    assert not any(marker in Path(one).read_bytes() for one in data_files(uri))
    assert file_ids(uri) == {one.file_id for one in staying}
    for one in staying:
        assert read_file(uri, one.file_id) == one.path.read_bytes()


def test_the_pack_of_a_writer_that_died_is_swept(uri, tmp_path):
    files = wholes(tmp_path)
    stored(uri, files[:2], tmp_path)
    kept = data_files(uri)
    dead = Path(uri, "data", "dead")
    dead.mkdir()
    (dead / PACK_NAME).write_bytes(b"half a film")

    sweep(uri)

    assert data_files(uri) == kept
    assert read_file(uri, files[1].file_id) == files[1].path.read_bytes()


def test_a_lake_in_a_bucket_holds_the_same(tmp_path, monkeypatch):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT": f"http://{host}:{port}",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }.items():
            monkeypatch.setenv(name, value)
        fs.FileSystem.from_uri("s3://lakes?allow_bucket_creation=true")[0].create_dir("lakes")
        uri = "s3://lakes/demo/media.lance"
        create_dataset(uri, MEDIA)
        files = wholes(tmp_path)

        stored(uri, files, tmp_path)

        for one in files:
            assert read_file(uri, one.file_id) == one.path.read_bytes()
    finally:
        server.stop()
