"""What else the windows of an evaluation are grouped by: modality and rights class of a source.

The modality is the catalog's; the rights class is read from the set's own `documents/sourcing.json`
after its bytes were compared with the manifest. A source that neither knows is "unknown".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from catalog import sources
from pipelines.documents.sourcing import CLASSES
from pipelines.storage import join, read_bytes, size_of

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from training.evaluating import Groups

_SOURCING: Final = "documents/sourcing.json"
_CHANGED: Final = "unknown: documents/sourcing.json is not the one of the manifest"


def labels(session: Session, uri: str, manifest: Mapping[str, Any]) -> Groups:
    """Kind of group -> source -> label, of every source of a set."""
    names = sorted(manifest["layouts"])
    known = {one.source_id: one.modality for one in sources.sources(session)}
    return {
        "domain": {name: known[name] for name in names if name in known},
        "rights class": _classes(uri, manifest, names),
    }


def _classes(uri: str, manifest: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    listed = {one["path"]: one["sha256"] for one in manifest["files"]}
    if _SOURCING not in listed:
        return {}
    path = join(uri, _SOURCING)
    raw = read_bytes(path) if size_of(path) >= 0 else b""
    if hashlib.sha256(raw).hexdigest() != listed[_SOURCING]:
        return dict.fromkeys(names, _CHANGED)
    rows = json.loads(raw)["sources"]
    return {one["source"]: f"{one['class']}: {CLASSES[one['class']]}" for one in rows}
