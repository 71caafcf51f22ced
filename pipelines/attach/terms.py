"""What the flags of `rights attach` say, as one basis of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from licensing.expression import normalise
from pipelines.attach.checks import unknown_licence
from pipelines.errors import RegistrationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the flags of `rights attach` say; empty text means not said."""

    licence: str = ""
    contract: str = ""
    consent: str = ""
    grade: str = ""
    layer: str = "copyright"
    stream: str = ""
    actions: str = ""
    territory: str = ""
    valid_from: str = ""
    valid_to: str = ""
    settled: tuple[str, ...] = ()

    @property
    def states_a_basis(self) -> bool:
        """Whether anything is said beside what was settled."""
        return any(
            getattr(self, name)
            for name in ("licence", "contract", "consent", "grade", "actions", "territory")
        )

    def settled_words(self) -> dict[str, str]:
        """What was settled, by the heading of the checklist: `premises, marks=none seen`."""
        words = dict[str, str]()
        for said in self.settled:
            heading, equals, found = said.partition("=")
            if not equals or not heading.strip() or not found.strip():
                raise RegistrationError(
                    f"{said!r}: expected HEADING=WHAT WAS FOUND",
                    code="OPTION_INVALID",
                    subject=said,
                    way_out="write for example --settled 'premises, marks=none seen'",
                )
            words[heading.strip()] = found.strip()
        return words


def basis_of(terms: Terms) -> dict[str, Any]:
    """The basis that the flags state.

    Raises:
        RegistrationError: TERMS_MISSING, TERMS_UNUSED, LICENCE_UNKNOWN.
    """
    said = [name for name in ("licence", "contract", "consent") if getattr(terms, name)]
    if len(said) != 1:
        raise RegistrationError(
            f"got {' and '.join(said) or 'no term'}, expected one of licence, contract, consent",
            code="TERMS_MISSING",
            way_out="give --licence, --contract or --consent, or --file",
        )
    if terms.licence:
        found = normalise(terms.licence)
        if found.licence is None:
            raise unknown_licence(terms.licence, found.why)
        _refuse_limits(terms)
        return {"type": "public_licence", "id": found.licence, "grade": terms.grade or "E3"}
    box: dict[str, Any] = {"grade": terms.grade or "E1"}
    if terms.valid_from or terms.valid_to:
        box["valid"] = [terms.valid_from or "0001-01-01", terms.valid_to or "9999-12-31"]
    if terms.consent:
        scope = {"scope": _words(terms.consent), "specific": True, "commercial": True}
        return {"type": "consent", **scope, **box}
    if terms.actions:
        box["actions"] = _words(terms.actions)
    if terms.territory:
        box["territory"] = _words(terms.territory)
    return {"type": "contract", **box}


def _refuse_limits(terms: Terms) -> None:
    """A public licence says itself what it grants; a limit beside it must not be left out."""
    names = ("actions", "territory", "valid_from", "valid_to")
    said = [f"--{name.replace('_', '-')}" for name in names if getattr(terms, name)]
    if said:
        raise RegistrationError(
            f"licence {terms.licence!r}: {', '.join(said)} cannot limit a public licence",
            code="TERMS_UNUSED",
            subject=terms.licence,
            way_out="attach what was agreed with --contract, or the licence without limits",
        )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
