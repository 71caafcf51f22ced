"""What documents ask of people: every field that an answer may fill, with its question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pipelines.documents import card

QUESTIONS: Final[Mapping[str, str]] = {**card.QUESTIONS}
