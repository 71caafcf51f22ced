"""The files of a training set on a disk or in a bucket: read, list and hash, no meaning."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pyarrow import fs

_CHUNK = 1 << 22


def whole(uri: str | Path) -> str:
    """`uri` without a trailing slash, a local path made absolute."""
    text = str(uri).rstrip("/")
    return text if "://" in text else str(Path(text).absolute())


def beside(uri: str) -> str:
    """Where the revocation list of the set at `uri` stands: beside the folder of its name."""
    return "/".join([*uri.split("/")[:-2], "revocations.dsse.json"])


def list_of(uri: str) -> str:
    """Where the revocation list of the set at `uri` is: beside, or inside one that was packed."""
    inside = f"{uri}/revocations.dsse.json"
    return inside if read(beside(uri)) is None and read(inside) is not None else beside(uri)


def read(uri: str) -> bytes | None:
    """The bytes of one small file, or None if there is no such file."""
    system, path = _system(uri)
    try:
        with system.open_input_stream(path) as stream:
            raw: bytes = stream.read()
    except FileNotFoundError:
        return None
    return raw


def sizes_below(uri: str) -> dict[str, int]:
    """The size of every file below `uri`, by its path relative to it."""
    system, path = _system(uri)
    found = system.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    start = len(path.rstrip("/")) + 1
    return {info.path[start:]: info.size for info in found if info.type == fs.FileType.File}


def sha256_of(uri: str) -> str:
    """The sha256 of a file of any size, in hex."""
    system, path = _system(uri)
    hashed = hashlib.sha256()
    with system.open_input_stream(path) as stream:
        while chunk := stream.read(_CHUNK):
            hashed.update(chunk)
    return hashed.hexdigest()


def _system(uri: str) -> tuple[fs.FileSystem, str]:
    if "://" not in uri:
        return fs.LocalFileSystem(), uri
    system, path = fs.FileSystem.from_uri(uri)
    return system, str(path)
