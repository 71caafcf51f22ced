"""How people reserve machine use in words: chains of short patterns, English, German and French.

Written for lower-case text with single spaces. A chain is met when each pattern matches within so
many characters after the one before it; no pattern looks further than a few dozen characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

Chain = tuple[tuple[re.Pattern[str], int], ...]


def _chain(first: str, *after: tuple[int, str]) -> Chain:
    return (re.compile(first), 0), *((re.compile(pattern), within) for within, pattern in after)


def _any(patterns: Iterable[str]) -> str:
    return f"(?:{'|'.join(patterns)})"


MINING: Final = _any((
    r"(?:text|data)[- ]?(?:(?:and|or|&)[- ]?data[- ]?)?mining",
    r"\btdm\b",
))  # fmt: skip
MACHINES: Final = _any((
    r"\b(?:ai|a\.i|ml|llms?)\b",
    r"artificial intelligence",
    r"machine[- ]learning",
    r"(?:language|foundation|generative|diffusion|world|neural|gpai) (?:models?|networks?)",
))  # fmt: skip
_LEARNING: Final = _any((
    MINING,
    rf"\btrain(?:ing)?\b(?=[^,]{{0,40}}?(?:{MACHINES}|\b(?:model|algorithm|system|network)s?\b))",
    rf"{MACHINES}(?:[ /-](?:and|or|ai|ml|machine|learning|model|system|data))*"
    r"[ /-](?:training|development|purposes?|mining|scraping)",
    r"machine[- ]learning",
))  # fmt: skip
_USE: Final = r"\b" + _any((
    r"us(?:e|ed|ing|age)", r"train", r"mined?", r"reproduc\w+", r"cop(?:y|ied|ying)", r"extract\w*",
    r"scrap(?:e|ed|ing)", r"harvest\w*", r"ingest\w*", r"process\w*", r"utili[sz]\w+",
    r"exploit\w*", r"develop\w*", r"distribut\w+", r"input", r"fee?d", r"employ\w*", r"collect\w*",
    r"download\w*", r"incorporat\w+", r"includ\w+", r"appear", r"access\w*",
)) + r"\b"  # fmt: skip
_BARRED: Final = _any((
    r"(?<!we )\b(?:may|must|shall|can|should|will) (?:not|never)\b",
    r"\bcannot\b",
    r"\b(?:is|are) not to be\b",
    r"(?<!we )(?<!they )\b(?:do not|don't)\b",
    r"\bagrees? not to\b",
    r"\b(?:prohibited|barred|refrain) from\b",
    r"\bforbidden to\b",
    r"\bnot (?:permitted|allowed|authori[sz]ed|licen[sc]ed) to\b",
    r"\bno part\b",
))  # fmt: skip
_IS_REFUSED: Final = r"\b(?:is|are|be|remains?) (?:\w+ ){0,2}" + _any((
    r"prohibited", r"forbidden", r"disallowed", r"unauthori[sz]ed", r"opted out",
    r"not (?:be )?(?:permitted|allowed|authori[sz]ed|licen[sc]ed)",
)) + r"\b"  # fmt: skip
_PROHIBITS: Final = r"\b" + _any((
    r"prohibit(?:s|ing)?", r"forbids?", r"disallows?", r"objects? to", r"opposes?", r"withholds?",
    r"(?:do|does) not (?:permit|allow|authori[sz]e|consent|agree|grant)",
)) + r"\b"  # fmt: skip
_RESERVES: Final = r"\breserv(?:e|es|ed|ing|ation)\b[^,]{0,60}?,? " + _any((
    r"including", r"in respect", r"with respect", r"regarding", r"concerning", r"against",
    r"for", r"under", r"of", r"to", r"from",
)) + r"\b"  # fmt: skip
_ARTICLE: Final = r"(?:\bart(?:icle|\.)? 4\b|2019/790|§ ?44 ?b)"
_TRAINING: Final = r"\b(?:training|scraping|mining)\b"
_OURS: Final = r"(?:this|these|our|my|the|your)\b"
_NOT_A_DUTY: Final = r"(?! (?:is|are|was|were|code|data|scripts?|sets?|experience|required|needed))"

ENGLISH_BARS: Final[tuple[Chain, ...]] = (
    _chain(
        _BARRED,
        (60, _USE),
        (
            160,
            rf"{MINING}|\btrain(?:ing)?\b|\b(?:to|for|in|into|by|with|as)\b(?=[^,]{{0,50}}?{MACHINES})",
        ),
    ),
    _chain(_BARRED, (60, rf"\b(?:train|mine)\b (?:{MACHINES}|an?y?\b|models?|(?:on )?{_OURS})")),
    _chain(rf"\bnot for (?:use in )?(?:\w+ ){{0,2}}?(?:{MACHINES}[ /-](?:\w+ )?training|{MINING})"),
    _chain(
        r"\bno (?:(?:use|of|for|in|any|commercial|generative) ){0,3}"
        rf"(?:{MACHINES}(?:[ /,&-]+(?:and|or|machine|learning|model|{MACHINES}))*"
        rf"[ /-]+{_TRAINING}|{MINING}){_NOT_A_DUTY}"
    ),
    _chain(r"#no(?:image)?ai\b|^\W*no(?:image)?ai(?:\W+no(?:image)?ai)*\W*$"),
)
ENGLISH: Final[tuple[Chain, ...]] = (
    _chain(_LEARNING, (90, _IS_REFUSED)),
    _chain(_PROHIBITS, (160, rf"(?:{_LEARNING}|\b(?:for|in) training\b)")),
    _chain(_RESERVES, (160, rf"(?:{_LEARNING}|\btraining\b|{_ARTICLE})")),
    _chain(
        rf"(?:{_LEARNING}|{_ARTICLE})",
        (90, r"\b(?:is|are|hereby|(?<!all )rights?) (?:\w+ )?reserved\b"),
    ),
    _chain(r"\b(?:opts|opted|hereby opt)[- ]out\b", (120, rf"(?:{_LEARNING}|{MACHINES})")),
)
_GERMAN: Final = _any((
    r"text[- ]*(?:und|u\.|&)[- ]*data[- ]*mining", r"data[- ]mining", r"\btdm\b", r"§ ?44 ?b",
    r"\btraining(?!s(?:daten|set|satz))\w*", r"\btrainier\w+", r"maschinelle\w* lernen\w*",
    r"\bki[- ]?(?:training|system|modell|anwendung|entwicklung)\w*", r"k.nstlich\w* intelligenz",
))  # fmt: skip
_GERMAN_BAR: Final = r"\b" + _any((
    r"untersag\w+", r"verboten", r"vorbehalten", r"\w{0,20}vorbehalt", r"unzul.ssig",
    r"widerspr[eo]ch\w+",
    r"nicht (?:gestattet|erlaubt|zul.ssig|zugelassen|verwendet|genutzt|benutzt)",
)) + r"\b"  # fmt: skip
_FRENCH: Final = _any((
    r"fouille de (?:textes?|donn.es)", r"apprentissage (?:automatique|machine|profond)",
    r"\bentra.n\w+ [^,]{0,40}?(?:mod.les?|\bia\b|intelligence|algorithmes?|syst.mes?)",
))  # fmt: skip
_FRENCH_BAR: Final = r"\b" + _any((
    r"interdi\w+", r"r.serv.\w*", r"s.oppos\w+", r"non autoris\w+", r"pas (?:autoris|permis)\w*",
    r"ne (?:peu\w+|doi\w+) (?:pas|.tre|en aucun)",
))  # fmt: skip
FOREIGN: Final[tuple[Chain, ...]] = (
    _chain(_GERMAN, (120, _GERMAN_BAR)),
    _chain(_GERMAN_BAR, (120, _GERMAN)),
    _chain(r"\bd(?:arf|.rfen)\b", (120, r"\bnicht\b"), (120, _GERMAN)),
    _chain(rf"\bkeine?r? (?:nutzung (?:f.r|zum) )?{_GERMAN}"),
    _chain(_FRENCH, (120, _FRENCH_BAR)),
    _chain(_FRENCH_BAR, (160, _FRENCH)),
)
# Sentences that free what they name, and sentences about data held out from one's own training.
FREED: Final = re.compile(
    r"\b(?:not|nothing|never|no)\b[^,]{0,40}"
    r"\b(?:prohibit|restrict|forbid|reserv|limit(?!ed to)|object|oppos)\w*"
    r"|\bnicht (?:untersagt|verboten|vorbehalten)\b|\bpas (?:interdit|r.serv.)"
)
HELD_OUT: Final = re.compile(
    r"\b(?:test|validation|val|dev|held[- ]?out|eval(?:uation)?)[ -]"
    r"(?:set|split|fold|subset|data|partition|portion|clip|episode|sample|sequence|video)s?\b"
)
# A sentence that holds none of the first or none of the second is not looked at.
NAMES: Final = re.compile(
    r"train|mining|tdm|no(?:image)?ai|machine|lernen|\b(?:ai|ki|ml|llms?)\b|44 ?b|2019/790|intellig"
    r"|(?:language|foundation|generative|diffusion|world|neural|gpai) "
    r"|fouille|entra.n|apprentissage"
)
BARS: Final = re.compile(
    r"no[t ]|never|no(?:image)?ai|n't|prohibit|forbid|disallow|reserv|r.serv|oppos|object|withhold"
    r"|refrain|barred|unauthor|opts|opted|opt[ -]out|untersag|verbot|vorbehalt|unzul|widerspr"
    r"|kein|nich|interdi|pas |ne "
)
