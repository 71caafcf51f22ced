"""The station: record that a source was made from others, or that it never was."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from catalog import derivations, sources
from catalog.engine import open_catalog, reading, transaction
from licensing.compose.derive import Derivation, derivation_doc, read_derivation
from licensing.errors import BadCase
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from catalog.records import Change
    from pipelines.settings import Settings


def derive(settings: Settings, derivation: Derivation, *, now: datetime) -> Change:
    """Record how a source was made; the layers of its inputs lie on it from then on.

    Raises:
        NotFound: UNKNOWN_ID, a source is not registered.
        Contradiction: DERIVATION_CIRCLE, DERIVATION_TRAIN.
        RegistrationError: DERIVATION_UNREADABLE, an operation that is none, or no input.
    """
    try:
        read_derivation(derivation_doc(derivation))
    except BadCase as error:
        raise RegistrationError(
            f"{derivation.output}: {error}", code="DERIVATION_UNREADABLE",
            subject=derivation.output, way_out="`clearway rights derive --help` names operations",
        ) from error  # fmt: skip
    with transaction(open_catalog(settings.catalog_url)) as session:
        return derivations.record_derivation(session, derivation, now=now)


def void(settings: Settings, output: str, inputs: Iterable[str], *, now: datetime) -> int:
    """Record that `output` was never made from `inputs`; return how many facts are void now.

    Raises:
        NotFound: UNKNOWN_ID.
        RegistrationError: DERIVATION_MISSING, nothing says that it was.
    """
    named = tuple(inputs)
    with transaction(open_catalog(settings.catalog_url)) as session:
        ended = derivations.void_derivation(session, output, named, now=now)
    if not ended:
        raise RegistrationError(
            f"nothing on record says that {output} was made from {', '.join(named)}",
            code="DERIVATION_MISSING", subject=output,
            way_out=f"`clearway rights derive {output}` says what it was made from",
        )  # fmt: skip
    return ended


def made_of(settings: Settings, output: str) -> tuple[Derivation, ...]:
    """How a source was made, as far as it stands.

    Raises:
        NotFound: UNKNOWN_ID.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name = sources.source(session, output).source_id
        return derivations.derivations_of(session, [name])
