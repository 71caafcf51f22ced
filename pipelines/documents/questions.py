"""What documents ask of people: every field that an answer may fill, with its question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

QUESTIONS: Final[Mapping[str, str]] = {
    "description": "What is the training set, in a sentence or two?",
    "url": "Where is it kept or described, as an address?",
    "citeAs": "How should it be cited?",
    "card.motivation": "Why was it made?",
    "spdx.anonymizationMethodUsed": "How were persons made unrecognisable, if they were?",
    "rai.dataCollection": "How were the recordings made, beyond what is on record?",
    "rai.dataCollectionType": "By which way of collecting, in the vocabulary's own words?",
    "rai.dataCollectionMissingData": "What is missing from the recordings, and why?",
    "rai.dataCollectionRawData": "What were the raw recordings?",
    "rai.dataImputationProtocol": "How were missing values filled, if they were?",
    "rai.dataManipulationProtocol": "What else was done to the recordings?",
    "rai.dataPreprocessingProtocol": "Which steps came before ours?",
    "rai.dataAnnotationProtocol": "How was it annotated?",
    "rai.dataAnnotationPlatform": "With which tools or platforms was it annotated?",
    "rai.dataAnnotationAnalysis": "How far do the annotators agree?",
    "rai.annotationsPerItem": "How many annotations has an item?",
    "rai.annotatorDemographics": "Who are the annotators, as a group?",
    "rai.machineAnnotationTools": "Which programs annotated it?",
    "rai.dataReleaseMaintenancePlan": "Who keeps it up, and how often?",
    "rai.personalSensitiveInformation": "What else may identify or concern a person?",
    "rai.dataSocialImpact": "What may its use do to people?",
    "rai.dataBiases": "Which biases of the recordings are known?",
    "rai.dataLimitations": "What should nobody expect of it?",
    "rai.dataUseCases": "For which uses was it tested?",
}
