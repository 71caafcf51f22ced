"""The words that licence names stand among: what adds nothing, what turns the meaning, places.

A word that is in none of these sets is not known; beside a licence it leaves the text open.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that belong to the name of a licence or not, as one likes.
NOISE: Final = _words("the license v version")
# Words beside which a name that could be something else (MIT, OpenAI) is that of a licence.
SAYS_LICENSED: Final = _words("license licensed under released identifier")
# Words that add nothing to a licence that stands beside them.
FILLERS: Final = NOISE | _words(
    """a an this these our its it all is are be has uses use under in on of at to for by as which
    licensed released distributed available made provided published shared offered covered
    governed data dataset datasets set corpus corpora database collection project repository repo
    code software work works content contents file files text texts video videos audio annotations
    image images terms following see here details more information full link url please refer
    read according international unported generic universal public open source free freely
    publicly legal legalcode deed type name id identifier spdx status dedication stated carries cite
    paper ;"""
)
MONTHS: Final = _words(
    """january february march april may june july august september october november december"""
)
# Words that deny, doubt, divide, compare or restrict: no story that holds one leads to a licence.
TURNS: Final = _words(
    """not no never none nor neither non t cannot dont doesnt isnt arent wasnt wont cant except
    excluding excluded exclude excludes besides without unless unlike instead rather than but
    however although though while whereas if when once after before until since was were had
    previously formerly originally initially earlier old older former longer used may might could
    would should will shall want wants plan plans planned intend intends intended expect hope
    propose proposed pending deny denies denied refuse refused reject rejected prohibited
    forbidden incompatible compatible similar like style based derived inspired modified custom
    variant either or some part parts partly partially portion portions most mixed various several
    different subset other others another only noncommercial commercial research academic
    educational personal restricted restrictions additional permission proprietary reserved
    rights copyright agreement bsd gpl lgpl agpl gnu gfdl apache mpl epl cc openrail claims claim
    allegedly apparently possibly probably maybe perhaps unclear unknown banned bans bar bars
    barred limited limits limit must require requires required fee fees pay paid payment contact
    nobody nothing doubt doubts believe think assume suppose guess suspect seems appears supposedly
    falsely wrongly mistakenly whether unsure uncertain half rest remaining remainder else few many
    withdrawn revoked expired terminated void invalid review almost nearly hardly barely scarcely
    ask request requests agree agrees forbid forbids disallow disallowed illegal unlawful"""
)
# Words beside which a class of terms is not clear: denial, exception, agreement, a bare family.
OPEN: Final = _words(
    """not no never none nor neither t without unless except excluding cannot dont isnt non unlike
    instead rather beyond commercial commercially including also other well both ? ! agreement
    agree agrees agreeing terms conditions eula ... contact request register form sign signed
    permission fee purchase consent membership member members proprietary bsd gpl lgpl agpl gnu
    gfdl cc mpl epl apache openrail"""
)
# Jurisdictions with a port of their own, as codes and as countries.
PORTS: Final = _words(
    """ar at au be br bg ca ch cl cn co cr cz de dk ec ee eg es fi fr gr gt hk hr hu ie igo il in
    it jp kr lu mk mt mx my nl no nz pe ph pl pr pt ro rs se sg si th tw ug uk us ve vn za"""
)
COUNTRIES: Final = {
    "australia": "au",
    "austria": "at",
    "belgium": "be",
    "brazil": "br",
    "canada": "ca",
    "china": "cn",
    "france": "fr",
    "germany": "de",
    "ireland": "ie",
    "italy": "it",
    "japan": "jp",
    "netherlands": "nl",
    "norway": "no",
    "poland": "pl",
    "spain": "es",
    "sweden": "se",
    "switzerland": "ch",
    "taiwan": "tw",
}
