"""The closed sets of the rights model: actions and their lattice, layer kinds, streams, places.

A value outside its set is an error of the case, never a value that no rule happens to read.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARENTS: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("ingest", "index", "search", "annotate", "infer", "sublicense", "mine", "share", "model"),
        "use",
    ),
    **dict.fromkeys(("analytics", "extract_biometric_template", "evaluate", "train"), "mine"),
    **dict.fromkeys(("train_discriminative", "train_generative"), "train"),
    **dict.fromkeys(("share_processor", "share_third_party", "publish_dataset"), "share"),
    "deploy_existing_model": "model",
}
ACTIONS: Final = frozenset({"use", *PARENTS})
RELEASES: Final = ("none", "internal", "api", "weights", "dataset")
OPS: Final = _words(
    "copy collection adaptation fact_extraction anonymise synthesise train produced_work"
)
RESTRICTED_PURPOSES: Final = _words(
    """surveillance law_enforcement justice immigration harm_minors disinformation harassment
    impersonation discrimination social_scoring automated_legal_decision medical_advice"""
)
PURPOSES: Final = RESTRICTED_PURPOSES | _words(
    """games robotics simulation entertainment research analytics education art film automotive
    manufacturing logistics agriculture healthcare accessibility"""
)
MODEL_KINDS: Final = _words("discriminative generative world_model llm policy identity_recognition")
PROFILES: Final = ("conservative", "legalistic", "spec-literal", "tdm_disabled")
STREAMS: Final = ("video", "audio", "action", "state", "event")
PERSON_LAYERS: Final = frozenset({"voice", "likeness", "personal_data", "biometric"})
LAYER_KINDS: Final = (
    "copyright",
    "neighbouring",
    "sui_generis_db",
    "game_av",
    "voice",
    "likeness",
    "personal_data",
    "biometric",
    "contract",
    "tos",
    "tool",
)
OBLIGATION_STATES: Final = ("dormant", "due", "met", "breached")
CAPACITIES: Final = ("self", "parent", "guardian", "representative", "incapable")
GRADES: Final = ("E0", "E1", "E2", "E3", "E4")
EU_MEMBERS: Final = _words(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
)
COUNTRIES: Final = _words(
    """AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO
    BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ
    DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP
    GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG
    KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML
    MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL
    SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM
    US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"""
)


@cache
def ancestors(action: str) -> tuple[str, ...]:
    """`action` itself, then every action that contains it, up to `use`."""
    chain = [action]
    while chain[-1] in PARENTS:
        chain.append(PARENTS[chain[-1]])
    return tuple(chain)


@cache
def below(action: str) -> tuple[str, ...]:
    """`action` and every action that it contains, sorted."""
    return tuple(sorted(one for one in ACTIONS if action in ancestors(one)))


def touches(named: Iterable[str], action: str) -> bool:
    """Does a statement on the `named` actions bear on `action`, or on a piece of it?"""
    return not _reach(action).isdisjoint(named)


def is_place(code: str) -> bool:
    """Is `code` EU, WORLD, an ISO 3166-1 country or a subdivision of one?"""
    country, dash, subdivision = code.partition("-")
    if not dash:
        return code in {"EU", "WORLD"} or code in COUNTRIES
    return country in COUNTRIES and 1 <= len(subdivision) <= 3 and subdivision.isalnum()


def place_inside(place: str, area: Iterable[str]) -> bool:
    """Does `place` lie inside the union of the places in `area`?"""
    places = frozenset(area)
    if "WORLD" in places or place in places:
        return True
    if place == "EU":
        return places >= EU_MEMBERS
    country = place.partition("-")[0]
    return country in places or ("EU" in places and country in EU_MEMBERS)


@cache
def _reach(action: str) -> frozenset[str]:
    return frozenset({*ancestors(action), *below(action)})
