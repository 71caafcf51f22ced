"""Pack a training set: the gate first, then its rows in the format asked for, then its papers.

In: a set that is cleared now. Out: a folder with the data, the set's manifest, clearance, documents
and the revocation list, and for formats of others a signed list of every file. It is written beside
its place and named at the end, so that nothing half-written looks whole.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from licensing.manifest import (
    PACK_TYPE,
    canonical,
    open_manifest,
    pack_list,
    pack_statement,
    sha256_hex,
    sign_statement,
)
from licensing.request import read_request
from pipelines.errors import PackError
from pipelines.export.renewal import locate_set
from pipelines.keys import signing_secret, trusted_publics
from pipelines.pack import lerobot, parquet, webdataset
from pipelines.pack.native import copy_listed
from pipelines.pack.rows import Work, chosen_rows
from pipelines.storage import hash_file, is_local, join, list_files, local_path, read_bytes
from training.gate import open_training_set, verify_training_set

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.settings import Settings
    from training.gate import Cleared

NATIVE: Final = "lance"
_WRITERS: Final[dict[str, tuple[str, Callable[[Work], None]]]] = {
    "lerobot": (lerobot.VERSION, lerobot.write_lerobot),
    "webdataset": (webdataset.VERSION, webdataset.write_webdataset),
    "parquet": (parquet.VERSION, parquet.write_parquet),
}
FORMATS: Final = (NATIVE, *_WRITERS)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A pack that is in place, or would be."""

    set_uri: str
    target: str
    format: str
    split: str | None
    rows: int
    clips: int
    frames: int
    files: int = 0
    size_bytes: int = 0
    cleared_until: str = ""
    dry_run: bool = False

    def line(self) -> dict[str, Any]:
        """The report as JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Say it in one line."""
        what = f"{self.clips} clips, {self.rows} rows, {self.frames} frames as {self.format}"
        if self.dry_run:
            return f"{self.target}: would hold {what} of {self.set_uri}; nothing is written"
        size = f"{self.files} files, {self.size_bytes / 1e6:.1f} MB"
        return f"{self.target}: {what}; {size}; cleared until {self.cleared_until}"


def pack_set(  # noqa: PLR0913  one argument an option of the verb
    what: str,
    target: str,
    settings: Settings,
    *,
    as_format: str,
    now: datetime,
    split: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> Packed:
    """Write the set `what` (a name, folder or URI) to the new folder `target`.

    Raises:
        Refused: with the code of the gate's check that failed; nothing is written.
        PackError: FORMAT_UNKNOWN, TARGET_NOT_LOCAL, TARGET_EXISTS, SPLIT_WHOLE, SPLIT_EMPTY,
            MEDIA_CHANGED, FILE_CHANGED, DISK_FULL.
    """
    place = _checked(target, as_format, split)
    uri = what if "/" in what else locate_set(what, settings)
    cleared, until = _through_the_gate(uri, settings, now=now)
    rows = chosen_rows(cleared, split)
    if not rows.num_rows:
        raise PackError(
            f"{uri} has no clip in split {split}",
            code="SPLIT_EMPTY",
            subject=str(split),
            way_out=f"choose another split; the set has {cleared.manifest['splits']}",
        )
    done = Packed(
        set_uri=uri,
        target=str(place),
        format=as_format,
        split=split,
        rows=rows.num_rows,
        clips=len(rows["clip_id"].unique()),
        frames=sum(rows["num_frames"].to_pylist()),
        cleared_until=until,
        dry_run=dry_run,
    )
    return done if dry_run else _written(cleared, rows, settings, done=done, progress=progress)


def _written(
    cleared: Cleared, rows: pa.Table, settings: Settings, *, done: Packed, progress: Progress
) -> Packed:
    """Write data and papers, sign the list of another format, put the folder in its place."""
    with _placed(Path(done.target)) as folder:
        _write_data(cleared, folder, done.format, rows=rows, progress=progress)
        _write_papers(cleared, folder, settings)
        if done.format != NATIVE:
            clips = rows["clip_id"].unique().to_pylist()
            _sign(cleared, folder, settings, done=done, clips=clips)
        listed = list(list_files(str(folder)))
    size = sum(one.size_bytes for one in listed)
    return Packed(**asdict(done) | {"files": len(listed), "size_bytes": size})


def _checked(target: str, as_format: str, split: str | None) -> Path:
    if as_format not in FORMATS:
        raise PackError(
            f"{as_format!r} is no format, expected one of {', '.join(FORMATS)}",
            code="FORMAT_UNKNOWN", subject=as_format, way_out="choose one of them with --as",
        )  # fmt: skip
    if as_format == NATIVE and split is not None:
        raise PackError(
            "--as lance copies a set as it was signed, which is all of its splits",
            code="SPLIT_WHOLE", subject=split, way_out="leave --split out, or take another format",
        )  # fmt: skip
    if not is_local(target):
        raise PackError(
            f"{target} is in a bucket; a pack takes its place by a rename, which buckets lack",
            code="TARGET_NOT_LOCAL",
            subject=target,
            way_out="pack into a folder, copy it with your store's own tool, then verify it there",
        )
    place = local_path(target).absolute()
    if place.exists() or place.is_symlink():
        raise PackError(
            f"{place} is there already",
            code="TARGET_EXISTS", subject=str(place), way_out="name a folder that does not exist",
        )  # fmt: skip
    return place


def _through_the_gate(uri: str, settings: Settings, *, now: datetime) -> tuple[Cleared, str]:
    """Every paper and byte by the auditor's way, every row by the trainer's."""
    keys = trusted_publics(settings)
    until = verify_training_set(uri, keys, now=now, revocations=settings.revocations)
    use = read_request(open_manifest(read_bytes(join(uri, "manifest.json")))["request"])
    cleared = open_training_set(uri, use, keys=keys, now=now, revocations=settings.revocations)
    return cleared, until


@contextmanager
def _placed(place: Path) -> Iterator[Path]:
    """A folder beside `place` that takes its name at the end, and goes if anything fails."""
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
    try:
        folder.chmod(0o755)
        yield folder
        folder.rename(place)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise PackError(
            f"{place}: the disk is full, nothing was put there",
            code="DISK_FULL",
            subject=str(place),
            way_out="free some space and run the same command again",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_data(
    cleared: Cleared,
    folder: Path,
    as_format: str,
    *,
    rows: pa.Table,
    progress: Progress,
) -> None:
    total = len(cleared.manifest["files"]) if as_format == NATIVE else rows.num_rows
    told = partial(_count, [0], total, progress)
    if as_format == NATIVE:
        copy_listed(cleared, folder, told=told)
        return
    write = _WRITERS[as_format][1]
    write(Work(cleared=cleared, rows=rows, folder=folder, told=told))
    copy_listed(cleared, folder, below="documents/", told=lambda _number: None)


def _count(done: list[int], total: int, progress: Progress, number: int) -> None:  # noqa: PLR0917  bound once
    done[0] += number
    progress("pack", done[0], total)


def _write_papers(cleared: Cleared, folder: Path, settings: Settings) -> None:
    """The set's own papers, unchanged, and the revocation list of now."""
    (folder / "manifest.json").write_bytes(canonical(dict(cleared.manifest)))
    paper = read_bytes(join(cleared.uri, "clearance.dsse.json"))
    (folder / "clearance.dsse.json").write_bytes(paper)
    (folder / "revocations.dsse.json").write_bytes(read_bytes(settings.revocations))


def _sign(
    cleared: Cleared, folder: Path, settings: Settings, *, done: Packed, clips: list[str]
) -> None:
    papers = {"manifest.json", "clearance.dsse.json", "revocations.dsse.json"}
    files = []
    for one in list_files(str(folder)):
        if one.path not in papers:
            sha256, size = hash_file(str(folder / one.path))
            files.append({"path": one.path, "bytes": size, "sha256": sha256})
    raw = canonical(
        pack_list(
            done.format,
            version=_WRITERS[done.format][0],
            manifest_digest=cleared.manifest_digest,
            split=done.split,
            clips=clips,
            files=files,
        )
    )
    statement = pack_statement(sha256_hex(raw), cleared.manifest_digest)
    signed = sign_statement(statement, payload_type=PACK_TYPE, secret=signing_secret(settings))
    (folder / "pack.json").write_bytes(raw)
    (folder / "pack.dsse.json").write_bytes(signed)
