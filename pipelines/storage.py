"""Files on a local folder or in a bucket: list, read, hash, write, delete.

In: a URI, either a plain folder path or `s3://bucket/prefix`. Out: bytes, digests, `Listed` rows.
Listing never follows a link out of the folder and never opens what is no regular file (a pipe would
block for ever); such a path is still listed, with the reason why it cannot be read, for nothing
found may vanish. Buckets go through `pyarrow.fs`, with credentials from the environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow.fs as pafs

CHUNK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One path below a folder; `problem` is a quarantine reason when it must not be read."""

    path: str
    size_bytes: int
    problem: str = ""
    evidence: str = ""


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
    store, path = _bucket(uri)
    return bool(store.get_file_info(path).type != pafs.FileType.NotFound)


def size_of(uri: str) -> int:
    """The size of one file in bytes, -1 when there is none."""
    if is_local(uri):
        path = local_path(uri)
        return path.stat().st_size if path.is_file() else -1
    store, path_in = _bucket(uri)
    facts = store.get_file_info(path_in)
    return int(facts.size) if facts.type == pafs.FileType.File else -1


def list_files(uri: str) -> Iterator[Listed]:
    """Every file below `uri`, sorted by path; paths are relative with `/` between segments."""
    if is_local(uri):
        yield from sorted(_walk(local_path(uri)), key=lambda one: one.path)
        return
    store, path = _bucket(uri)
    found = store.get_file_info(pafs.FileSelector(path, recursive=True, allow_not_found=True))
    files = [one for one in found if one.type == pafs.FileType.File]
    for one in sorted(files, key=lambda info: str(info.path)):
        yield Listed(path=one.path[len(path) :].lstrip("/"), size_bytes=one.size)


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


def delete_prefix(uri: str) -> None:
    """Delete everything below `uri`; nothing there is fine."""
    if is_local(uri):
        path = local_path(uri)
        if path.is_dir():
            shutil.rmtree(path)
        return
    store, prefix = _bucket(uri)
    store.delete_dir_contents(prefix, missing_dir_ok=True)


def _bucket(uri: str) -> tuple[Any, str]:
    store, path = pafs.FileSystem.from_uri(uri)
    return store, path


def _walk(root: Path) -> Iterator[Listed]:
    real_root = root.resolve()
    for folder, folders, names in os.walk(root, followlinks=False):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in (*names, *links):
            yield _listed(Path(folder) / name, root, real_root)


def _listed(path: Path, root: Path, real_root: Path) -> Listed:
    relative = os.fsencode(path.relative_to(root).as_posix())
    shown = relative.decode("utf-8", "backslashreplace")
    size, problem, evidence = 0, "", ""
    try:
        relative.decode("utf-8")
        if path.is_symlink() and not path.resolve().is_relative_to(real_root):
            problem, evidence = "UNSAFE_CONTENT", "a link that leads out of the source"
        else:
            facts = path.stat()
            size = facts.st_size
            if not stat.S_ISREG(facts.st_mode):
                size, problem, evidence = (
                    0,
                    "UNSAFE_CONTENT",
                    "a link to a folder, a pipe or a device",
                )
    except UnicodeDecodeError:
        problem, evidence = "UNREADABLE", "the name is not UTF-8; rename the file"
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a ring
        problem, evidence = "UNREADABLE", f"{type(error).__name__}: {error}"
    return Listed(path=shown, size_bytes=size, problem=problem, evidence=evidence)
