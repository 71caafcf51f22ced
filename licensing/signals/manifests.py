"""C2PA manifest stores: the training and mining assertions in them (CAWG, and older C2PA)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_ENTRIES: Final = frozenset(
    {"data_mining", "ai_inference", "ai_training", "ai_generative_training"}
)
_USES: Final = frozenset({"allowed", "notAllowed", "constrained"})


def c2pa_signals(store: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The training and mining assertions of a C2PA manifest store, as its reader prints it.

    Every manifest of the store speaks, those of ingredients too. A use that nobody knows is read
    as constrained, so that a person looks at it.
    """
    manifests = store.get("manifests")
    whole = store.get("validation_state") in {"Valid", "Trusted"}
    if not isinstance(manifests, Mapping):
        return ()
    return tuple(
        {"cawg": entries, "valid": whole}
        for _, manifest in sorted(manifests.items())
        for entries in _assertions(manifest)
    )


def _assertions(manifest: object) -> Iterator[dict[str, str]]:
    listed = manifest.get("assertions") if isinstance(manifest, Mapping) else None
    for one in listed if isinstance(listed, list) else ():
        label = one.get("label") if isinstance(one, Mapping) else None
        if isinstance(label, str) and label.split(".")[1:2] == ["training-mining"]:
            yield dict(_uses(one.get("data")))


def _uses(data: object) -> Iterator[tuple[str, str]]:
    entries = data.get("entries") if isinstance(data, Mapping) else None
    if not isinstance(entries, Mapping):
        yield from dict.fromkeys(sorted(_ENTRIES), "constrained").items()
        return
    for key, value in sorted(entries.items()):
        name = key.rpartition(".")[2]
        use = value.get("use") if isinstance(value, Mapping) else None
        if name in _ENTRIES:
            yield name, use if isinstance(use, str) and use in _USES else "constrained"
