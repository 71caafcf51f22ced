"""All documents of a training set from one value; the notices are checked, and stand apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pipelines.documents import (
    ab2013,
    art30,
    card,
    croissant,
    cyclonedx,
    eu_summary,
    gpai,
    set_lineage,
    sourcing,
    spdx,
)
from pipelines.documents.facts import DocumentFacts

BUILDERS: Final[tuple[Callable[[DocumentFacts], dict[str, bytes]], ...]] = (
    card.build,
    croissant.build,
    spdx.build,
    cyclonedx.build,
    set_lineage.build,
    sourcing.build,
    ab2013.build,
    eu_summary.build,
    gpai.build,
    art30.build,
)


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write every document; the same facts are the same bytes.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING, where a document must say what no fact tells.
    """
    return {name: content for one in BUILDERS for name, content in one(facts).items()}
