"""What if this is licensed: what a grant would change, without making it.

The grant is stated in the words of `clearway rights attach`; the engine decides as if it stood.
"""

from typing import Final

from catalog import requests, sources
from licensing.facts import Basis, read_layers
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


def granted(view: View) -> Page:
    """Build the question what a grant would change, and its answer if one is asked."""
    what = view.text("what")
    trail = (Link(text="What if", href="/what-if"),)
    if not what:
        return Page(title="What if it is licensed", trail=trail, blocks=(grant_form(view),))
    named, reached = _reached(view, what)
    kind = view.choice("grant", WHAT)
    gain = Gain(
        basis=_basis(view, kind), kinds=_kinds(view, kind), at=view.today, makes=_makes(view, kind),
        sources=reached,
    )  # fmt: skip
    return Page(
        title="What if it is licensed", trail=trail,
        lead=f"{KINDS[kind]} for {named}: {len(reached):,} source(s), from {view.today} on",
        blocks=(
            grant_form(view),
            Words(paragraphs=("A what-if: nothing was changed. What is still missing is shown for "
                              "the rows of a page.",), tone="note"),
            *gain_blocks(view, gain),
        ),
    )  # fmt: skip


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


def _layer(view: View) -> str:
    return view.choice("layer", (_EVERY, *LAYER_KINDS))


def _kinds(view: View, kind: str) -> frozenset[str]:
    layer = _layer(view)
    return frozenset({layer}) if layer else _GIVES[kind]


def _makes(view: View, kind: str) -> str:
    """Of a right that is named, a layer comes with the grant; else where there is none at all."""
    return _layer(view) or ("likeness" if kind == "consent" else "copyright")


def _reached(view: View, what: str) -> tuple[str, frozenset[str]]:
    if view.choice("to", TO) == "source":
        name = sources.source(view.session, what).source_id
        return name, frozenset({name})
    party = party_known(view, what).party_id
    owned = (one for one in sources.sources(view.session) if one.owner == party)
    return party, frozenset(one.source_id for one in owned)


def _basis(view: View, kind: str) -> Basis:
    said = view.text("said")
    if kind != "contract" and not said:
        raise ConsoleError(
            f"{KINDS[kind]} of no name: expected the licence, or the actions that are consented to",
            code="QUERY_INVALID", subject="said", way_out="say which licence, or which actions",
        )  # fmt: skip
    terms = Terms(
        licence=said if kind == "licence" else "", consent=said if kind == "consent" else "",
        contract=(said or "what-if") if kind == "contract" else "",
        grade="E1", actions=view.text("actions"), territory=view.text("territory"),
        valid_to=str(view.day("valid_to") or ""),
    )  # fmt: skip
    (layer,) = read_layers([{"layer": "copyright", "basis": [basis_of(terms)]}])
    return layer.basis[0]
