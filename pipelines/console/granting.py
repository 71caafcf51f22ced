"""What if this is licensed: what a grant would change, without making it.

The grant is stated in the words of `clearway rights attach`; the engine decides as if it stood.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from catalog import requests, sources
from licensing.facts import read_layers
from licensing.facts.vocabulary import LAYER_KINDS
from pipelines.attach.terms import Terms, basis_of
from pipelines.audit.what_if import Gain
from pipelines.console.attaching import KINDS
from pipelines.console.blocks import Field, Form, Link, Page, Words, path
from pipelines.console.blocks import Terms as Listed
from pipelines.console.gaining import gain_blocks
from pipelines.console.sources import party_known
from pipelines.console.view import View
from pipelines.errors import ConsoleError

ADDRESS: Final = "/what-if/grant"
TO: Final = ("source", "party")
WHAT: Final = ("contract", "licence", "consent")
_EVERY: Final = ""  # every right that such a grant can give
_GIVES: Final = {
    "licence": frozenset(LAYER_KINDS) - {"voice", "likeness", "personal_data", "biometric"},
    "contract": frozenset(LAYER_KINDS),
    "consent": frozenset({"voice", "likeness", "personal_data", "biometric"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant that is asked about: for what, what it is, its words and its limits."""

    to: str
    what: str
    kind: str
    said: str = ""
    layer: str = _EVERY
    actions: str = ""
    territory: str = ""
    valid_to: date | None = None

    def terms(self) -> Terms:
        """The flags of `rights attach` that would record it."""
        said = {one: self.said if one == self.kind else "" for one in KINDS}
        if self.kind == "contract":
            said["contract"] = self.said or "what-if"
        return Terms(
            licence=said["licence"], contract=said["contract"], consent=said["consent"],
            grade="E1", actions=self.actions, territory=self.territory,
            valid_to=str(self.valid_to or ""),
        )  # fmt: skip


def granted(view: View) -> Page:
    """Build the question what a grant would change, and its answer if one is asked."""
    asked, trail = _asked(view), (Link(text="What if", href="/what-if"),)
    if not asked.what:
        return Page(title="What if it is licensed", trail=trail, blocks=(grant_form(view),))
    named, gain = gain_of(view, asked)
    return Page(
        title="What if it is licensed", trail=trail,
        lead=f"{KINDS[asked.kind]} for {named}: {len(gain.sources):,} source(s), "
        f"from {view.today} on",
        blocks=(
            grant_form(view),
            Words(paragraphs=("A what-if: nothing was changed. What is still missing is shown for "
                              "the rows of a page.",), tone="note"),
            *gain_blocks(view, gain),
        ),
    )  # fmt: skip


def gain_of(view: View, grant: Grant) -> tuple[str, Gain]:
    """Return what a grant is for, by its whole id, and what the engine would decide with.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        ConsoleError: QUERY_INVALID.
        RegistrationError: LICENCE_UNKNOWN, TERMS_UNUSED.
        BadCase: a word that is no action, place or day.
    """
    if grant.kind != "contract" and not grant.said:
        raise ConsoleError(
            f"{KINDS[grant.kind]} of no name: expected the licence, or the actions that are "
            "consented to",
            code="QUERY_INVALID", subject="said", way_out="say which licence, or which actions",
        )  # fmt: skip
    named, reached = _reached(view, grant)
    (layer,) = read_layers([{"layer": "copyright", "basis": [basis_of(grant.terms())]}])
    kinds = frozenset({grant.layer}) if grant.layer else _GIVES[grant.kind]
    makes = grant.layer or ("likeness" if grant.kind == "consent" else "copyright")
    return named, Gain(
        basis=layer.basis[0], kinds=kinds, at=view.today, makes=makes, sources=reached
    )


def grant_form(view: View) -> Form:
    """The form that asks for a grant."""
    kinds = tuple((one, one.replace("_", " ")) for one in LAYER_KINDS)
    return Form(
        title="License it, without doing it", action=ADDRESS, button="Show what would change",
        fields=(
            Field(name="to", label="Granted for", value=view.choice("to", TO),
                  choices=(("source", "a source"), ("party", "all sources of a party"))),
            Field(name="what", label="Which", value=view.text("what"), hint="its id"),
            Field(name="grant", label="What", value=view.choice("grant", WHAT),
                  choices=tuple((one, KINDS[one]) for one in WHAT)),
            Field(name="said", label="Licence or actions", value=view.text("said"),
                  hint="the licence as written, or the actions of a consent; else nothing"),
            Field(name="layer", label="Right", value=_layer(view),
                  choices=((_EVERY, "every one that it can give"), *kinds)),
            Field(name="actions", label="Actions of an agreement", value=view.text("actions"),
                  hint="train_generative, annotate; empty: no limit"),
            Field(name="territory", label="Where", value=view.text("territory"),
                  hint="ISO codes or WORLD; empty: no limit"),
            Field(name="valid_to", label="First day after the end", kind="date",
                  value=str(view.day("valid_to") or "")),
        ),
    )  # fmt: skip


def grant_link(source_id: str, key: str, *, action: str) -> Link | None:
    """The way to what one member of an unlock set would change; None for what is no grant."""
    word, _, label = key.partition(":")
    layer = label.partition(":")[0]
    if word == "agreement":
        asked = {"grant": "contract"}
    elif word == "consent":
        asked = {"grant": "consent", "said": action}
    else:
        return None
    return Link(text=f"what if {word}: {layer}",
                href=path("what-if", "grant", what=source_id, layer=layer, **asked))  # fmt: skip


def worklists(view: View) -> Listed:
    """The way to what would free most, by request."""
    return Listed(title="Which grant frees most", rows=tuple(
        (one.name, Link(text="worklist", href=path("requests", one.name, "worklist")))
        for one in requests.requests(view.session)
    ))  # fmt: skip


def _asked(view: View) -> Grant:
    return Grant(
        to=view.choice("to", TO), what=view.text("what"), kind=view.choice("grant", WHAT),
        said=view.text("said"), layer=_layer(view), actions=view.text("actions"),
        territory=view.text("territory"), valid_to=view.day("valid_to"),
    )  # fmt: skip


def _layer(view: View) -> str:
    return view.choice("layer", (_EVERY, *LAYER_KINDS))


def _reached(view: View, grant: Grant) -> tuple[str, frozenset[str]]:
    if grant.to == "source":
        name = sources.source(view.session, grant.what).source_id
        return name, frozenset({name})
    party = party_known(view, grant.what).party_id
    owned = (one for one in sources.sources(view.session) if one.owner == party)
    return party, frozenset(one.source_id for one in owned)
