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
_EMBEDDED: Final = "dmi-prohibited-seeembeddedrightsexpr"
_LINKED: Final = "dmi-prohibited-seelinkedrightsexpr"
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
    _EMBEDDED: ("conditional", ("use",)),
    _LINKED: ("conditional", ("use",)),
}
_PLUS_LABELS: Final = {
    "unspecified": "dmi-unspecified",
    "allowed": "dmi-allowed",
    "prohibited": "dmi-prohibited",
    "prohibited for ai/ml training": "dmi-prohibited-aimltraining",
    "prohibited for generative ai/ml training": "dmi-prohibited-genaimltraining",
    "prohibited except for search engine indexing": "dmi-prohibited-exceptsearchengineindexing",
    "prohibited, see constraint": "dmi-prohibited-seeconstraint",
    "unspecified - no prohibition defined": "dmi-unspecified",
    "prohibited, see other constraints property": "dmi-prohibited-seeconstraint",
    "prohibited, see plus:otherconstraints": "dmi-prohibited-seeconstraint",
    "prohibited, see embedded encoded rights expression property": _EMBEDDED,
    "prohibited, see iptcext:embdencrightsexpr": _EMBEDDED,
    "prohibited, see linked encoded rights expression property": _LINKED,
    "prohibited, see iptcext:linkedencrightsexpr": _LINKED,
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
_RSL_USES: Final[dict[str, tuple[str, ...]]] = {
    "all": ("use",),
    "ai-train": _TRAIN,
    "ai-input": ("infer",),
    "ai-index": ("index",),
    "search": ("search",),
}


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
        for one in _most_specific(signals, profile)
    ]
    return tuple(
        sorted(
            (one for one in set(found) if one.state != "unset"),
            key=lambda one: (-_RANK.index(one.state), one.scheme, str(one)),
        )
    )


def _most_specific(signals: Sequence[Signal], profile: str) -> list[Signal]:
    """Of the places of TDMRep the most specific of each declarer; everything else as it is.

    By the letter of the protocol a value in error is not set, and so takes no other's place.
    """
    stated = [
        one
        for one in signals
        if profile != "spec-literal"
        or one.scheme not in TDMREP_PLACES
        or _binary(one.value) is not None
    ]
    top: dict[bool | None, int] = {}
    for one in stated:
        if one.scheme in TDMREP_PLACES:
            place = TDMREP_PLACES.index(one.scheme)
            top[one.same_holder] = max(top.get(one.same_holder, 0), place)
    return [
        one
        for one in stated
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
        return _tdmrep(signal.value)
    states = _SCHEMES[signal.scheme](signal.value, profile)
    if profile == "spec-literal" and signal.scheme != "unread":
        return {key: state for key, state in states.items() if state != "malformed"}
    return states


def _tdmrep(value: object) -> dict[str, str]:
    """1 reserves and 0 leaves open; anything else, `true` included, breaks the protocol."""
    said = {"1": "reserved", "0": "unset", None: "malformed"}[_binary(value)]
    return {"mine": said, "infer": said}


def _binary(value: object) -> str | None:
    said = str(value) if type(value) in {int, str} else ""
    return said if said in {"0", "1"} else None


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


def _rsl(value: Mapping[str, str], _: str) -> dict[str, str]:
    return {action: value[use] for use in value for action in _RSL_USES[use]}


def _unread(_: str, __: str) -> dict[str, str]:
    """A statement that was found and not read, by our failing: it may say anything."""
    return {"use": "malformed"}


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
    "rsl": _rsl,
    "unread": _unread,
}
