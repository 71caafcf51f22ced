"""Reservations in words: what reserves, what only sounds like it, and texts of any length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.signals import natural_language, plain_text

RESERVED = ({"natural_language": "reserved"},)
RESERVING = """\
This content may not be used to train AI models.
The recordings must not be used for training machine learning systems.
Content shall not be used, in whole or in part, to train algorithms.
No AI training, please.
No text or data mining.
Not for AI training.
Text and data mining is expressly reserved.
All rights are reserved, including those for text and data mining and similar technologies.
No part of this film may be reproduced for the purpose of training artificial intelligence.
The publisher reserves this work from the exception of Article 4 of Directive (EU) 2019/790.
Use of the videos for machine learning is prohibited.
Use for AI training, text and data mining or a similar purpose without consent is prohibited.
You agree not to use our content to develop or improve any large language model.
You will not use the output to improve another large language model.
You may not train any model on these recordings.
Do not use these clips for training.
Do not train on these recordings.
We do not consent to the use of our work for training generative models.
The licensor prohibits any use, including but not limited to text and data mining.
You may copy the data, but it may not be used to train.
You shall not mine, scrape, or use the data to train a neural network.
We hereby opt out of AI training.
The rights holder objects to text-and-data mining of this site.
Scraping or data mining is not permitted.
tagged #noai
noai, noimageai
Wir erklären den Nutzungsvorbehalt für Text und Data Mining nach § 44b UrhG.
Die Nutzung für Text und Data Mining ist vorbehalten.
Die Inhalte dürfen nicht zum Training von KI-Modellen verwendet werden.
Das Training von künstlicher Intelligenz mit diesen Aufnahmen ist untersagt.
Kein KI-Training.
La fouille de textes et de données est interdite.
Ce contenu ne peut être utilisé pour entraîner des modèles d'IA.
L'éditeur s'oppose à la fouille de textes et de données.
Toute utilisation pour l'entraînement d'une intelligence artificielle est interdite.
"""
SILENT = """\
This dataset may be used to train AI models.
The test set must not be used for training.
The validation split should not be used for training.
All rights reserved. Training data is in data/.
Machine Learning Lab, all rights reserved
We do not use your data to train AI models.
Our models don't train on anything that you send.
The model was trained on 8 devices and may not converge.
The trained model may not be accurate.
There is no restriction on AI training.
These terms do not prohibit text and data mining.
Nothing here limits the use for machine learning.
AI-generated contributions are not allowed.
You may not use AI tools to write issues.
No AI training is required to run this demo.
No training data was removed.
Training is permitted; redistribution is prohibited.
Permission is granted, free of charge, to use this for machine learning.
You may not use this file except in compliance with the License.
You cannot train with a batch size above 64.
Clips are licensed under CC BY 4.0 and can be used for training.
Robots must not be operated without training.
Trainingsdaten, alle Rechte vorbehalten.
Die Daten dürfen zum Training verwendet werden.
Text und Data Mining ist nicht untersagt.
Le modèle est entraîné sur des images.
"""


@pytest.mark.parametrize("sentence", RESERVING.splitlines())
def test_a_reserving_sentence(sentence: str):
    assert natural_language(sentence) == RESERVED
    assert natural_language(f"Welcome.\n\n**{sentence.upper()}**\n\nBye.") == RESERVED
    assert natural_language(sentence.replace(" ", "\r\n", 1)) == RESERVED


@pytest.mark.parametrize("sentence", SILENT.splitlines())
def test_a_sentence_that_reserves_nothing(sentence: str):
    assert natural_language(sentence) == ()


def test_marks_of_a_text_are_no_words():
    assert natural_language("Content may *not* be “used” to `train` AI") == RESERVED
    assert natural_language("Don\u2019t use it for training AI") == RESERVED


def test_a_list_item_is_a_sentence_of_its_own():
    assert natural_language("It is not permitted to\n* sell copies\n* train the dog") == ()
    assert natural_language("You may not\n  use the clips\n  to train a model") == RESERVED


def test_the_mark_of_a_text_says_how_it_is_written():
    said = "Text and data mining is reserved."
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert natural_language(plain_text(said.encode(encoding))) == RESERVED
    assert plain_text(b"\xff\xfe\x00") == "\ufffd"


def test_a_long_sentence_is_read_to_its_end():
    assert natural_language("and so on " * 5_000 + "it may not be used for AI training") == RESERVED


@pytest.mark.parametrize("text", ["may not use ", ". ai ", "a", "\n*"])
def test_megabytes_of_words(text: str):
    assert natural_language(text * (4_000_000 // len(text))) == ()


@given(st.text(max_size=300))
def test_any_text_is_reserved_or_nothing(text: str):
    assert natural_language(text) in ((), RESERVED)
