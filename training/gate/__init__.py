"""The gate: refuse what is not cleared, before the first byte reaches a tensor.

`Cleared` is made by `open_training_set` and nowhere else; sampler and loader accept nothing else.
`verify_training_set` is the auditor's way in: it names no use, and reads every byte.
"""

from training.gate.access import Access
from training.gate.opening import Cleared, Standing, check_again, numbered, open_training_set
from training.gate.verifying import read_set, verify_training_set

__all__ = [
    "Access",
    "Cleared",
    "Standing",
    "check_again",
    "numbered",
    "open_training_set",
    "read_set",
    "verify_training_set",
]
