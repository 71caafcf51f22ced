"""A pack is the set, every picture bit by bit, every number, every paper; or it is refused."""

from __future__ import annotations

import dataclasses
import io
import json
import shlex
import shutil
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs
from typer.testing import CliRunner

from licensing.errors import ClearwayError
from licensing.manifest import sha256_hex
from licensing.request import read_request
from pipelines.cli import app
from pipelines.errors import PackError
from pipelines.export import check_set, export_set
from pipelines.keys import trusted_publics
from pipelines.pack import FORMATS, pack_set, parquet, webdataset
from pipelines.pack import lerobot as lerobot_module
from pipelines.pack import station as station_module
from pipelines.pack.rows import Work, chosen_rows, plain_name
from pipelines.readers.decode import Coding, decode_units
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from tests.pages import commands
from tests.pipelines.full_disk import files_of_at_most
from tests.pipelines.readers.recordings import read_all
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
)
from training.errors import Refused
from training.gate import open_training_set, verify_training_set

OTHERS = tuple(one for one in FORMATS if one != "lance")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A set with films, of one source by two cameras, and a source without any."""
    settings = make_world(tmp_path_factory.mktemp("pack"))
    add_source(settings, "open", [MIT], episodes=3, seed=2)
    add_source(settings, "arm", [contract(end="2026-12-24")], seconds=4, seed=3)
    add_source(settings, "pad-only", [MIT], seed=5, video=False)
    add_source(settings, "pair", [MIT], seed=7, episodes=2, cameras=("/rig/left", "/rig/right"))
    spec = RenderSpec(width=32, height=32, fps=10)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=NOW)
    return settings


@pytest.fixture(scope="module")
def cleared(world):
    return open_training_set(
        world.set_uri("demo", 1), read_request(COMMERCIAL), keys=trusted_publics(world), now=NOW
    )


@pytest.fixture(scope="module")
def truth(cleared):
    """Every row of the set by clip and camera, its pictures decoded from its own packets."""
    import lance

    data = lance.dataset(f"{cleared.uri}/data.lance")
    rows = cleared.index.to_pylist()
    media = data.read_blobs("media", ids=[one["_rowid"] for one in rows], preserve_order=True)
    return {
        (row["clip_id"], row["camera"]): row | {"pictures": decoded(raw, "h264") if raw else []}
        for row, (_, raw) in zip(rows, media, strict=True)
    }


@pytest.fixture(scope="module")
def packs(world, tmp_path_factory):
    """The set in every format."""
    folder = tmp_path_factory.mktemp("packs")
    for name in FORMATS:
        packed(world, folder / name, name)
    return folder


def packed(world, target, name, **how):
    return pack_set("demo", str(target), world, as_format=name, now=how.pop("now", NOW), **how)


def decoded(raw, kind="mp4"):
    with av.open(io.BytesIO(raw), "r", format=kind) as film:
        return [sha256_hex(frame.to_ndarray().tobytes()) for frame in film.decode(video=0)]


def verified(world, target, **how):
    return verify_training_set(target, trusted_publics(world), now=how.pop("now", NOW), **how)


def numbers(row):
    """Actions, states and masks of a row of the set as frames x columns."""
    shape = (row["num_frames"], -1)
    widths = row["action_width"], row["state_width"]
    action = np.array(row["action"], np.float32).reshape(shape)
    state = np.array(row["state"], np.float32).reshape(shape)
    assert (action.shape[1], state.shape[1]) == widths
    return action, state, np.array(row["valid"], np.bool_).reshape(shape)


def contents(folder):
    return {
        one.relative_to(folder).as_posix(): sha256_hex(one.read_bytes())
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def test_the_set_has_clips_with_and_without_films(truth):
    assert {bool(row["pictures"]) for row in truth.values()} == {True, False}
    assert all(len(row["pictures"]) in {0, row["num_frames"]} for row in truth.values())
    assert len({one for row in truth.values() for one in row["pictures"]}) > 40
    sides = [{clip for clip, of in truth if of == f"/rig/{side}"} for side in ("left", "right")]
    assert sides[0] == sides[1] != set()
    for clip in sides[0]:
        assert truth[clip, "/rig/left"]["pictures"] != truth[clip, "/rig/right"]["pictures"]


def test_parquet_holds_every_picture_and_number(packs, truth):
    rows = pq.read_table(packs / "parquet/rows.parquet").to_pylist()
    assert len(rows) == len(truth)
    for row in rows:
        own = truth[row["clip_id"], row["camera"]]
        path = row.pop("media_path")
        film = (packs / "parquet" / path).read_bytes() if path else None
        assert (decoded(film) if film else []) == own["pictures"]
        assert row == {name: own[name] for name in row}


# The library leaves the shards that it has read to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_webdataset_reads_every_picture_and_number(packs, truth):
    import webdataset

    shards = [str(one) for one in sorted((packs / "webdataset").glob("*.tar"))]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode())
    assert len(samples) == len(truth)
    for sample in samples:
        facts = sample["json"]
        own = truth[facts["clip_id"], facts["camera"]]
        assert (decoded(sample["mp4"]) if "mp4" in sample else []) == own["pictures"]
        read = sample["action.npy"], sample["state.npy"], sample["valid.npy"]
        for given, expected in zip(read, numbers(own), strict=True):
            assert given.dtype == expected.dtype
            assert np.array_equal(given, expected)
        assert [int(at) for at in facts.pop("frame_ts_ns")] == own["frame_ts_ns"]
        assert int(facts.pop("start_ns")) == own["start_ns"]
        assert facts == {name: own[name] for name in facts}


def test_lerobot_holds_every_picture_and_number_of_every_layout(packs, truth):
    folders = sorted((packs / "lerobot").glob("layout-*"))
    assert len(folders) == 3
    seen = set()
    for folder in folders:
        seen |= check_lerobot(folder, truth)
    assert seen == set(truth)


def check_lerobot(folder, truth):
    """Compare one data set with the set by the layout that LeRobot documents for v3.0."""
    info = json.loads((folder / "meta/info.json").read_bytes())
    assert info["codebase_version"] == "v3.0"
    cameras = {
        one["info"]["camera"]: name
        for name, one in info["features"].items()
        if one["dtype"] == "video"
    }
    episodes = pq.read_table(folder / "meta/episodes").to_pylist()
    frames = pq.read_table(folder / "data").sort_by("index")
    assert {one for one, each in info["features"].items() if each["dtype"] != "video"} == set(
        frames.column_names
    )
    assert frames["index"].to_pylist() == list(range(info["total_frames"]))
    tasks = pq.read_table(folder / "meta/tasks.parquet").to_pylist()
    seen = set()
    for one in episodes:
        low, high = one["dataset_from_index"], one["dataset_to_index"]
        own_frames = frames.slice(low, high - low)
        assert set(own_frames["episode_index"].to_pylist()) == {one["episode_index"]}
        assert own_frames["frame_index"].to_pylist() == list(range(one["length"]))
        for camera in cameras or {"": ""}:
            own = truth[one["clip_id"], camera]
            seen.add((one["clip_id"], camera))
            assert own_frames["frame_ts_ns"].to_pylist() == own["frame_ts_ns"]
            check_numbers(own_frames, own)
            first, last = (int(text) for text in info["splits"][own["split"]].split(":"))
            assert first <= one["episode_index"] < last
            assert one["tasks"] == [own["source_id"]]
            task = own_frames["task_index"][0].as_py()
            assert tasks[task] == {"task_index": task, "task": own["source_id"]}
            if camera:
                assert film_of(folder, info, one, cameras[camera]) == own["pictures"]
    return seen


def check_numbers(frames, own):
    action, state, valid = numbers(own)
    width = action.shape[1]
    for name, expected in (
        ("action", action),
        ("observation.state", state),
        ("valid.action", valid[:, :width]),
        ("valid.state", valid[:, width:]),
    ):
        read = np.array(frames[name].to_pylist(), expected.dtype).reshape(expected.shape)
        assert np.array_equal(read, expected)


def film_of(folder, info, episode, name):
    """The pictures between the two times that an episode names, as a reader finds them."""
    place = {key: episode[f"videos/{name}/{key}"] for key in ("chunk_index", "file_index")}
    path = folder / info["video_path"].format(video_key=name, **place)
    low, high = (episode[f"videos/{name}/{side}_timestamp"] for side in ("from", "to"))
    with av.open(str(path)) as film:
        return [
            sha256_hex(frame.to_ndarray().tobytes())
            for frame in film.decode(video=0)
            if low - 1e-6 <= frame.time < high - 1e-6
        ]


def test_files_are_parted_where_they_are_full(cleared, truth, tmp_path):
    work = Work(
        cleared=cleared, rows=chosen_rows(cleared, None), folder=tmp_path, told=lambda _: None
    )
    lerobot_module.write_lerobot(work, file_bytes=2_000)
    seen = set()
    for folder in sorted(tmp_path.glob("layout-*")):
        seen |= check_lerobot(folder, truth)
    assert seen == set(truth)
    assert len(list(tmp_path.glob("layout-*/videos/*/*/*.mp4"))) > 2
    webdataset.write_webdataset(work, shard_bytes=10_000)
    shards = sorted(tmp_path.glob("shard-*.tar"))
    assert len(shards) > 2
    keys = [names_in(one) for one in shards]
    assert sum(map(len, keys)) == len(set().union(*keys)) == len(truth)


@pytest.mark.filterwarnings("ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("length", [41, 90, 300])
def test_cameras_with_long_names_are_packed_and_read_back(cleared, truth, tmp_path, length):
    import webdataset as library

    rows = chosen_rows(cleared, None)
    long = [one and one.ljust(length, "x") for one in rows["camera"].to_pylist()]
    at = rows.column_names.index("camera")
    work = Work(
        cleared=cleared,
        rows=rows.set_column(at, "camera", pa.array(long)),
        folder=tmp_path,
        told=lambda _: None,
    )
    webdataset.write_webdataset(work)
    shards = [str(one) for one in sorted(tmp_path.glob("*.tar"))]
    samples = list(library.WebDataset(shards, shardshuffle=False).decode())
    told = {(one["json"]["clip_id"], one["json"]["camera"]) for one in samples}
    assert told == {(clip, camera and camera.ljust(length, "x")) for clip, camera in truth}
    assert sum("mp4" in one for one in samples) == sum(bool(one) for one in long)
    parquet.write_parquet(work)
    assert len(list(tmp_path.glob("media/*.mp4"))) == sum(bool(one) for one in long)


def names_in(shard):
    with tarfile.open(shard) as tar:
        return {name.partition(".")[0] for name in tar.getnames()}


@pytest.mark.parametrize("name", FORMATS)
def test_the_papers_travel_and_verify_with_a_public_key_alone(world, packs, name, tmp_path):
    carried = tmp_path / "far/away/pack"
    shutil.copytree(packs / name, carried)
    assert verified(world, carried) == "2026-12-02T09:30:00Z"
    own = Path(world.set_uri("demo", 1))
    for paper in ("manifest.json", "clearance.dsse.json"):
        assert (carried / paper).read_bytes() == (own / paper).read_bytes()
    assert contents(carried / "documents") == contents(own / "documents")
    assert not (carried / "pack.json").exists() or name != "lance"


def test_a_packed_lance_set_opens_at_the_trainer(world, packs):
    use = read_request(COMMERCIAL)
    opened = open_training_set(packs / "lance", use, keys=trusted_publics(world), now=NOW)
    assert opened.index.num_rows


@pytest.mark.parametrize("name", FORMATS)
def test_a_flipped_byte_in_any_file_is_found(world, packs, name, tmp_path):
    carried = tmp_path / "far/away/pack"
    shutil.copytree(packs / name, carried)
    papers = {"MANIFEST_MALFORMED", "SIGNATURE_BAD", "REVOCATIONS_BAD", "PACK_CHANGED",
              "MANIFEST_CHANGED", "KEY_UNKNOWN", "FILE_CHANGED"}  # fmt: skip
    for path in sorted(carried.rglob("*")):
        if not path.is_file() or not path.stat().st_size:
            continue
        raw = path.read_bytes()
        changed = bytearray(raw)
        changed[len(raw) // 2] ^= 1
        path.write_bytes(changed)
        with pytest.raises(Refused) as caught:
            verified(world, carried)
        assert caught.value.code in papers, path
        if path.parent.name != "pack":
            assert caught.value.code == "FILE_CHANGED", path
        path.write_bytes(raw)
    assert verified(world, carried)


HARMS = [
    ("FILE_MISSING", lambda home: (home / "rows.parquet").unlink()),
    ("FILE_EXTRA", lambda home: (home / "more.mp4").touch()),
    ("FILE_SIZE", lambda home: (home / "rows.parquet").write_bytes(b"")),
    ("MANIFEST_MISSING", lambda home: (home / "pack.dsse.json").unlink()),
    ("MANIFEST_MISSING", lambda home: (home / "pack.json").unlink()),
    ("MANIFEST_MISSING", lambda home: (home / "clearance.dsse.json").unlink()),
]


@pytest.mark.parametrize(("code", "harm"), HARMS)
def test_what_is_wrong_with_a_pack_is_named(world, packs, code, harm, tmp_path):
    carried = tmp_path / "far/away/pack"
    shutil.copytree(packs / "parquet", carried)
    harm(carried)
    with pytest.raises(Refused) as caught:
        verified(world, carried)
    assert caught.value.code == code


def test_a_pack_ends_with_its_clearance(world, packs):
    with pytest.raises(Refused) as caught:
        verified(world, packs / "parquet", now=NOW + timedelta(days=2))
    assert caught.value.code == "EXPIRED"


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_set_gives_the_same_bytes(world, packs, name, tmp_path):
    packed(world, tmp_path / "again", name)
    assert contents(tmp_path / "again") == contents(packs / name)


def test_one_split_alone(world, truth, tmp_path):
    counted = {row["split"] for row in truth.values()}
    for split in sorted(counted):
        packed(world, tmp_path / split, "parquet", split=split)
        rows = pq.read_table(tmp_path / split / "rows.parquet").to_pylist()
        own = {key for key, row in truth.items() if row["split"] == split}
        assert {(row["clip_id"], row["camera"]) for row in rows} == own
        assert verified(world, tmp_path / split)
    for split in {"train", "val", "test"} - counted:
        with pytest.raises(PackError, match="no clip in split"):
            packed(world, tmp_path / "none", "parquet", split=split)


REFUSED = [
    ("FORMAT_UNKNOWN", {"name": "zip"}),
    ("SPLIT_WHOLE", {"name": "lance", "split": "train"}),
    ("TARGET_NOT_LOCAL", {"name": "parquet", "target": "s3://sets/pack"}),
]


@pytest.mark.parametrize(("code", "how"), REFUSED)
def test_what_cannot_be_packed_is_refused_with_a_way_out(world, code, how, tmp_path):
    given = dict(how)
    with pytest.raises(PackError) as caught:
        packed(world, given.pop("target", tmp_path / "pack"), given.pop("name"), **given)
    assert caught.value.code == code
    assert caught.value.way_out
    assert not list(tmp_path.iterdir())


def test_a_target_that_exists_is_left_alone(world, tmp_path):
    with pytest.raises(PackError) as caught:
        packed(world, tmp_path, "parquet")
    assert caught.value.code == "TARGET_EXISTS"
    assert not list(tmp_path.iterdir())


def test_a_dry_run_writes_nothing(world, truth, tmp_path):
    done = packed(world, tmp_path / "pack", "webdataset", dry_run=True)
    assert done.rows == len(truth)
    assert "would hold" in done.summary()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", FORMATS)
def test_a_set_that_the_gate_refuses_is_not_packed(world, name, tmp_path):
    with pytest.raises(Refused) as caught:
        packed(world, tmp_path / "pack", name, now=NOW + timedelta(days=2))
    assert caught.value.code == "EXPIRED"
    assert not list(tmp_path.iterdir())


def test_a_changed_or_revoked_set_is_not_packed(world, packs, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(world.home, home)
    moved = dataclasses.replace(
        world, home=home, catalog_url=f"sqlite:///{home}/catalog.sqlite", lake=str(home / "lake"),
    )  # fmt: skip
    blob = max(
        Path(moved.set_uri("demo", 1), "data.lance").rglob("*"), key=lambda one: one.stat().st_size
    )
    raw = blob.read_bytes()
    blob.write_bytes(raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:])
    with pytest.raises(Refused) as caught:
        packed(moved, tmp_path / "pack", "parquet")
    assert caught.value.code == "FILE_CHANGED"
    blob.write_bytes(raw)

    revoke("open", moved, reason="breach", at=NOW.date(), now=NOW, run_id="test")
    with pytest.raises(Refused) as caught:
        packed(moved, tmp_path / "pack", "parquet")
    assert caught.value.code == "SHARD_REVOKED"
    assert not (tmp_path / "pack").exists()
    with pytest.raises(Refused) as caught:
        verified(moved, packs / "parquet", revocations=moved.revocations)
    assert caught.value.code == "SHARD_REVOKED"


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("step", ["_write_papers", "copy_listed"])
def test_a_killed_pack_leaves_nothing_that_looks_whole(world, monkeypatch, step, name, tmp_path):
    class Killed(BaseException):
        pass

    def die(*_args, **_how):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(station_module, step, die)
        patch.setattr(shutil, "rmtree", lambda *_args, **_how: None)
        with pytest.raises(Killed):
            packed(world, tmp_path / "pack", name)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".pack.")
    with pytest.raises(Refused):
        verified(world, left)
    packed(world, tmp_path / "pack", name)
    assert verified(world, tmp_path / "pack")


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_is_said_and_leaves_nothing(world, name, tmp_path):
    with looking(world) as session:
        session.connection()  # SQLite's own files are there: the disk of the pack is the full one
        with files_of_at_most(2_000), pytest.raises(PackError) as caught:
            packed(world, tmp_path / "pack", name)
    assert caught.value.code == "DISK_FULL"
    assert not list(tmp_path.iterdir())


def test_names_of_cameras_stay_apart_as_files():
    names = ["front", "/a/b", "_a_b", "a.b", "a b", "a/b"]
    assert len({plain_name(one) for one in names}) == len(names)
    assert plain_name("front") == "front"
    assert all("." not in plain_name(one) and "/" not in plain_name(one) for one in names)


def test_our_own_reader_takes_the_lerobot_sets(packs, truth, tmp_path):
    seen = set()
    for folder in sorted((packs / "lerobot").glob("layout-*")):
        listed = pq.read_table(folder / "meta/episodes").to_pylist()
        shutil.copytree(folder, tmp_path / folder.name / "in")
        lines, episodes, stored = read_all(
            tmp_path / folder.name / "in", tmp_path / folder.name / "scratch"
        )
        assert {line.status for line in lines.values()} == {"companion", "ingested"}
        for row, episode in zip(listed, episodes, strict=True):
            streams = {one.name: one for one in episode.streams}
            films = [one for one in episode.streams if one.kind == "video"]
            owns = [each for key, each in sorted(truth.items()) if key[0] == row["clip_id"]]
            seen |= {(each["clip_id"], each["camera"]) for each in owns}
            own = owns[0]
            action, state, _ = numbers(own)
            assert np.array_equal(streams["action"].values.reshape(action.shape), action)
            assert np.array_equal(streams["observation.state"].values, state)
            named = sorted(films, key=lambda one: one.name)
            pictures = [each["pictures"] for each in owns if each["camera"]]
            assert [shown(one, stored) for one in named] == pictures
    assert seen == set(truth)


def shown(stream, stored):
    """The pictures that the stream's index leads to."""
    index, raw = stream.index, stored[stream.index.file_id]
    units = [
        (int(time), raw[offset : offset + size])
        for time, offset, size in zip(index.pts_ns, index.offset, index.size, strict=True)
    ]
    coding = Coding(codec=stream.codec, extradata=index.extradata)
    wanted = set(stream.ts_ns.tolist())
    frames = [one for one in decode_units(coding, units) if one.pts in wanted]
    return [sha256_hex(one.to_ndarray().tobytes()) for one in frames]


def said_by(words):
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"{words}: {done.exception!r}"
    return done.stdout


def test_the_commands_of_the_page_pack_and_verify(tmp_path, monkeypatch):
    now = datetime.now(UTC).replace(microsecond=0)
    settings = make_world(tmp_path / ".clearway", now=now)
    add_source(settings, "open", [MIT], episodes=4, seconds=2, seed=2, now=now)
    spec = RenderSpec(width=32, height=32, fps=10)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=now)
    monkeypatch.chdir(tmp_path)
    for line in commands("packs.md", "pack"):
        said = said_by(shlex.split(line)[1:])
        assert ("would hold" in said) == ("--dry-run" in line)
    for line in commands("packs.md", "verify"):
        assert "cleared until" in said_by(shlex.split(line)[1:])

    done = json.loads(said_by(["set", "pack", "demo", "more", "--as", "parquet", "--json"]))
    assert (done["format"], done["clips"], done["rows"], done["split"]) == ("parquet", 4, 4, None)
    again = CliRunner().invoke(app, ["set", "pack", "demo", "more", "--as", "parquet"])
    assert (again.exit_code, code_of(again)) == (1, "TARGET_EXISTS")
    wrong = CliRunner().invoke(app, ["set", "pack", "demo", "other", "--split", "tomorrow"])
    assert wrong.exit_code == 2
    Path("away/table/rows.parquet").write_bytes(b"")
    changed = CliRunner().invoke(app, ["verify", "away/table", "--key", "clearway.pub"])
    assert (changed.exit_code, code_of(changed)) == (1, "FILE_SIZE")


def code_of(done):
    assert isinstance(done.exception, ClearwayError)
    return done.exception.code


@pytest.fixture
def bucket(monkeypatch):
    """A bucket of a local S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT", f"http://{host}:{port}"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(name, value)
    system, _ = fs.FileSystem.from_uri("s3://sets?allow_bucket_creation=true")
    system.create_dir("sets")
    yield system
    server.stop()


@pytest.mark.slow
def test_sets_and_packs_are_checked_in_a_bucket(world, packs, bucket, tmp_path):
    fs.copy_files(world.set_uri("demo", 1), "sets/all/demo/1", destination_filesystem=bucket)
    fs.copy_files(str(packs / "lerobot"), "sets/far/away/pack", destination_filesystem=bucket)
    said = check_set("s3://sets/all/demo/1", world, now=NOW)
    assert said == "s3://sets/all/demo/1: cleared until 2026-12-02T09:30:00Z"
    assert verified(world, "s3://sets/far/away/pack")
    pack_set("s3://sets/all/demo/1", str(tmp_path / "pack"), world, as_format="parquet", now=NOW)
    assert contents(tmp_path / "pack") == contents(packs / "parquet")

    bucket.delete_file("sets/far/away/pack/pack.json")
    with pytest.raises(Refused, match=r"pack\.json is not there"):
        verified(world, "s3://sets/far/away/pack")
    with bucket.open_output_stream("sets/all/demo/1/documents/NOTICE.md") as stream:
        stream.write(b"changed")
    with pytest.raises(Refused) as caught:
        check_set("s3://sets/all/demo/1", world, now=NOW)
    assert caught.value.code in {"FILE_SIZE", "FILE_EXTRA"}
