"""Files on a local folder or in a bucket: list, read, hash, write, delete.

In: a URI, either a plain folder path or `s3://bucket/prefix`. Out: bytes, digests, `Listed` rows.
Listing never follows a link out of the folder and never opens what is no regular file (a pipe would
block for ever); such a path is still listed, with the reason why it cannot be read, for nothing
found may vanish. Buckets go through `pyarrow.fs`, with credentials from the environment.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

CHUNK_BYTES = 1 << 20
SECOND_NS = 1_000_000_000
_CANNOT_COPY = {  # between these files: so they are read and written
    *(errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY)
}
TICK_NS, COARSE_TICK_NS = 50_000_000, 2 * SECOND_NS  # more than clocks of file systems take


class Mark(NamedTuple):
    """Device, inode, size, and when content and record changed: the last is nobody's to set."""

    device: int
    inode: int
    size_bytes: int
    content_ns: int
    record_ns: int

    @classmethod
    def of(cls, facts: os.stat_result) -> Mark:
        """Return the mark in what the system says about a file."""
        sizes = (facts.st_dev, facts.st_ino, facts.st_size)
        return cls(*sizes, facts.st_mtime_ns, facts.st_ctime_ns)

    def is_quiet(self, now: datetime) -> bool:
        """Whether a change of the file from `now` on must show: the clock has ticked since."""
        tick = TICK_NS if self.record_ns % SECOND_NS else COARSE_TICK_NS
        return self.record_ns + tick < now.timestamp() * SECOND_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One path below a folder; `problem` is a quarantine reason when it must not be read.

    `mark` is the file system's own record of a file: no program that writes to the file, or puts
    another in its place, leaves all of it as it was. A bucket says only when an object was written
    last, `written_ns`, to the second on most: 0 for a file of a folder.
    """

    path: str
    size_bytes: int
    problem: str = ""
    evidence: str = ""
    mark: Mark | None = field(default=None, compare=False)
    written_ns: int = field(default=0, compare=False)


def join(uri: str, *parts: str) -> str:
    """Append path segments to a URI."""
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def is_local(uri: str) -> bool:
    """Whether `uri` names a folder or file of this machine."""
    return "://" not in uri or uri.startswith("file://")


def local_path(uri: str) -> Path:
    """The path of a local URI."""
    return Path(uri.removeprefix("file://"))


def exists(uri: str) -> bool:
    """Whether a file or folder (or, in a bucket, a prefix) of this name exists."""
    if is_local(uri):
        return local_path(uri).exists()
    import pyarrow.fs as pafs  # takes longer than most of what needs no bucket

    store, path = _bucket(uri)
    return bool(store.get_file_info(path).type != pafs.FileType.NotFound)


def size_of(uri: str) -> int:
    """The size of one file in bytes, -1 when there is none."""
    if is_local(uri):
        path = local_path(uri)
        return path.stat().st_size if path.is_file() else -1
    import pyarrow.fs as pafs

    store, path_in = _bucket(uri)
    facts = store.get_file_info(path_in)
    return int(facts.size) if facts.type == pafs.FileType.File else -1


def list_files(uri: str) -> Iterator[Listed]:
    """Every file below `uri`, sorted by path; paths are relative with `/` between segments."""
    if is_local(uri):
        yield from sorted(_walk(local_path(uri)), key=lambda one: one.path)
        return
    import pyarrow.fs as pafs

    store, path = _bucket(uri)
    found = store.get_file_info(pafs.FileSelector(path, recursive=True, allow_not_found=True))
    files = [one for one in found if one.type == pafs.FileType.File]
    for one in sorted(files, key=lambda info: str(info.path)):
        name = one.path[len(path) :].lstrip("/")
        yield Listed(path=name, size_bytes=one.size, written_ns=one.mtime_ns or 0)


def list_folders(uri: str) -> tuple[str, ...]:
    """The names of the folders right below `uri`, sorted; none when it is missing."""
    if is_local(uri):
        root = local_path(uri)
        below = root.iterdir() if root.is_dir() else ()
        return tuple(sorted(one.name for one in below if one.is_dir()))
    import pyarrow.fs as pafs

    store, path = _bucket(uri)
    found = store.get_file_info(pafs.FileSelector(path, allow_not_found=True))
    kind = pafs.FileType.Directory
    return tuple(sorted(str(one.base_name) for one in found if one.type == kind))


@contextmanager
def opened(uri: str) -> Iterator[IO[bytes]]:
    """Open one file for reading as a seekable byte stream."""
    if is_local(uri):
        with local_path(uri).open("rb") as stream:
            yield stream
        return
    store, path = _bucket(uri)
    with store.open_input_file(path) as stream:
        yield stream


def read_bytes(uri: str) -> bytes:
    """The whole content of one file."""
    with opened(uri) as stream:
        return stream.read()


def hash_file(uri: str) -> tuple[str, int]:
    """The sha256 (hex) and the size in bytes of one file, read in bounded chunks."""
    digest, size = hashlib.sha256(), 0
    with opened(uri) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def feed(digest: Hash, *, descriptor: int, start: int, size: int) -> Hash:
    """Hash `size` bytes of an open file from `start` on; return `digest`."""
    buffer, end = memoryview(bytearray(min(CHUNK_BYTES, size))), start + size
    while start < end and (count := os.preadv(descriptor, [buffer[: end - start]], start)):
        digest.update(buffer[:count])
        start += count
    return digest


def copy_bytes(source: int, target: int, size: int) -> int:
    """Copy `size` bytes between open files, from where each stands; return how many there were.

    The system copies them, or shares them where the file system can, without this process.
    """
    copied = 0
    while copied < size and (count := _copied(source, target, size - copied)):
        copied += count
    return copied


def write_bytes(uri: str, data: bytes) -> None:
    """Write one file so that a reader sees the old content or the new, never a part."""
    if not is_local(uri):
        store, path = _bucket(uri)
        with store.open_output_stream(path) as stream:
            stream.write(data)
        return
    target = local_path(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def drop_unfinished(uri: str) -> None:
    """Remove what a killed `write_bytes` of this file left; the caller is its only writer."""
    if is_local(uri):
        target = local_path(uri)
        for one in target.parent.glob(f".{target.name}.*.part"):
            one.unlink(missing_ok=True)


def copy_file(source: str, target: str) -> None:
    """Bring one file to another place of the same store; on one disk both names share its bytes."""
    if not is_local(source):
        store, path = _bucket(source)
        store.copy_file(path, _bucket(target)[1])
        return
    old, new = local_path(source), local_path(target)
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except OSError:  # a disk without links, or too many of them
        shutil.copyfile(old, new)


def delete_file(uri: str) -> None:
    """Delete one file; nothing there is fine."""
    if is_local(uri):
        local_path(uri).unlink(missing_ok=True)
    elif exists(uri):
        store, path = _bucket(uri)
        store.delete_file(path)


def delete_prefix(uri: str) -> None:
    """Delete everything below `uri`; nothing there is fine."""
    if is_local(uri):
        path = local_path(uri)
        if path.is_dir():
            shutil.rmtree(path)
        return
    store, prefix = _bucket(uri)
    store.delete_dir_contents(prefix, missing_dir_ok=True)


def _copied(source: int, target: int, size: int) -> int:
    try:
        return os.copy_file_range(source, target, size)
    except (AttributeError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _CANNOT_COPY:
            raise
    data = os.read(source, min(size, CHUNK_BYTES))
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(target, rest) :]
    return len(data)


def _bucket(uri: str) -> tuple[Any, str]:
    import pyarrow.fs as pafs

    store, path = pafs.FileSystem.from_uri(uri)
    return store, path


def _walk(root: Path) -> Iterator[Listed]:
    real_root, above = root.resolve(), f"{root}/"
    for folder, folders, names in os.walk(root, followlinks=False):
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*names, *links):
            path = f"{folder}/{name}"
            yield _listed(Path(path), path.removeprefix(above), real_root)


def _listed(path: Path, relative: str, real_root: Path) -> Listed:
    raw = os.fsencode(relative)
    shown = raw.decode("utf-8", "backslashreplace")
    size, problem, evidence, mark = 0, "", "", None
    try:
        raw.decode("utf-8")
        facts = path.lstat()
        if stat.S_ISLNK(facts.st_mode):
            problem = "" if path.resolve().is_relative_to(real_root) else "UNSAFE_CONTENT"
            evidence = "a link that leads out of the source" if problem else ""
            facts = facts if problem else path.stat()
        if not problem and not stat.S_ISREG(facts.st_mode):
            problem, evidence = "UNSAFE_CONTENT", "a link to a folder, a pipe or a device"
        if not problem:
            size, mark = facts.st_size, Mark.of(facts)
    except UnicodeDecodeError:
        problem, evidence = "UNREADABLE", "the name is not UTF-8; rename the file"
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a ring
        problem, evidence = "UNREADABLE", f"{type(error).__name__}: {error}"
    return Listed(path=shown, size_bytes=size, problem=problem, evidence=evidence, mark=mark)
