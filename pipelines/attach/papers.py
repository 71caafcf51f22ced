"""The papers behind a source's rights: their bytes are kept, and bases are bound to them.

A basis of an agreement may leave its terms to the clauses of the instrument: it is then read from
them, totally. One that states its terms is bound to the only instrument that it can rest on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from licensing.agreement import contracts_of
from pipelines.errors import RegistrationError

PUBLIC, SIGNED = "public licence", "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What proves a right: the name that it came under, where it was found, its bytes.

    Nothing is ever opened or written under either name: the bytes are kept under their sha256.
    """

    name: str
    found: str
    content: bytes

    @property
    def digest(self) -> str:
        """The sha256 of its bytes."""
        return hashlib.sha256(self.content).hexdigest()

    def kept(self, keep: Path) -> None:
        """Keep the bytes in the folder `keep`."""
        keep.mkdir(parents=True, exist_ok=True)
        (keep / self.digest).write_bytes(self.content)


def paper_at(path: Path) -> Paper:
    """Read a paper from where it lies.

    Raises:
        RegistrationError: EVIDENCE_MISSING.
    """
    try:
        return Paper(name=path.name, found=str(path.absolute()), content=path.read_bytes())
    except OSError as error:
        raise RegistrationError(
            f"evidence {path}: cannot be read: {error.strerror}",
            code="EVIDENCE_MISSING",
            subject=str(path),
            way_out="give the path of the paper that proves the right",
        ) from error


def bound(layers: Iterable[Mapping[str, Any]], papers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`layers` with each basis bound to its instrument among `papers`, by id.

    Raises:
        RegistrationError: INSTRUMENT_UNKNOWN, TERMS_TWICE.
        BadCase: a clause of the instrument that cannot be read.
    """
    return [
        {
            **layer,
            "basis": [one for basis in layer.get("basis", ()) for one in _bases(basis, papers)],
        }
        for layer in layers
    ]


def kept(evidence: Mapping[str, Any], folder: Path, keep: Path) -> dict[str, str]:
    """Keep the bytes of an evidence file under their sha256, outside the lake."""
    if not evidence.get("file"):
        return {}
    paper = paper_at(folder / str(evidence["file"]))
    paper.kept(keep)
    return {"evidence_sha256": paper.digest}


def _bases(basis: Mapping[str, Any], papers: Mapping[str, Any]) -> list[dict[str, Any]]:
    said = dict(basis)
    name = said.pop("instrument", None)
    if name is None:
        return [_linked(said, papers)]
    if name not in papers:
        raise RegistrationError(
            f"a basis rests on instrument {name!r}, which is not described",
            code="INSTRUMENT_UNKNOWN",
            subject=str(name),
            way_out="add an [[instrument]] table with this id to the same file",
        )
    if set(said) - {"type", "grade"}:
        raise RegistrationError(
            f"a basis rests on the clauses of {name!r} and states {sorted(said)[0]!r} beside them",
            code="TERMS_TWICE",
            subject=str(name),
            way_out="state the terms in the instrument's clauses or in the basis, not in both",
        )
    grade = said.get("grade") or (papers[name].get("evidence") or {}).get("grade")
    return [one | ({"grade": grade} if grade else {}) for one in contracts_of(papers[name])]


def _linked(basis: dict[str, Any], papers: Mapping[str, Any]) -> dict[str, Any]:
    """A basis that names no instrument rests on the only one that fits."""
    if "instrument_id" in basis or basis.get("type") not in {"contract", "public_licence"}:
        return basis
    fitting = [
        name
        for name, paper in papers.items()
        if (
            paper.get("kind") == SIGNED
            if basis["type"] == "contract"
            else paper.get("kind") == PUBLIC and paper.get("licence") == basis.get("id")
        )
    ]
    return basis | ({"instrument_id": fitting[0]} if len(fitting) == 1 else {})
