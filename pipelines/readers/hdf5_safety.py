"""What an HDF5 file may not do: lead out of itself, carry opaque values, or nest without end."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Final

from pipelines.readers.reading import Refused

MOST_OBJECTS: Final = 1_000_000
DEEPEST: Final = 32
PICTURES: Final = 4  # axes


def refuse_unsafe(file: Any, path: str) -> None:  # noqa: ANN401  h5py has no types
    """Look at every object once; nothing is read.

    Raises:
        Refused: UNSAFE_CONTENT for external links, data stored in other files, and opaque or
            pickled values; TOO_LARGE for too many objects.
    """
    import h5py

    stack: list[tuple[Any, int]] = [(file, 0)]
    seen: set[Any] = set()
    while stack:
        group, depth = stack.pop()
        for item in _items(group, path):
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS or depth > DEEPEST:
                raise Refused(f"{path}: too many objects in it", code="TOO_LARGE", subject=path)
            if isinstance(item, h5py.Group):
                stack.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                _refuse_data(item, path)


def _items(group: Any, path: str) -> Iterator[Any]:  # noqa: ANN401  h5py has no types
    """The objects that hard links lead to; a soft link is an alias inside the file."""
    import h5py

    for name in group:
        link = group.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise _unsafe(path, f"{name} is a link into {link.filename}")
        if isinstance(link, h5py.HardLink):
            yield group[name]


def _refuse_data(data: Any, path: str) -> None:  # noqa: ANN401  h5py has no types
    import h5py

    if data.is_virtual or data.external:
        raise _unsafe(path, f"{data.name} is stored in another file")
    kind = data.dtype
    words = h5py.check_string_dtype(kind) is not None
    if kind.kind == "V" or (kind.kind == "O" and not words):
        raise _unsafe(path, f"{data.name} holds opaque values ({kind})")


def unwritten(data: Any, path: str) -> bool:  # noqa: ANN401  h5py has no types
    """Say whether nothing of an array was ever written: it is the fill value throughout.

    Raises:
        Refused: PARTS_MISSING for an array of which a part was written, and for pictures.
    """
    if not data.shape or not data.size:
        return False
    if data.chunks is None:
        whole, there = 1, int(bool(data.id.get_storage_size()))
    else:
        steps = zip(data.shape, data.chunks, strict=True)
        whole, there = prod(-(-size // step) for size, step in steps), data.id.get_num_chunks()
    if there < whole and (there or data.ndim >= PICTURES):
        raise Refused(
            f"{path}: {whole - there} of {whole} pieces of {data.name} were never written",
            code="PARTS_MISSING",
            subject=path,
            evidence={"array": data.name, "missing": whole - there},
        )
    return there < whole


def refuse_size(data: Any, path: str, most_bytes: int) -> None:  # noqa: ANN401  h5py has no types
    """Refuse numbers that memory cannot hold.

    Raises:
        Refused: TOO_LARGE.
    """
    size = data.size * data.dtype.itemsize
    if size > most_bytes:
        raise Refused(
            f"{path}: {data.name} holds {size} bytes, expected {most_bytes} at most",
            code="TOO_LARGE",
            subject=path,
            evidence={"array": data.name, "bytes": size},
        )


def _unsafe(path: str, why: str) -> Refused:
    return Refused(f"{path}: {why}", code="UNSAFE_CONTENT", subject=path, evidence={"found": why})
