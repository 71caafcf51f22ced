"""What the signals of a layer say about one action: reserved, allowed, conditional or malformed.

Per scheme a map of actions to states is made; the nearest named action above the asked one speaks,
and a request for a wider action meets every state below it. Of several places of one scheme the
most specific speaks, for each declarer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from licensing.facts import Signal, vocabulary
from licensing.facts.layers import TDMREP_PLACES

_RANK: Final = ("allowed", "unset", "conditional", "malformed", "reserved")
_TRAIN: Final = ("train", "train_discriminative", "train_generative")
_CAWG_STATES: Final = {
    "allowed": "allowed",
    "notAllowed": "reserved",
    "constrained": "conditional",
}
_PLUS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "dmi-unspecified": ("unset", ()),
    "dmi-allowed": ("allowed", ("use",)),
    "dmi-prohibited": ("reserved", ("use",)),
    "dmi-prohibited-aimltraining": ("reserved", ("train",)),
    "dmi-prohibited-genaimltraining": ("reserved", ("train_generative",)),
    "dmi-prohibited-exceptsearchengineindexing": (
        "reserved",
        tuple(sorted(vocabulary.ACTIONS - {"use", "index", "search"})),
    ),
    "dmi-prohibited-seeconstraint": ("conditional", ("use",)),
    "dmi-prohibited-seeembeddedrightsexpr": ("conditional", ("use",)),
    "dmi-prohibited-seelinkedrightsexpr": ("conditional", ("use",)),
}
_PLUS_LABELS: Final = {
    "unspecified": "dmi-unspecified",
    "allowed": "dmi-allowed",
    "prohibited": "dmi-prohibited",
    "prohibited for ai/ml training": "dmi-prohibited-aimltraining",
    "prohibited for generative ai/ml training": "dmi-prohibited-genaimltraining",
    "prohibited except for search engine indexing": "dmi-prohibited-exceptsearchengineindexing",
    "prohibited, see constraint": "dmi-prohibited-seeconstraint",
}
_AIPREF_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "train-ai": _TRAIN,
    "search": ("search",),
    "all": ("mine",),
    "tdm": ("mine",),
    "ai": _TRAIN,
    "genai": ("train_generative",),
    "train-genai": ("train_generative",),
    "ai-use": ("infer",),
}
_AIPREF_MEMBER: Final = re.compile(
    r"""([a-z*][a-z0-9_.*-]*)(?:=([A-Za-z*][\w!#$%&'*+.^`|~:/-]*|"[^"]*"|-?\d[\d.]*|\?[01]))?"""
    r"""((?:;[ ]*[a-z*][a-z0-9_.*-]*(?:=(?:"[^"]*"|\([^)]*\)|[^;,\s]+))?)*)"""
)
_CONTENT_KEYS: Final = {"search": ("search",), "ai-input": ("infer",), "ai-train": _TRAIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one scheme of one declarer says about the asked action."""

    scheme: str
    state: str
    valid: bool | None
    same_holder: bool | None

    @property
    def code(self) -> str:
        """The reason code of this state."""
        if self.state == "reserved":
            return "TDM_RESERVED" if self.scheme == "tdmrep" else "SIGNAL_RESERVED"
        if self.state == "allowed":
            return "SIGNAL_NOT_LICENCE" if self.valid else "EVIDENCE_GRADE"
        return {"malformed": "SIGNAL_MALFORMED", "conditional": "CONSTRAINT_UNPARSED"}[self.state]


def read_signals(signals: Sequence[Signal], action: str, profile: str) -> tuple[Found, ...]:
    """What `signals` say about `action`, the most restrictive first; silence is left out."""
    found = [
        Found(
            scheme="tdmrep" if one.scheme in TDMREP_PLACES else one.scheme,
            state=_at(action, _states(one, profile)),
            valid=one.valid,
            same_holder=one.same_holder,
        )
        for one in _most_specific(signals)
    ]
    return tuple(
        sorted(
            (one for one in set(found) if one.state != "unset"),
            key=lambda one: (-_RANK.index(one.state), one.scheme, str(one)),
        )
    )


def _most_specific(signals: Sequence[Signal]) -> list[Signal]:
    """Of the places of TDMRep the most specific of each declarer; everything else as it is."""
    top: dict[bool | None, int] = {}
    for one in signals:
        if one.scheme in TDMREP_PLACES:
            place = TDMREP_PLACES.index(one.scheme)
            top[one.same_holder] = max(top.get(one.same_holder, 0), place)
    return [
        one
        for one in signals
        if one.scheme not in TDMREP_PLACES
        or TDMREP_PLACES.index(one.scheme) == top[one.same_holder]
    ]


def _at(action: str, states: Mapping[str, str]) -> str:
    """The most restrictive state over `action` and everything below it."""
    return max((_nearest(one, states) for one in vocabulary.below(action)), key=_RANK.index)


def _nearest(action: str, states: Mapping[str, str]) -> str:
    named = (states[one] for one in vocabulary.ancestors(action) if one in states)
    return next(named, "unset")


def _states(signal: Signal, profile: str) -> dict[str, str]:
    """Action -> state, as the scheme of `signal` means it."""
    if signal.scheme in TDMREP_PLACES:
        return _tdmrep(signal.value, profile)
    states = _SCHEMES[signal.scheme](signal.value, profile)
    if profile == "spec-literal":
        return {key: state for key, state in states.items() if state != "malformed"}
    return states


def _tdmrep(value: object, profile: str) -> dict[str, str]:
    """1 reserves and 0 leaves open; anything else, `true` included, breaks the protocol."""
    said = str(value) if type(value) in {int, str} else ""
    if said == "1":
        return {"mine": "reserved", "infer": "reserved"}
    if said == "0" or profile == "spec-literal":
        return {}
    return {"mine": "malformed", "infer": "malformed"}


def _cawg(value: Mapping[str, str], _: str) -> dict[str, str]:
    """Entries are siblings; only a refusal of mining reaches training that has no own entry."""
    entries = {key: _CAWG_STATES[use] for key, use in value.items()}
    mining = entries.get("data_mining", "unset")
    training = "reserved" if mining == "reserved" else "unset"
    return {
        "mine": mining,
        "train": training,
        "train_discriminative": entries.get("ai_training", training),
        "train_generative": entries.get("ai_generative_training", training),
        "infer": entries.get("ai_inference", "unset"),
    }


def _plus(value: str, _: str) -> dict[str, str]:
    label = value.strip().rstrip("/").casefold()
    key = _PLUS_LABELS.get(label, label.rpartition("/")[2])
    state, actions = _PLUS.get(key, ("malformed", ("use",)))
    return dict.fromkeys(actions, state)


def _aipref(value: str, _: str) -> dict[str, str]:
    """An RFC 9651 dictionary: the last duplicate wins, a key without token says nothing."""
    members = [one.strip(" \t") for one in value.split(",")]
    parsed = [_AIPREF_MEMBER.fullmatch(one) for one in members]
    if not all(parsed):
        return {"use": "malformed"}
    said = {one[1]: (one[2], one[3]) for one in parsed if one}
    states: list[tuple[str, str]] = []
    for key, (token, parameters) in said.items():
        state = {"y": "allowed", "n": "reserved"}.get(token or "", "unset")
        if state == "reserved" and "exceptions=" in parameters:
            state = "conditional"
        states += [(action, state) for action in _AIPREF_KEYS.get(key, ())]
    return _strictest(states)


def _content_signal(value: str, _: str) -> dict[str, str]:
    if value in {"reserved", "allowed"}:
        return dict.fromkeys(_TRAIN, value)
    pairs = [one.strip().partition("=") for one in value.split(",")]
    states = {"yes": "allowed", "no": "reserved"}
    if not all(word in states for _, _, word in pairs):
        return {"use": "malformed"}
    return _strictest(
        (action, states[word]) for key, _, word in pairs for action in _CONTENT_KEYS.get(key, ())
    )


def _robots(value: str, _: str) -> dict[str, str]:
    states = {"reserved": "reserved", "disallow": "reserved", "allowed": "unset", "allow": "unset"}
    return dict.fromkeys(_TRAIN, states.get(value.strip().casefold(), "malformed"))


def _natural_language(value: str, profile: str) -> dict[str, str]:
    if value == "reserved" and profile == "legalistic":
        return {"use": "conditional"}
    return {"use": value}


def _strictest(states: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for action, state in states:
        found[action] = max(found.get(action, "allowed"), state, key=_RANK.index)
    return found


_SCHEMES: Final[dict[str, Callable[[Any, str], dict[str, str]]]] = {
    "cawg": _cawg,
    "plus": _plus,
    "aipref": _aipref,
    "content_signal": _content_signal,
    "robots": _robots,
    "natural_language": _natural_language,
}
