"""What a Zarr store lacks without a word: chunks that were cut, and chunks that are not there.

Blosc names the length of what it packed, and its library reads past the end of what was cut. A
chunk that is not there reads as the fill value, as one that was left out for holding nothing else.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pipelines.readers.reading import Refused

HEAD: Final = 16  # bytes of Blosc before its blocks; the last four of them are its length


def refuse_cut_chunks(path: Path, data: Any, where: str) -> None:  # noqa: ANN401  zarr has no types
    """Refuse an array of which a chunk is shorter than Blosc says.

    Raises:
        Refused: CORRUPT.
    """
    packing = getattr(data.metadata, "compressor", None)
    if getattr(packing, "codec_id", "") != "blosc":
        return
    for name, size, head in _chunks(path, str(data.path)):
        promised = int.from_bytes(head[12:HEAD], "little")
        if len(head) < HEAD or promised > size:
            raise Refused(
                f"{where}: chunk {name} has {size} bytes of {promised}",
                code="CORRUPT",
                evidence={"chunk": name, "bytes": size, "promised": promised},
            )


def lacking_chunks(data: Any) -> int:  # noqa: ANN401  zarr has no types
    """Return how many chunks of an array are not there."""
    return int(data.nchunks - data.nchunks_initialized)


def _chunks(path: Path, array: str) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, length and first bytes of each chunk below an array."""
    if path.is_dir():
        files = (one for one in sorted((path / array).rglob("*")) if one.is_file())
        for one in (one for one in files if not one.name.startswith(".")):
            with one.open("rb") as file:
                yield f"{array}/{one.name}", one.stat().st_size, file.read(HEAD)
        return
    with zipfile.ZipFile(path) as bundle:
        below = (one for one in bundle.infolist() if one.filename.startswith(f"{array}/"))
        for member in (one for one in below if one.filename[-1] != "/" and not _describes(one)):
            with bundle.open(member) as file:
                yield member.filename, member.file_size, file.read(HEAD)


def _describes(member: zipfile.ZipInfo) -> bool:
    return member.filename.rpartition("/")[2].startswith(".")
