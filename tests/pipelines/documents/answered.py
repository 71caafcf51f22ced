"""Answers to every field that forms ask of people, so that a form can be final."""

from tests.pipelines.documents.sets import a_set

AB2013 = {
    "ab2013.system": "World Model One (fictional)",
    "ab2013.2": "The recordings teach the model how scenes move when something acts in them.",
    "ab2013.5.trademark": "no, none is known",
    "ab2013.5.patent": "no",
    "ab2013.8": "no",
    "ab2013.10.ongoing": "yes, new recordings are added each quarter",
    "ab2013.11": "2026-05-02",
}
EU = {
    "eu.1.1.provider_contact": "data@example.org",
    "eu.1.2.model_names": "World Model One 1.0 (fictional)",
    "eu.1.2.dependencies": "none",
    "eu.1.2.placed_on_market": "01/06/2026",
    "eu.1.3.continuously_trained": "no",
    "eu.3.1.code_signatory": "no",
    "eu.3.2.illegal_content": "Films are looked through by a person before they are registered.",
}
GPAI = {
    **{f"gpai.1.{n}.statement": f"We keep measure {n}." for n in range(1, 6)},
    **{f"gpai.1.{n}.owner": "Head of data (fictional)" for n in range(1, 6)},
    "gpai.1.5.contact": "copyright@example.org",
}
ART30 = {
    "art30.controller_contact": "privacy@example.org",
    "art30.protection_officer": "A Protection Officer (fictional)",
    "art30.categories_of_subjects": "staff of the licensor who stand beside the robot",
    "art30.recipients": "none",
    "art30.transfers": "none",
    "art30.retention": "as long as the model is trained, at most to the end of the agreement",
    "art30.security": "disks are encrypted, access is by role",
}
ANSWERS = {**AB2013, **EU, **GPAI, **ART30}
ODD = 'a "quoted" | <b>name</b>\n\x07\u2028日本 \ud800 [x](y) \\'


def answered(**changes):
    """Facts of the small set with every answer; `changes` replace fields."""
    return a_set(**{"answers": ANSWERS, **changes})


def without(field):
    """The same without one answer."""
    return answered(answers={name: said for name, said in ANSWERS.items() if name != field})
