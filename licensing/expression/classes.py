"""Classes of terms in plain words: research only, non-commercial, any use with acknowledgement.

A restrictive phrase beats a permissive one. A denial, a condition or a permission of commercial use
beside it leaves the class open: None.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from licensing.expression.vocabulary import OPEN
from licensing.expression.words import Word

_USE: Final = r"(?:use|uses|usage|purpose|purposes|application|applications)"
_NONCOMMERCIAL: Final = re.compile(
    r"\b(?:noncommercial(?:ly)?|non commercially|not for (?:any )?commercial"
    r"|(?:can|may|must|should|is|are)(?: not|not| t) be used"
    r" (?:commercially|for (?:any )?commercial)"
    rf"|not (?:to )?(?:be )?used for (?:any )?commercial|no commercial(?= {_USE})"
    rf"|commercial {_USE} (?:is |are )?(?:not (?:allowed|permitted)|prohibited|forbidden))\b"
)
_FIELD: Final = (
    r"(?:research|academic|academia|educational|education|scientific|scholarly|teaching)"
)
_RESEARCH: Final = re.compile(
    rf"\b{_FIELD}(?: (?:and|or|noncommercial|{_FIELD}))*(?: {_USE}| only)\b"
    rf"|\b(?:only|solely|exclusively|strictly|limited|restricted)"
    rf"(?: (?:be|to|used|intended|available|for|in|the|{_USE}|of|noncommercial))* {_FIELD}\b"
    rf"|\bnoncommercial(?: (?:and|or))? {_FIELD}\b"
    rf"|^(?:free |available |released )*for(?: (?:and|or|noncommercial|{_FIELD}))* {_FIELD}$"
)
_ALL_USES: Final = re.compile(
    r"\b(?:any|all) (?:purpose|purposes)\b.*"
    r"\b(?:acknowledgement|acknowledged|attribution|credit|cite|citation|cited)\b"
)


def class_of(words: Sequence[Word]) -> str | None:
    """The class of terms that `words` state; None when they state none, or not clearly."""
    said = " ".join(one.text for one in words)
    if not said.isascii():
        return None
    plain = _NONCOMMERCIAL.sub("noncommercial", said)
    if set(plain.split()) & OPEN:
        return None
    if _RESEARCH.search(plain):
        return "LicenseRef-research-only"
    if "noncommercial" in plain:
        return "LicenseRef-noncommercial"
    return "LicenseRef-all-uses-attribution" if _ALL_USES.search(plain) else None
