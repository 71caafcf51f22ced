"""The door to C2PA: manifest stores as the library prints them, read in a child process.

`python -m pipelines.scan.credentials` reads one request a line and answers one line each. Nothing
is fetched from the network. A file that costs the child its life, its memory or its time is unread,
and the files behind it are asked for again one by one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from itertools import islice
from typing import Any

from pipelines import storage

WAY_OUT = "pip install 'clearway[c2pa]' and ingest again"
_BATCH = 64
_SECONDS = 60.0  # for one file; reading one takes milliseconds, hashing a long one its time
_MOST_BYTES = 4 << 30  # of memory of the child
_LONGEST_STORE = 8 << 20
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that bears a manifest, or beside which one lies."""

    uri: str
    sidecar: str = ""


def installed() -> bool:
    """Whether the extra `c2pa` is there."""
    return find_spec("c2pa") is not None


def read_stores(assets: Sequence[Asset]) -> Iterator[Mapping[str, Any] | None]:
    """Yield the manifest store of each asset, in order; None for one that cannot be read."""
    todo = iter(assets)
    while batch := [*islice(todo, _BATCH)]:
        answers = _ask(batch) if len(batch) > 1 else []
        if len(answers) < len(batch):
            answers += [(_ask([one]) or [None])[0] for one in batch[len(answers) :]]
        yield from answers


def _ask(assets: Sequence[Asset]) -> list[Mapping[str, Any] | None]:
    """The answers of one child, as many as it lived to give."""
    lines = "".join(json.dumps(asdict(one)) + "\n" for one in assets)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.scan.credentials"],
            input=lines, capture_output=True, encoding="utf-8", check=False,
            timeout=_SECONDS * len(assets),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return []
    whole = [line for line in done.stdout.splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) for line in whole]


def _answer(asset: Asset) -> str:
    """The store of one asset as JSON, or `null`."""
    import c2pa

    try:
        with storage.opened(asset.uri) as stream, c2pa.Context.from_dict(_OFFLINE) as context:
            manifest = storage.read_bytes(asset.sidecar) if asset.sidecar else None
            with c2pa.Reader(None, stream, manifest, context=context) as reader:
                text = str(reader.json())
    except (c2pa.C2paError, OSError, ValueError, MemoryError):
        return "null"
    return json.dumps(json.loads(text)) if len(text) <= _LONGEST_STORE else "null"


def _serve() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    for line in sys.stdin:
        sys.stdout.write(_answer(Asset(**json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
