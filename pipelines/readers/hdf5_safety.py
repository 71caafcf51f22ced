"""What an HDF5 file may not do: lead out of itself, carry opaque values, or nest without end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pipelines.readers.reading import Refused

MOST_OBJECTS: Final = 1_000_000
DEEPEST: Final = 32


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


def _unsafe(path: str, why: str) -> Refused:
    return Refused(f"{path}: {why}", code="UNSAFE_CONTENT", subject=path, evidence={"found": why})
